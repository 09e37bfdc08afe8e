"""Laws of the files in docs/acl: they say what the code does, and no more."""

from typing import Final

import pytest

from tests.support.paths import ROOT
from tests.support.secure_services import acls_of_script
from workers.kafka.rights import Right
from workers.operations.permissions import Refusal, rights_needed, topic_rights_missing
from workers.operations.redis_checks import COMMANDS
from workers.settings import WORKER_TOPICS, read_settings

ACL_FILES: Final = ROOT / "docs" / "acl"
AROUND: Final = {"MULTI", "EXEC", "WATCH", "UNWATCH", "INFO", "PING"}
TOPIC: Final = 2
DESCRIBE_CONFIGS: Final = 10


def redis_user(name: str) -> list[str]:
    lines = (ACL_FILES / "redis-users.acl").read_text().splitlines()
    (line,) = [line for line in lines if line.startswith(f"user {name} ")]
    return line.split()


def test_the_redis_worker_may_do_what_the_doctor_tries_and_nothing_else() -> None:
    allowed = {part[1:].upper() for part in redis_user("linger-worker") if part.startswith("+")}
    assert allowed == {name for name, *_ in COMMANDS} | AROUND


@pytest.mark.parametrize("name", ["linger-worker", "linger-operator"])
def test_a_redis_user_begins_with_nothing_and_names_each_command(name: str) -> None:
    words = redis_user(name)
    assert {"resetchannels", "-@all"} <= set(words)
    assert not [word for word in words if word.startswith("+@") or word in ("allkeys", "~*", "nopass", "allcommands")]


def test_the_kafka_worker_is_given_what_a_start_asks_for_and_may_see_how_long_its_topics_keep_records() -> None:
    creations = acls_of_script(ACL_FILES / "kafka-acls.sh", SOURCES="a b")
    given: dict[str, set[int]] = {}
    for kind, name, _, principal, _, operation, _ in creations:
        if kind == TOPIC and principal == "User:linger":
            given.setdefault(name, set()).add(operation)
    asked = rights_needed(read_settings({}), _Sources(), WORKER_TOPICS)  # type: ignore[arg-type]
    needed = {name: {*map(int, rights), DESCRIBE_CONFIGS} for name, rights in asked.items()}
    assert given == needed | {"a": {Right.READ}, "b": {Right.READ}}


class _Sources:
    sources = ()


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
