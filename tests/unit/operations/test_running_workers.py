"""Laws of what the doctor says of running workers."""

from workers.operations.running_worker import agreement
from workers.state.presence.reports import WorkerReport


def report(rules: int) -> WorkerReport:
    return WorkerReport("token", 1, "host", 7, rules, f"hash{rules}", 1)


def test_workers_with_the_same_files_are_well() -> None:
    finding = agreement({"a": report(3), "b": report(3)})
    assert (finding.health, finding.observed) == ("ok", "2 workers, all with rule set 3, sources 1")


def test_no_worker_is_no_problem() -> None:
    assert agreement({}).health == "ok"


def test_each_worker_is_named_with_what_it_has_if_they_differ() -> None:
    finding = agreement({"a": report(3), "b": report(2)})
    assert finding.health == "problem"
    assert finding.observed == ("'a' has rule set 3 (hash3), sources 1; 'b' has rule set 2 (hash2), sources 1")
