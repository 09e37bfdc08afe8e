"""Laws of lines that libraries repeat."""

import logging

from workers.observability.repeats import QUIET_SECONDS, Repeats


def record(message: str, at: float, name: str = "aiokafka.cluster", *args: object) -> logging.LogRecord:
    made = logging.LogRecord(name, logging.ERROR, "", 0, message, args, None)
    made.created = at
    return made


def test_a_library_repeats_a_line_once_a_minute_only() -> None:
    repeats = Repeats()
    written = [at for at in range(0, 121, 10) if repeats.filter(record("Topic %s not found", at, "aiokafka", "a"))]
    assert written == [0, QUIET_SECONDS, 2 * QUIET_SECONDS]


def test_another_topic_is_another_line() -> None:
    repeats = Repeats()
    assert repeats.filter(record("Topic %s not found", 0, "aiokafka", "a"))
    assert repeats.filter(record("Topic %s not found", 0, "aiokafka", "b"))


def test_lines_of_linger_always_pass() -> None:
    repeats = Repeats()
    assert all(repeats.filter(record("step_retried", at, "workers.runtime.tick")) for at in (0, 1, 2))


def test_a_clock_that_was_set_back_hides_nothing() -> None:
    repeats = Repeats()
    assert repeats.filter(record("gone", 1_000))
    assert repeats.filter(record("gone", 10))


def test_a_flood_of_different_lines_is_forgotten_from_its_beginning() -> None:
    repeats = Repeats()
    assert all(repeats.filter(record(f"line {number}", 0)) for number in range(1_000))
    assert repeats.filter(record("line 0", 0))
    assert not repeats.filter(record("line 999", 0))
