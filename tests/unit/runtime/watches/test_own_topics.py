"""Laws of Linger's own topics while a worker runs: each that is gone or too small is named until it is well."""

from structlog.testing import capture_logs

from workers.kafka.topics import TopicState
from workers.runtime.watches.own_topics import PATIENCE_SECONDS, OwnTopics
from workers.settings import OWN_TOPICS, Settings, read_settings

SETTINGS: Settings = read_settings({"LINGER_PARTITIONS": "4"})


def described(**partitions: int | None) -> dict[str, TopicState]:
    """All own topics as they should be, but these; None for one that is gone."""
    counts = {name: SETTINGS.partitions_of(name) for name in OWN_TOPICS} | {
        name.replace("_", "-"): count for name, count in partitions.items()
    }
    names = {SETTINGS.topic(name): count for name, count in counts.items() if count is not None}
    return {name: TopicState(name, count, None) for name, count in names.items()}


def test_topics_as_they_should_be_are_no_problem() -> None:
    watch = OwnTopics(SETTINGS)
    watch.note(described(), 0.0)
    watch.note(described(), PATIENCE_SECONDS)
    assert watch.problem is None


def test_a_topic_that_only_commands_write_to_is_no_concern_of_a_worker() -> None:
    watch = OwnTopics(SETTINGS)
    watch.note(described(audit=None), 0.0)
    watch.note(described(audit=None), PATIENCE_SECONDS)
    assert watch.problem is None


def test_a_topic_that_is_gone_is_named_once_that_lasts_and_no_longer_when_it_is_back() -> None:
    watch = OwnTopics(SETTINGS)
    with capture_logs() as logs:
        for now in (0.0, PATIENCE_SECONDS - 0.1):
            watch.note(described(at_risk=None), now)
            assert watch.problem is None
        for now in (PATIENCE_SECONDS, PATIENCE_SECONDS + 1):
            watch.note(described(at_risk=None), now)
            assert watch.problem == "topic 'linger.at-risk' does not exist; create it: linger topics create"
        watch.note(described(), PATIENCE_SECONDS + 2)
        assert watch.problem is None
    assert [(log["event"], log["topic"]) for log in logs] == [
        ("own_topic_wrong", "linger.at-risk"),
        ("own_topic_right", "linger.at-risk"),
    ]


def test_a_broker_that_does_not_know_a_topic_for_a_moment_is_no_problem() -> None:
    watch = OwnTopics(SETTINGS)
    with capture_logs() as logs:
        for now in range(20):
            watch.note(described(decisions=None if now % 2 else 4), float(now))
            assert watch.problem is None
    assert logs == []


def test_a_topic_that_is_too_small_is_named_with_both_numbers() -> None:
    watch = OwnTopics(SETTINGS)
    watch.note(described(win_back=2), 0.0)
    watch.note(described(win_back=2), PATIENCE_SECONDS)
    assert watch.problem is not None
    assert "topic 'linger.win-back' has 2 partitions, LINGER_PARTITIONS is 4" in watch.problem


def test_a_topic_that_comes_back_too_small_stays_a_problem_all_the_time() -> None:
    watch = OwnTopics(SETTINGS)
    watch.note(described(at_risk=None), 0.0)
    watch.note(described(at_risk=None), PATIENCE_SECONDS)
    watch.note(described(at_risk=1), PATIENCE_SECONDS + 0.1)
    assert watch.problem is not None
    assert "has 1 partitions" in watch.problem


def test_the_topic_of_pauses_has_one_partition() -> None:
    watch = OwnTopics(SETTINGS)
    for now in (0.0, PATIENCE_SECONDS):
        watch.note(described(pauses=3), now)
    assert watch.problem is None
