"""Laws of the catalogue: everything that Linger writes stands in it, and commands and pages say the same of it."""

import asyncio
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, get_args

import pytest

from schemas.rules import RuleBook
from schemas.sources import SourcesFile
from tests.support.keys import every_key
from tests.support.paths import ROOT
from workers.catalogue import (
    HEADERS,
    KEYS,
    PARTITION_KEYS,
    SHARED_KEYS,
    TOPICS,
    Header,
    Key,
    Personal,
    Topic,
    kind_of,
)
from workers.catalogue.page import tables, written
from workers.core.decisions.published import FIRST_HEADERS
from workers.customer_export.from_kafka import How, searched
from workers.kafka.rights import Right
from workers.operations.doctor import _Kafka
from workers.operations.own_topics import configs_of
from workers.operations.retention import needs_of
from workers.operations.rights.roles import ROLES
from workers.operations.state_checks import kinds_of_keys
from workers.recovery import wipe as wiping
from workers.recovery.mark import RebuildMark
from workers.recovery.state_files.lines import Inner, PartitionHead
from workers.settings import OWN_TOPICS, read_settings
from workers.state.keys import hash_tag
from workers.state.meta import Meta
from workers.state.store import Claimed, Store

SETTINGS: Final = read_settings({})
PARTITION: Final = 7
NOTHING: Final = "nothing of a customer"
LINES: Final = {
    "the first line of a part": "PartitionHead",
    "customers": "CustomerLine",
    "queues": "QueueLine",
    "records": "RecordLine",
    "held actions": "HeldLine",
    "orders": "OrderLine",
    "marks": "MarkLine",
    "book": "BookLine",
    "hash": "SharedHash",
    "counters": "PaceCounter",
}
by_name = pytest.mark.parametrize("topic", TOPICS, ids=[topic.name for topic in TOPICS])
by_key = pytest.mark.parametrize("key", KEYS, ids=[key.name for key in KEYS])


# --- everything stands in it --------------------------------------------------------------------------------------


def test_every_kind_of_key_stands_in_the_catalogue_and_no_other() -> None:
    kinds = {kind_of("linger", key)[:2] for key in every_key(PARTITION)}
    assert {kind for tag, kind in kinds if tag} == set(PARTITION_KEYS)
    assert {kind for tag, kind in kinds if not tag} == set(SHARED_KEYS)
    assert {tag for tag, _ in kinds} == {"", hash_tag(PARTITION)}
    assert len({(key.of_partition, key.name) for key in KEYS}) == len(KEYS)


def test_a_customer_s_id_is_no_kind_whatever_is_in_it() -> None:
    assert kind_of("linger", f"linger:{{{hash_tag(7)}}}:c:a:b") == (hash_tag(7), "c", "a:b")


def test_every_topic_stands_in_the_catalogue_in_the_order_in_which_it_is_created() -> None:
    assert tuple(topic.name for topic in TOPICS) == OWN_TOPICS


EXPORTED: Final[Mapping[How, str]] = {
    "key": "the customer's records",
    "anywhere": "the customer's records",
    "mark": "the customer's mark",
    "audit": "the commands about the customer",
    "not": "nothing",
}


@by_name
def test_an_export_reads_of_a_topic_what_the_catalogue_says(topic: Topic) -> None:
    assert topic.exported == EXPORTED[searched(read_settings({}))[topic.name]]


def test_every_header_that_a_module_names_stands_in_the_catalogue_and_no_other() -> None:
    constant = re.compile(r'^[A-Z_]+: Final(?:\[str\])? = "(linger-[a-z-]*[a-z]|ce_[a-z]+)"$', re.MULTILINE)
    code = [path.read_text() for path in sorted((ROOT / "workers").rglob("*.py")) if "catalogue" not in path.parts]
    named = {name for text in code for name in constant.findall(text)} | {name for name, _ in FIRST_HEADERS}
    assert named == {header.name for header in HEADERS}


def test_a_header_is_on_topics_that_there_are() -> None:
    assert {name for header in HEADERS for name in header.topics} <= set(OWN_TOPICS)


# --- every command knows it ---------------------------------------------------------------------------------------


@by_key
def test_what_holds_personal_data_is_exported_and_erased_and_nothing_else_is(key: Key) -> None:
    is_personal = key.personal is not Personal.NO
    assert (key.erased != NOTHING) == is_personal
    assert bool(key.exported) <= is_personal
    if key.personal in (Personal.ID, Personal.VALUES, Personal.HASH):
        assert key.exported
        assert key.erased in ("removed", "published first", "written")


@by_name
def test_a_topic_with_personal_data_is_exported_and_an_erasure_says_what_stays(topic: Topic) -> None:
    is_personal = topic.personal is not Personal.NO
    assert (topic.exported != "nothing") == is_personal
    assert (topic.erased != NOTHING) == is_personal


class Wiped(Store):
    """A store that notes the keys that a rebuild deletes."""

    def __init__(self) -> None:
        self.deleted: set[str] = set()
        servers: Any = None
        super().__init__(servers, "linger")
        self.held_actions: Any = self

    async def claim(self, partition: int, owner: str, *, again: bool = False) -> Claimed:
        return Claimed(Meta(owner, 1, 0, None, {}), [])

    async def rules(self) -> Sequence[str]:
        return ["quiet"]

    async def scan(self, cursor: int, count: int) -> tuple[int, dict[str, list[str]]]:
        return 0, {hash_tag(PARTITION): ["a:b"]}

    async def wipe(
        self,
        partition: int,
        meta: Meta,
        keys: Sequence[str],
        fields: Mapping[str, str] | None = None,
        outbox: Sequence[bytes] = (),
    ) -> None:
        own = [self.keys.partition(partition).meta] if fields is not None else []
        self.deleted |= {*keys, *own}


def test_a_rebuild_deletes_the_keys_of_which_it_is_said_and_never_a_mark() -> None:
    store, mark = Wiped(), RebuildMark(rules_lost=False, decided_ms=0)
    asyncio.run(wiping.wipe(store, {PARTITION: mark}, ["login"]))
    deleted = {kind_of("linger", key)[1] for key in store.deleted}
    assert deleted == {key.kind for key in KEYS if key.rebuilt == "deleted and made again"}
    assert not deleted & {"marks", "marks-key"}


@by_key
def test_a_state_file_has_a_key_or_it_is_said_why_not(key: Key) -> None:
    assert (key.in_file is None) == bool(key.left_out)
    if key.in_file is not None:
        names = {line.__name__ for line in (*get_args(Inner), PartitionHead)}
        assert LINES[key.in_file] in names


def test_the_doctor_knows_every_kind_and_names_one_that_is_not_known() -> None:
    assert kinds_of_keys("linger", every_key(PARTITION)).health == "ok"
    for key in ("linger:new:x", f"linger:{{{hash_tag(7)}}}:new:x"):
        finding = kinds_of_keys("linger", [*every_key(PARTITION), key])
        assert (finding.health, "'new'" in finding.observed) == ("problem", True)


@by_name
def test_the_doctor_finds_a_topic_whose_policy_is_not_the_one_that_is_described(topic: Topic) -> None:
    orders = {"topic": "orders", "format": "canonical", "events": ["purchase"], "max_silence": "1 day"}
    sources = SourcesFile.model_validate({"sources": [orders]})
    name, needs = SETTINGS.topic(topic.name), needs_of(RuleBook(), SETTINGS)
    wrong = "delete" if topic.compacted else "compact"
    configs = {name: {"cleanup.policy": wrong, "retention.ms": "604800000", "max.message.bytes": "1"}}
    findings = _Kafka(SETTINGS, sources, needs)._topic_settings({name}, configs)
    problems = [finding.checked for finding in findings if finding.health == "problem"]
    assert f"cleanup.policy of {name}" in problems


@by_name
def test_a_topic_is_created_as_it_is_described(topic: Topic) -> None:
    needs = needs_of(RuleBook(), SETTINGS)
    name = SETTINGS.topic(topic.name)
    made = configs_of(name, SETTINGS, needs.get(name), 3)
    assert (made.get("cleanup.policy", "delete") == "compact") == topic.compacted
    if topic.name == "marks":
        assert made["retention.ms"] == made["retention.bytes"] == "-1"
    if topic.name == "requests":
        assert int(made["retention.ms"]) == 30 * 86_400_000


# --- who may read it ----------------------------------------------------------------------------------------------


@by_name
def test_the_readers_of_a_topic_are_the_roles_that_may_read_it(topic: Topic) -> None:
    may = [role.name for role in ROLES.values() if Right.READ in role.rights.kafka.get(topic.name, ())]
    assert list(topic.readers) == may


@by_key
def test_the_readers_of_a_key_are_the_roles_with_a_user_of_redis(key: Key) -> None:
    assert list(key.readers) == [role.name for role in ROLES.values() if role.rights.redis]


# --- the page -----------------------------------------------------------------------------------------------------


def test_the_page_shows_the_tables_of_the_catalogue() -> None:
    page = (ROOT / "docs" / "privacy.md").read_text()
    assert written(page) == page
    assert set(tables()) == {"topics", "partition keys", "shared keys", "headers"}


def test_a_page_without_a_place_for_a_table_is_refused() -> None:
    with pytest.raises(ValueError, match="0 places for the table 'topics'"):
        written("# Privacy\n")


@pytest.mark.parametrize("entry", [*KEYS, *TOPICS, *HEADERS], ids=lambda entry: entry.name)
def test_the_page_names_every_entry(entry: Key | Topic | Header) -> None:
    page = (ROOT / "docs" / "privacy.md").read_text()
    name = f"linger.{entry.name}" if isinstance(entry, Topic) else entry.name
    assert f"| `{name}` |" in page


@by_key
def test_the_page_of_the_architecture_names_every_key(key: Key) -> None:
    page = (ROOT / "docs" / "architecture.md").read_text()
    assert f":{key.kind}" in page
