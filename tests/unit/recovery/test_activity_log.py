"""Laws of what the ends of the activity topic say."""

from tests.support.builders import day
from tests.support.processor_rig import record
from workers.recovery.activity_log import event_time, kafka_time


def test_in_a_replay_a_record_has_the_time_of_its_event_and_otherwise_that_of_kafka() -> None:
    login = record(0, at="2024-01-03T00:00:00Z", sent_day=100)
    assert (event_time(login), kafka_time(login)) == (day(2), day(100))


def test_a_record_that_is_no_event_has_the_time_of_kafka() -> None:
    for raw in (b"[]", b"{", b"{}", None):
        assert event_time(record(0, raw=raw or b"", sent_day=7)) == day(7)
