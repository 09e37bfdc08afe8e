"""Laws of what marketers ask for: the examples of whole rules come out as they expect."""

from pathlib import Path

import pytest

from tests.support.paths import ROOT
from tests.unit.rule_tests.example_rules import TYPES
from workers.rule_files.known_names import KnownNames
from workers.rule_files.rules import load_book
from workers.rule_tests.runner import run_examples
from workers.rule_tests.timelines import as_text, timeline_of

FILES = sorted((ROOT / "tests" / "data" / "practices").glob("*.yaml"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_example_comes_out_as_expected(file: Path) -> None:
    types = (*TYPES, "app-open", "loyalty", "profile", "subscription")
    book, problems = load_book([file], KnownNames(types))
    assert problems == []
    results = run_examples(book, types)
    assert results
    assert [as_text(timeline_of(result)) for result in results if not result.passed] == []
