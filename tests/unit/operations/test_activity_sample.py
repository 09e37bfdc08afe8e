"""Laws of the sample of the activity topic: the newest records of all partitions, and which of them lie wrong."""

from hypothesis import given
from hypothesis import strategies as st

from tests.support.processor_rig import record
from workers.errors import StartupError
from workers.kafka.newest_records import newest_ranges
from workers.kafka.partitioner import partition_of
from workers.kafka.records import TopicPartition
from workers.kafka.topics import LogBounds
from workers.operations import kafka_checks
from workers.operations.activity_sample import MAX_RECORDS, ActivitySample

INTAKE = (("linger-source", b"shop.events:0:7"),)


@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 5_000)), min_size=1, max_size=1_500))
def test_the_newest_thousand_are_taken_from_all_partitions_alike(logs: list[tuple[int, int]]) -> None:
    bounds = {
        TopicPartition("linger.activity", number): LogBounds(earliest, earliest + length)
        for number, (earliest, length) in enumerate(logs)
    }
    ranges = newest_ranges(bounds, MAX_RECORDS)
    taken = {partition: chosen.end - chosen.start for partition, chosen in ranges.items()}
    for partition, log in bounds.items():
        assert ranges[partition].end == log.end
        assert log.earliest <= ranges[partition].start
    # As many as there are, up to the limit; and who gives less than another has no more to give.
    assert sum(taken.values()) == min(MAX_RECORDS, sum(length for _, length in logs))
    most = max(taken.values())
    assert all(size >= most - 1 or size == logs[partition.partition][1] for partition, size in taken.items())


def test_only_direct_records_with_a_key_of_another_partition_are_misplaced() -> None:
    here = next(name for name in (f"c{number}" for number in range(99)) if partition_of(name, 4) == 0)
    away = next(name for name in (f"c{number}" for number in range(99)) if partition_of(name, 4) == 3)
    sample = ActivitySample()
    sample.add([record(0, customer=here), record(1, customer=away, headers=INTAKE), record(2, key=None)], 4)
    assert sample == ActivitySample(records=3, direct=2)
    assert kafka_checks.direct_producers(sample).health == "ok"
    sample.add([record(3, customer=away)], 4)
    assert sample == ActivitySample(4, 3, 1, (3, 0))
    finding = kafka_checks.direct_producers(sample)
    assert finding.health == "problem"
    assert finding.observed.startswith("1 of 3 direct records among the newest 4 records are in the wrong partition")
    assert "key of partition 3 in partition 0" in finding.observed
    assert "partitioner=murmur2_random" in finding.remedy


def test_without_direct_producers_or_records_all_is_well() -> None:
    for sample in (ActivitySample(), ActivitySample(records=1_000)):
        assert kafka_checks.direct_producers(sample).health == "ok"


def test_who_may_not_read_the_topic_is_told_so() -> None:
    finding = kafka_checks.unread_activity("linger.activity", StartupError(["Kafka cannot be read: not allowed"]))
    assert (finding.health, finding.observed) == ("could not be checked", "Kafka cannot be read: not allowed")
    assert finding.remedy == "allow Read on linger.activity to this user (docs/acl/kafka-acls.sh)"
