"""Fixtures of these tests."""

import pytest

from tests.unit.rule_preview.preview_site import Site


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    return Site(tmp_path_factory.mktemp("site"))
