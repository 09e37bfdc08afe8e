"""Laws of the roles: one table says who may do what, and the files and pages say the same."""

import re
from typing import Final

import pytest

from schemas.sources import SourcesFile
from tests.support.paths import ROOT
from tests.support.secure_services import acls_of_script
from workers.cli.app import app
from workers.cli.on_demand import command_of, commands
from workers.kafka.rights import Right
from workers.operations.permissions import rights_needed
from workers.operations.rights.needs import GROUP, NEEDS, SOURCES, Needs, rights_by_topic, together
from workers.operations.rights.redis_commands import COMMANDS, OF_OPERATORS
from workers.operations.rights.roles import ROLES, roles_of
from workers.settings import AUDIT, OWN_TOPICS, WORKER_TOPICS, read_settings

ACL_FILES: Final = ROOT / "docs" / "acl"
TOPIC: Final = 2
SOURCE: Final = "a-source"
NOT_OF_REDIS: Final = {"GMT", "NFC", "NFKD", "POST"}
OF_SOME: Final = {"CLUSTER", "SET"}
"""Only for a cluster; only by the player of a replay."""
TRANSACTION: Final = {"WATCH", "UNWATCH", "MULTI", "EXEC"}


def redis_lines() -> dict[str, list[str]]:
    lines = (ACL_FILES / "redis-users.acl").read_text().splitlines()
    users = [line.split() for line in lines if line.startswith("user ")]
    return {words[1].removeprefix("linger-"): words[2:] for words in users}


def kafka_rights(role: str) -> dict[str, frozenset[Right]]:
    """What the script gives to a role, by place as in the table."""
    places = {SOURCE: SOURCES, "the-group": GROUP, **{f"p.{name}": name for name in OWN_TOPICS}}
    given: dict[str, frozenset[Right]] = {}
    users = {name.upper(): f"User:{name}" for name in ROLES}
    variables = {"TOPIC_PREFIX": "p", "GROUP_ID": "the-group", "SOURCES": SOURCE, "MAILER_GROUP": "mailers", **users}
    for _, name, pattern, principal, _, operation, _ in acls_of_script(ACL_FILES / "kafka-acls.sh", **variables):
        assert pattern == 3, "literal: a prefix would allow topics that are not meant"
        if principal == f"User:{role}":
            place = places.get(name, name)
            given[place] = given.get(place, frozenset()) | {Right(operation)}
    return given


def test_every_command_is_in_the_table_and_has_a_role() -> None:
    assert set(commands(app)) == set(NEEDS)
    assert [command for command in NEEDS if not roles_of(command)] == []


def test_a_role_is_made_for_commands_that_exist_and_has_the_rights_of_each() -> None:
    for role in ROLES.values():
        assert [command for command in role.commands if not role.may(command)] == []


@pytest.mark.parametrize("role", ROLES)
def test_the_kafka_file_gives_a_role_what_its_commands_need_and_nothing_else(role: str) -> None:
    given = kafka_rights(role)
    if role == "mailer":
        assert given.pop("mailers") == {Right.READ}
    assert given == dict(ROLES[role].rights.kafka)


@pytest.mark.parametrize("role", ROLES)
def test_the_redis_file_gives_a_role_what_its_commands_need_and_nothing_else(role: str) -> None:
    needed = ROLES[role].rights.redis
    if not needed:
        assert role not in redis_lines()
        return
    words = redis_lines()[role]
    assert words[:5] == ["on", f"#{role.upper()}", "resetchannels", "~linger:*", "-@all"]
    assert words[5:] == [f"+{name.lower()}" for name in sorted(needed)]


def test_the_redis_file_has_no_user_that_is_no_role() -> None:
    assert redis_lines().keys() <= ROLES.keys()


def test_only_the_worker_may_join_the_group_and_only_topics_may_create() -> None:
    assert [role.name for role in ROLES.values() if Right.READ in role.rights.kafka.get(GROUP, ())] == ["worker"]
    creators = {role.name for role in ROLES.values() for given in role.rights.kafka.values() if Right.CREATE in given}
    assert creators == {"topics"}


def test_support_may_send_no_command_that_writes_and_writes_only_that_it_looked() -> None:
    assert ROLES["support"].rights.redis <= {
        *("GET", "HGET", "HGETALL", "HLEN", "HMGET", "INFO", "LLEN", "LRANGE", "MULTI", "PING", "SCAN", "SMEMBERS"),
        *("ZCARD", "ZCOUNT", "ZRANGE", "ZSCORE"),
    }
    kafka = ROLES["support"].rights.kafka
    assert {right for rights in kafka.values() for right in rights} == {Right.READ, Right.WRITE, Right.DESCRIBE}
    assert [place for place, rights in kafka.items() if Right.WRITE in rights] == [AUDIT]


def test_a_worker_asks_at_its_start_for_its_rights_on_every_topic_of_its_own_and_on_named_sources() -> None:
    named = {"topic": "orders", "format": "canonical", "events": ["purchase"], "max_silence": "1 day"}
    pattern = {**named, "topics": {"pattern": "shop-.*"}}
    del pattern["topic"]
    sources = SourcesFile.model_validate({"sources": [named, pattern]})
    asked = rights_needed(read_settings({}), sources)
    assert asked.keys() == {"orders", *(f"linger.{name}" for name in WORKER_TOPICS)}
    assert asked["orders"] == {Right.READ}
    assert asked["linger.activity"] == {Right.READ, Right.WRITE}


def test_a_worker_that_writes_to_a_topic_that_is_also_a_source_needs_the_rights_of_both() -> None:
    needs = Needs({SOURCES: frozenset({Right.READ}), "activity": frozenset({Right.WRITE}), GROUP: frozenset()})
    topics = rights_by_topic(needs, read_settings({}), ["linger.activity"])
    assert topics == {"linger.activity": {Right.READ, Right.WRITE}}


def test_a_worker_tries_at_its_start_every_command_of_redis_that_the_table_says() -> None:
    assert NEEDS["run"].redis == {name for name, *_ in COMMANDS} | TRANSACTION | {"INFO"}


def test_every_command_of_redis_in_the_table_can_be_tried_without_effect() -> None:
    tried = {name for name, *_ in (*COMMANDS, *OF_OPERATORS)} | TRANSACTION
    assert {name for needs in NEEDS.values() for name in needs.redis} <= tried


def test_the_table_has_every_command_that_the_code_sends() -> None:
    code = [path.read_text() for path in (ROOT / "workers").rglob("*.py") if "demo" not in path.parts]
    sent = {name for text in code for name in re.findall(r'\("([A-Z]{3,})",', text)}
    assert {"HSETNX", "HGETALL", "MSET"} <= sent
    assert sent - TRANSACTION - NOT_OF_REDIS - OF_SOME <= {name for name, *_ in (*COMMANDS, *OF_OPERATORS)}


def test_rights_that_come_with_others_are_not_asked_for_twice() -> None:
    seen, read = frozenset({Right.DESCRIBE}), frozenset({Right.READ})
    assert together([Needs({"a": seen}), Needs({"a": read})]) == Needs({"a": read})
    assert not Needs({"a": read}).lack(Needs({"a": seen}))
    assert Needs({"a": seen}).lack(Needs({"a": read}))
    assert Needs().lack(Needs({}, frozenset({"GET"})))


@pytest.mark.parametrize(
    ("words", "command"),
    [
        (["dead-letters", "list", "--json"], "dead-letters list"),
        (["pause", "rules", "--because", "x"], "pause"),
        (["--version"], ""),
        (["rules"], "rules"),
    ],
)
def test_the_command_is_found_in_the_words_that_were_typed(words: list[str], command: str) -> None:
    assert command_of(app, words) == command


def test_the_page_shows_the_same_table() -> None:
    page = (ROOT / "docs" / "security.md").read_text()
    rows = re.findall(r"^\| ([^|]+) \| ([^|]+) \|$", page.partition("<!-- roles -->")[2], re.MULTILINE)
    shown = {cells[0]: cells[1] for cells in rows}
    needing = [command for command, needs in NEEDS.items() if needs != Needs()]
    assert {f"`{command}`": ", ".join(roles_of(command)) for command in needing} == {
        command: roles for command, roles in shown.items() if command.startswith("`")
    }
