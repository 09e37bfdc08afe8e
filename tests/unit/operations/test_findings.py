"""Laws of findings: the keys that `linger doctor --json` prints stay the same."""

from workers.errors import StartupError
from workers.operations.findings import document, judged, ok, problem, unknown, unreadable


def test_the_document_keeps_the_keys_that_users_parse() -> None:
    finding = problem("Redis", "memory", "9 of 10 MiB used", "it gets full", "CONFIG SET maxmemory")
    assert document(finding) == {
        "area": "Redis",
        "checked": "memory",
        "health": "problem",
        "found": "9 of 10 MiB used",
        "why": "it gets full",
        "mend": "CONFIG SET maxmemory",  # codespell:ignore mend
    }


def test_a_finding_that_is_well_needs_neither_reason_nor_remedy() -> None:
    finding = problem("Redis", "memory", "9 of 10 MiB used", "it gets full", "CONFIG SET maxmemory")
    assert judged(finding, is_well=True) == ok("Redis", "memory", "9 of 10 MiB used")
    assert judged(finding, is_well=False) == finding


def test_what_could_not_be_checked_is_no_problem() -> None:
    assert unknown("clocks", "Kafka", "no time", "why", "remedy").health == "could not be checked"


def test_every_problem_of_an_unreadable_file_is_a_finding() -> None:
    findings = unreadable("rules", StartupError(["rules.yaml:1:1: a", "rules.yaml:2:1: b"]))
    assert [finding.observed for finding in findings] == ["rules.yaml:1:1: a", "rules.yaml:2:1: b"]
    assert {finding.remedy for finding in findings} == {"linger rules check"}
