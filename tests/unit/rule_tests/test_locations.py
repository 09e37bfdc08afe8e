"""Laws of locations: every result names the file, line and column of its example."""

from tests.unit.rule_tests.example_rules import ACTS, FILE, TYPES, run_one
from workers.rule_files.known_names import KnownNames
from workers.rule_files.rules import read_documents
from workers.rule_tests.locations import SourceLocation, SourceLocations
from workers.rule_tests.runner import run_examples


def test_every_result_says_where_it_stands() -> None:
    parsed = read_documents({"a.yaml": FILE}, KnownNames(TYPES))
    results = run_examples(parsed.book, TYPES, SourceLocations(parsed.documents).locate)
    assert [result.location for result in results] == [
        SourceLocation("a.yaml", 10, 9),
        SourceLocation("a.yaml", 13, 9),
        SourceLocation("a.yaml", 19, 13),
    ]


def test_without_files_a_place_is_nowhere() -> None:
    assert run_one(ACTS).location == SourceLocation()
    assert SourceLocations([]).locate("quiet", 0, ()) == SourceLocation()
