"""Laws of comparing workers: those that are alive are compared, and each is named with what it has."""

from workers.state.presence.reports import SILENT_SECONDS, WorkerReport
from workers.state.presence.versions import Alive, versions_by_worker, worded


def report(beat: int = 1, rules: int = 1, token: str = "t") -> WorkerReport:
    return WorkerReport(token, beat, "host", 7, rules, f"hash{rules}", 1)


def test_a_report_counts_once_its_beat_was_seen_to_grow() -> None:
    alive = Alive()
    assert alive.note({"a": report(1)}, 0.0) == {}
    assert alive.note({"a": report(1)}, 1.0) == {}
    assert alive.note({"a": report(2)}, 2.0) == {"a": report(2)}


def test_a_worker_that_falls_silent_no_longer_counts() -> None:
    alive = Alive()
    alive.note({"a": report(1)}, 0.0)
    alive.note({"a": report(2)}, 1.0)
    assert alive.note({"a": report(2)}, 1.0 + SILENT_SECONDS) == {"a": report(2)}
    assert alive.note({"a": report(2)}, 1.1 + SILENT_SECONDS) == {}


def test_a_new_process_under_an_old_name_is_alive() -> None:
    alive = Alive()
    alive.note({"a": report(9)}, 0.0)
    assert alive.note({"a": report(1, token="new")}, 1.0) == {"a": report(1, token="new")}


def test_workers_with_the_same_files_agree() -> None:
    assert versions_by_worker("me", report(), {"a": report(5), "b": report(8)}) == {}
    assert worded("me", {}) is None


def test_each_worker_is_named_with_what_it_has() -> None:
    versions = versions_by_worker("me", report(rules=1), {"a": report(rules=2), "b": report(rules=1), "me": report()})
    assert versions == {
        "a": "rule set 2 (hash2), sources 1",
        "b": "rule set 1 (hash1), sources 1",
        "me": "rule set 1 (hash1), sources 1",
    }
    assert worded("me", versions) == (
        "workers of this group decide by different files: rule set 1 (hash1), sources 1: 'b', this worker; "
        "rule set 2 (hash2), sources 1: 'a'. Give all of them the same files"
    )
