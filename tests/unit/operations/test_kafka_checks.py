"""Laws of the checks of Kafka, on what Kafka answers."""

from datetime import timedelta
from typing import Any, Final

import pytest

from workers.kafka.topics import TopicState
from workers.operations import kafka_checks
from workers.operations.permissions import MissingRight, Refusal
from workers.operations.retention import Need

ACTIVITY = "linger.activity"
SHOWN_TO_THE_WORKER: Final = (
    "run this as the role worker: docs/security.md; to that user allow DescribeConfigs: docs/acl/kafka-acls.sh"
)
DAY = Need(timedelta(days=1), "rule 'r' looks back 1 day")


def described(replicas: int, in_sync: int) -> dict[str, Any]:
    return {"topic": ACTIVITY, "partitions": [{"replicas": [*range(replicas)], "isr": [*range(in_sync)]}]}


def test_a_missing_topic_is_created_if_it_is_linger_s_own_and_named_where_it_is_configured_otherwise() -> None:
    topics = {"orders": TopicState("orders", 1, None)}
    findings = kafka_checks.existence([ACTIVITY, "orders", "logins"], topics, [ACTIVITY], "sources.yaml")
    assert [finding.health for finding in findings] == ["problem", "ok", "problem"]
    assert findings[0].remedy == "linger topics create"
    assert "sources.yaml" in findings[2].remedy


@pytest.mark.parametrize(("wanted", "health"), [(4, "ok"), (8, "problem")])
def test_the_partition_count_of_the_activity_topic_is_that_of_the_setting(wanted: int, health: str) -> None:
    finding, version = kafka_checks.activity_topic(TopicState(ACTIVITY, 4, "id-1"), wanted)
    assert (finding.health, version.health) == (health, "ok")
    assert finding.remedy.startswith("set LINGER_PARTITIONS=4") == (health == "problem")


def test_a_broker_without_topic_ids_is_no_problem_but_unknown() -> None:
    assert kafka_checks.activity_topic(TopicState(ACTIVITY, 4, None), 4)[1].health == "could not be checked"


def test_rights_that_are_not_reported_are_unknown_and_missing_ones_keep_their_command() -> None:
    missing = [MissingRight("topic 'a': user 'u' may not Read", "kafka-acls.sh --topic a")]
    assert kafka_checks.rights_on_topics({"a": None}, ["a"], [])[0].health == "could not be checked"
    assert kafka_checks.rights_on_topics({"a": frozenset()}, ["a"], [])[0].health == "ok"
    (absent,) = kafka_checks.rights_on_topics({"a": frozenset()}, ["a", "b"], [])
    assert (absent.health, "b" in absent.observed) == ("could not be checked", True)
    (finding,) = kafka_checks.rights_on_topics({"a": frozenset()}, ["a"], missing)
    assert (finding.observed, finding.remedy) == (missing[0].problem, missing[0].remedy)
    assert kafka_checks.rights_on_group("g", None)[0].health == "could not be checked"
    assert kafka_checks.rights_on_group("g", [])[0].health == "ok"
    assert kafka_checks.rights_on_group("g", missing)[0].health == "problem"


@pytest.mark.parametrize(
    ("replicas", "in_sync", "brokers", "least", "remedy"),
    [
        (1, 1, 1, "1", None),  # one broker cannot keep two copies
        (3, 3, 3, "2", None),
        (1, 1, 3, "1", "kafka-reassign-partitions.sh"),
        (3, 1, 3, "2", "wait for the brokers that are away"),
        (3, 3, 3, "1", "min.insync.replicas=2"),
    ],
)
def test_the_loss_of_one_broker_loses_nothing(
    replicas: int, in_sync: int, brokers: int, least: str | None, remedy: str | None
) -> None:
    configs = {} if least is None else {ACTIVITY: {"min.insync.replicas": least}}
    finding = kafka_checks.copies(described(replicas, in_sync), brokers, configs)
    assert finding.health == ("ok" if remedy is None else "problem")
    assert (remedy or "") in finding.remedy


def test_copies_whose_least_number_is_not_shown_are_not_called_well() -> None:
    finding = kafka_checks.copies(described(3, 3), 3, {})
    assert (finding.health, finding.remedy) == ("could not be checked", SHOWN_TO_THE_WORKER)
    assert kafka_checks.copies(described(1, 1), 3, {}).health == "problem"


@pytest.mark.parametrize(
    ("policy", "retention_ms", "problems"),
    [
        ("delete", -1, []),
        ("delete", 86_400_000, []),
        ("delete", 86_399_999, [f"retention of {ACTIVITY}"]),
        ("compact,delete", -1, [f"cleanup.policy of {ACTIVITY}"]),
    ],
)
def test_a_topic_keeps_its_records_for_as_long_as_they_are_needed(
    policy: str, retention_ms: int, problems: list[str]
) -> None:
    configs = {ACTIVITY: {"cleanup.policy": policy, "retention.ms": str(retention_ms)}}
    findings = kafka_checks.kept_records({ACTIVITY: DAY}, configs)
    assert len(findings) == 2
    assert [finding.checked for finding in findings if finding.health == "problem"] == problems


def test_what_is_kept_too_short_says_what_was_found_what_is_needed_and_because_of_which_rule() -> None:
    configs = {ACTIVITY: {"retention.ms": "3600000", "retention.bytes": "1000"}}
    _, retention, size = kafka_checks.kept_records({ACTIVITY: DAY}, configs)
    assert retention.observed == "1 hour, needed: 1 day (rule 'r' looks back 1 day)"
    assert retention.remedy.endswith(f"--topic {ACTIVITY} --add-config retention.ms=86400000")
    assert (size.checked, size.health) == (f"retention.bytes of {ACTIVITY}", "problem")


def test_settings_that_are_not_shown_are_unknown_and_named_once() -> None:
    (finding,) = kafka_checks.kept_records({ACTIVITY: DAY, "linger.at-risk": DAY}, {})
    assert (finding.health, finding.checked) == ("could not be checked", f"settings of {ACTIVITY}, linger.at-risk")


def test_topics_take_the_largest_record_of_any_source() -> None:
    configs = {name: {"max.message.bytes": size} for name, size in (("a", "10"), ("b", "30"), (ACTIVITY, "20"))}
    unseen, finding = kafka_checks.record_sizes([ACTIVITY, "linger.dead-letter"], ["a", "b", "c"], configs)
    assert finding.remedy.endswith("max.message.bytes=30")
    assert unseen.checked == "max.message.bytes of linger.dead-letter, c"
    assert unseen.health == "could not be checked"
    (finding,) = kafka_checks.record_sizes([ACTIVITY], ["a"], configs)
    assert finding.health == "ok"
    (unseen,) = kafka_checks.record_sizes([ACTIVITY], ["c"], configs)
    assert unseen.remedy == SHOWN_TO_THE_WORKER


def test_every_broker_that_refuses_is_a_finding_with_its_remedy() -> None:
    findings = kafka_checks.refused([Refusal("Kafka at a: x", "Check A"), Refusal("Kafka at b: y", "Check B")])
    assert [(finding.observed, finding.remedy) for finding in findings] == [
        ("Kafka at a: x", "Check A"),
        ("Kafka at b: y", "Check B"),
    ]


@pytest.mark.parametrize(
    ("policy", "retention_ms", "retention_bytes", "health"),
    [
        ("compact", 604_800_000, -1, "ok"),
        ("compact,delete", -1, -1, "ok"),
        ("compact,delete", 604_800_000, -1, "problem"),
        ("compact,delete", -1, 1 << 30, "problem"),
        ("delete", -1, -1, "problem"),  # another setting, and it forgets
        ("delete", 604_800_000, -1, "problem"),
    ],
)
def test_a_topic_of_marks_that_could_forget_is_a_problem_with_its_remedy(
    policy: str, retention_ms: int, retention_bytes: int, health: str
) -> None:
    config = {"cleanup.policy": policy, "retention.ms": str(retention_ms), "retention.bytes": str(retention_bytes)}
    (finding,) = kafka_checks.marks_settings("linger.marks", {"linger.marks": config})
    assert finding.health == health
    assert "cleanup.policy=compact" in finding.remedy or health == "ok"
    (unseen,) = kafka_checks.marks_settings("linger.marks", {})
    assert (unseen.health, unseen.remedy) == ("could not be checked", SHOWN_TO_THE_WORKER)


@pytest.mark.parametrize(
    ("policy", "health"), [("delete", "ok"), ("compact", "problem"), ("compact,delete", "problem")]
)
def test_a_topic_that_keeps_customers_without_end_is_a_problem(policy: str, health: str) -> None:
    (finding,) = kafka_checks.forgetting_settings("linger.audit", {"linger.audit": {"cleanup.policy": policy}})
    assert finding.health == health
    (unseen,) = kafka_checks.forgetting_settings("linger.audit", {})
    assert unseen.health == "could not be checked"


@pytest.mark.parametrize(
    ("policy", "retention_ms", "health"),
    [
        ("compact", 604_800_000, "ok"),
        ("delete", 604_800_000, "problem"),
        ("compact,delete", 1, "problem"),
        ("delete", -1, "ok"),
    ],
)
def test_a_topic_of_pauses_that_forgets_is_a_problem(policy: str, retention_ms: int, health: str) -> None:
    configs = {"linger.pauses": {"cleanup.policy": policy, "retention.ms": str(retention_ms)}}
    (finding,) = kafka_checks.pauses_settings("linger.pauses", configs)
    assert finding.health == health
    (unseen,) = kafka_checks.pauses_settings("linger.pauses", {})
    assert (unseen.health, unseen.remedy) == ("could not be checked", SHOWN_TO_THE_WORKER)
