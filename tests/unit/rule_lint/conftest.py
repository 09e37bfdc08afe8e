"""Fixtures of these tests."""

import pytest

from schemas.sources import SourcesFile
from tests.unit.rule_lint.linted_rules import SOURCES
from workers.source_files.reading import read_sources


@pytest.fixture
def sources() -> SourcesFile:
    sources, problems = read_sources("sources.yaml", SOURCES)
    assert problems == []
    assert sources is not None
    return sources
