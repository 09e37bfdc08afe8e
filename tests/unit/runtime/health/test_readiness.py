"""Laws of readiness: when it begins, what does not end it, and the three things that do."""

import pytest

from workers.runtime.health.readiness import Readiness

SESSION = 30.0


def ready() -> Readiness:
    readiness = Readiness(SESSION, is_reached=True)
    readiness.note_claimed([False, False])
    return readiness


def test_a_worker_becomes_ready_when_it_has_reached_joined_and_claimed() -> None:
    readiness = Readiness(SESSION)
    assert readiness.problem(None) == "Redis and Kafka have not both answered since the start"
    readiness.is_reached = True
    assert readiness.problem(None) == "the worker has not joined the consumer group yet"
    assert "has not claimed its partitions yet" in str(readiness.problem(0.0))
    readiness.note_claimed([False])
    assert readiness.problem(0.0) is None


def test_a_spare_worker_is_ready_because_it_has_nothing_to_claim() -> None:
    readiness = Readiness(SESSION, is_reached=True)
    readiness.note_claimed([])
    assert readiness.problem(0.0) is None


@pytest.mark.parametrize(("seconds", "is_ready"), [(0.0, True), (31.0, True), (60.0, True), (60.1, False)])
def test_a_group_that_is_lost_ends_it_after_two_session_timeouts(seconds: float, is_ready: bool) -> None:
    assert (ready().problem(seconds) is None) == is_ready


def test_it_returns_with_the_group() -> None:
    readiness = ready()
    assert readiness.problem(61.0) == "the consumer group has not confirmed this worker as a member for 61 s"
    assert readiness.problem(1.0) is None


@pytest.mark.parametrize(
    ("stopped", "is_ready"),
    [([False, True], True), ([True, True], False), ([True], False), ([], True)],
)
def test_it_ends_when_every_owned_partition_is_stopped_and_not_before(stopped: list[bool], is_ready: bool) -> None:
    readiness = ready()
    readiness.note_claimed(stopped)
    assert (readiness.problem(0.0) is None) == is_ready


def test_it_returns_when_a_partition_goes_on() -> None:
    readiness = ready()
    readiness.note_claimed([True, True])
    assert readiness.problem(0.0) == "every partition that this worker owns is stopped; the log says why"
    readiness.note_claimed([True, False])
    assert readiness.problem(0.0) is None


def test_a_worker_that_is_ending_is_not_ready() -> None:
    readiness = ready()
    readiness.is_ending = True
    assert readiness.problem(0.0) == "the worker is ending"
