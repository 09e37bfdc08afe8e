"""Fixtures of these tests."""

from pathlib import Path

import pytest

from tests.unit.rule_tests.example_rules import FILE, TESTS


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "quiet.yaml").write_text(FILE)
    (tmp_path / "together_test.yaml").write_text(TESTS)
    return tmp_path
