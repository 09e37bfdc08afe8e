"""Laws of what is said of a refusal."""

from workers.kafka.rights import Right
from workers.operations.permissions import Refusal, topic_rights_missing
from workers.settings import read_settings


def test_a_refusal_names_its_remedy_if_it_has_one() -> None:
    assert str(Refusal("Kafka at a: it closed the connection", "Check the port")) == (
        "Kafka at a: it closed the connection. Check the port"
    )
    assert str(Refusal("Redis does not let us in")) == "Redis does not let us in"


def test_a_missing_right_is_named_with_the_command_that_adds_it() -> None:
    settings = read_settings({"LINGER_KAFKA_SASL_USERNAME": "ann", "LINGER_KAFKA_SASL_PASSWORD": "secret"})
    needed = {"orders": (Right.READ,), "activity": (Right.READ, Right.WRITE), "old": (Right.READ,)}
    reported = {"orders": frozenset({Right.READ}), "activity": frozenset(), "old": None}
    (missing,) = topic_rights_missing(settings, needed, reported)
    assert missing.problem == "topic 'activity': user 'ann' (LINGER_KAFKA_SASL_USERNAME) may not Read or Write"
    assert missing.remedy.startswith("kafka-acls.sh ")
    assert str(missing) == f"{missing.problem}. Allow it: {missing.remedy}"
