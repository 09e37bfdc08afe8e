"""Laws of the date when retention has removed a record: from the topic's settings, and never earlier than it says."""

from workers.customer_orders.removal import removal_of

DAY_MS = 86_400_000


def test_a_record_is_there_for_the_retention_and_at_most_a_segment_longer() -> None:
    config = {"cleanup.policy": "delete", "retention.ms": str(30 * DAY_MS), "segment.ms": str(2 * DAY_MS)}
    removal = removal_of(1000, config)
    assert (removal.begins_ms, removal.ends_ms) == (1000 + 30 * DAY_MS, 1000 + 32 * DAY_MS)
    assert removal.is_known
    assert not removal.is_never
    assert removal.because == f"retention.ms={30 * DAY_MS}, segment.ms={2 * DAY_MS}"


def test_without_a_setting_kafkas_default_of_a_segment_counts() -> None:
    removal = removal_of(0, {"retention.ms": "1"})
    assert (removal.begins_ms, removal.ends_ms) == (1, 1 + 7 * DAY_MS)


def test_a_topic_without_a_limit_never_removes_it() -> None:
    removal = removal_of(0, {"retention.ms": "-1"})
    assert removal.is_never
    assert removal.because.startswith("retention.ms=-1")


def test_a_compacted_topic_keeps_the_newest_record_of_a_key_whatever_its_retention() -> None:
    removal = removal_of(0, {"cleanup.policy": "compact", "retention.ms": "5"})
    assert removal.is_never
    assert "tombstone" in removal.because


def test_a_topic_that_is_compacted_and_deletes_removes_it_after_the_retention() -> None:
    removal = removal_of(0, {"cleanup.policy": "compact,delete", "retention.ms": "5", "segment.ms": "7"})
    assert (removal.begins_ms, removal.ends_ms) == (5, 12)


def test_a_limit_of_bytes_may_remove_it_earlier_and_is_said() -> None:
    removal = removal_of(0, {"retention.ms": "5", "retention.bytes": "1000"})
    assert removal.because.endswith("retention.bytes=1000 (may be earlier)")


def test_hidden_settings_are_neither_never_nor_a_date() -> None:
    removal = removal_of(0, None)
    assert (removal.is_known, removal.is_never, removal.begins_ms, removal.ends_ms) == (False, False, None, None)
    assert "DescribeConfigs" in removal.because
