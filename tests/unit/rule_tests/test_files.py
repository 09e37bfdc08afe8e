"""Laws of `linger rules test`: which files it reads and runs, what it prints, and its exit status."""

from pathlib import Path
from typing import Final

import pytest

from tests.unit.rule_tests.example_rules import FILE, TYPES, command, passed
from workers.rule_files.known_names import KnownNames
from workers.rule_tests.files import report_on

PASSING: Final = FILE[: FILE.index("      - name: buys nothing")]


def test_a_folder_runs_its_examples_and_its_tests(folder: Path) -> None:
    report = report_on([folder], KnownNames(TYPES))
    assert [(Path(result.location.file).name, result.location.line, result.passed) for result in report.results] == [
        ("quiet.yaml", 10, True),
        ("quiet.yaml", 13, False),
        ("quiet.yaml", 19, False),
        ("together_test.yaml", 2, True),
        ("together_test.yaml", 7, False),
    ]
    assert report.results[-1].hint == "did you mean 'quiet'?"
    assert [problem.rule for problem in report.unproven] == ["quiet"]


def test_a_file_of_tests_is_about_the_rules_beside_it(folder: Path) -> None:
    assert passed(report_on([folder / "together_test.yaml"], KnownNames(TYPES))) == {
        "buys once": True,
        "buys and is forgotten": False,
    }


def test_a_rule_file_runs_its_examples_alone(folder: Path) -> None:
    assert list(passed(report_on([folder / "quiet.yaml"], KnownNames(TYPES)))) == [
        "buys once",
        "buys nothing",
        "pays with nothing",
    ]


def test_the_rule_files_beside_a_file_are_read_and_not_run(folder: Path) -> None:
    own = PASSING.replace("{none: purchase, for: 45 days}", "{meets: gone quiet}\n    instead of: [other]")
    (folder / "quiet.yaml").write_text(own)
    (folder / "names.yaml").write_text("define:\n  gone quiet: {none: purchase, for: 45 days}\n")
    (folder / "other.yaml").write_text(PASSING.replace("id: quiet", "id: other"))
    (folder / "docker-compose.yml").write_text("services: {}\n")
    assert [result.owner for result in report_on([folder / "quiet.yaml"], KnownNames(TYPES)).results] == ["quiet"]
    assert len(report_on([folder / "together_test.yaml"], KnownNames(TYPES)).results) == 2
    (folder / "names.yaml").write_text("define:\n  gone quiet: {none: puchase, for: 45 days}\n")
    (problem,) = report_on([folder / "quiet.yaml"], KnownNames(TYPES)).problems
    assert (Path(problem.file).name, problem.code) == ("names.yaml", "unknown-type")


def test_a_file_that_is_named_twice_runs_once(folder: Path) -> None:
    paths = [folder, folder / "quiet.yaml", folder / "together_test.yaml"]
    assert len(report_on(paths, KnownNames(TYPES)).results) == 5


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("NOTHING", ["buys nothing", "pays with nothing"]),
        ("quiet", ["buys once", "buys nothing", "pays with nothing"]),
        ("together", ["buys once", "buys and is forgotten"]),
        ("unknown", []),
    ],
)
def test_only_what_a_pattern_fits_is_run(folder: Path, pattern: str, names: list[str]) -> None:
    report = report_on([folder], KnownNames(TYPES), pattern)
    assert [result.name for result in report.results] == names
    assert report.unproven == ()


@pytest.mark.parametrize(
    ("file", "old", "new", "code"),
    [
        ("quiet.yaml", "at-risk", "at-riks", "unknown-action"),
        ("together_test.yaml", "expect: nothing", "expetc: nothing", "unknown-key"),
    ],
)
def test_nothing_is_run_while_a_file_is_broken(folder: Path, file: str, old: str, new: str, code: str) -> None:
    path = folder / file
    path.write_text(path.read_text().replace(old, new, 1))
    report = report_on([folder], KnownNames(TYPES))
    assert report.results == ()
    assert not report.is_good
    assert {(Path(problem.file).name, problem.code) for problem in report.problems} == {(file, code)}


def test_the_command_ends_with_zero_if_all_passed(folder: Path) -> None:
    (folder / "quiet.yaml").write_text(PASSING)
    status, shown = command(folder / "quiet.yaml")
    assert status == 0
    assert shown.splitlines() == [
        "the rule 'quiet' is live, and has no passing example in which it does not act",
        "✓ quiet  1 passed",
        "1 run, 1 passed, 0 failed",
    ]


def test_the_command_shows_what_failed_and_ends_with_one(folder: Path) -> None:
    status, shown = command(folder)
    assert status == 1
    assert "✗ quiet: buys nothing  [" in shown
    assert "buys once" not in shown
    assert "✓ quiet: buys once  [" in command(folder, verbose=True)[1]
    assert shown.splitlines()[-1] == "5 run, 2 passed, 3 failed"


def test_the_command_shows_the_problems_of_broken_files_and_ends_with_one(folder: Path) -> None:
    (folder / "quiet.yaml").write_text(FILE.replace("at-risk", "at-riks", 1))
    status, shown = command(folder)
    assert status == 1
    assert "did you mean 'at-risk'?" in shown


def test_a_pattern_that_fits_nothing_is_no_success(folder: Path) -> None:
    status, shown = command(folder, pattern="unknown")
    assert (status, shown) == (1, "nothing to run: nothing is called 'unknown'\n")


def test_rules_without_examples_are_no_failure(folder: Path) -> None:
    (folder / "quiet.yaml").write_text(PASSING[: PASSING.index("    examples:")].replace("live", "draft"))
    assert command(folder / "quiet.yaml") == (0, "nothing to run: no examples\n")


def test_event_types_of_ones_own_come_from_the_sources(folder: Path) -> None:
    path = folder / "quiet.yaml"
    path.write_text(PASSING.replace("event: purchase", "event: purchase}, {at: 1 day, event: complaint"))
    sources = folder.parent / "sources.yaml"
    sources.write_text("event_types: {complaint: A customer complains.}\nsources: []\n")
    assert command(path)[0] == 1
    declared = "event_types:\n  complaint: {}\n"
    topic = "sources:\n  - {topic: a, format: canonical, events: [purchase, complaint], max_silence: 1 day}\n"
    sources.write_text(declared + topic)
    status, shown = command(path, sources=sources)
    assert (status, shown.splitlines()[-1]) == (0, "1 run, 1 passed, 0 failed")
