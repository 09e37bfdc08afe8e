"""Gathers everything that Linger holds of one person: first from Redis, then from Kafka. It changes nothing.

In this order no record is missed: what leaves the outbox after Redis was read is in Kafka before Kafka is read.
"""

import time
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import msgspec

from workers.core.customer.stored import UnknownLayout
from workers.core.decisions.decide import decider_of
from workers.core.rules.rule_set import RuleSet
from workers.customer_export.document import Export, KnownState, export_of
from workers.customer_export.from_kafka import key_in_topic, read_kafka
from workers.customer_export.from_redis import InRedis, read_redis
from workers.customer_export.person import Person
from workers.customer_facts.facts_of import facts_of
from workers.explain.customer_state import read_customer
from workers.explain.stored_activity import read_activity
from workers.explain.why import explain_customer
from workers.explain.why_report import as_document
from workers.loading import Configuration
from workers.observability.logs import customer_ref
from workers.rule_files.known_names import event_types
from workers.settings import Settings
from workers.state.connect import clock_of
from workers.state.marks.stored import stored_key
from workers.state.rule_sets.activation import as_active
from workers.state.store import Store

Advance = Callable[[int, int], object]


@dataclass(frozen=True, slots=True)
class Asked:
    """Whose data is asked for, and where it is.

    Attributes:
        store: the state of the workers.
        settings: of the workers.
        configuration: their files.
        customer_id: the person.
    """

    store: Store
    settings: Settings
    configuration: Configuration
    customer_id: str


async def gather(asked: Asked, advance: Advance) -> Export | None:
    """Return everything that is held of a person, None if there is nothing.

    Args:
        asked: whose data.
        advance: called while topics are read, with the number of offsets passed and of all offsets.

    Raises:
        StartupError: if Kafka does not answer, or something may not be read.
        Transient: if Redis does not answer.
    """
    settings, problems = asked.settings, list[str]()
    stored = await read_stored(asked, with_topic=True)
    state, following = None, None
    if stored.activity is not None:
        rules = await as_active(asked.store, asked.configuration.rules)
        state = state_of(stored.activity, rules)
        if state["unreadable_because"] is not None:
            problems.append(state["unreadable_because"])
        else:
            following = await _following(asked)
    log_ref = None if settings.log_key is None else customer_ref(asked.customer_id)
    person = Person(asked.customer_id, stored.ref, log_ref)
    found = await read_kafka(settings, person, advance)
    if stored.is_empty and not any(one.name != "audit" for one in found.found):
        return None
    return export_of(
        stored,
        found,
        state,
        following,
        problems=problems,
        at_ms=time.time_ns() // 1_000_000,
        release=version("linger"),
        published=settings.decided_topics,
    )


async def read_stored(asked: Asked, *, with_topic: bool = False) -> InRedis:
    """Return what Redis holds of a person.

    Args:
        asked: whose data.
        with_topic: look for the key of marks in the topic of marks, if Redis does not have it.
    """
    settings, store = asked.settings, asked.store
    is_known = not with_topic or await stored_key(store, settings.key_of_marks) is not None
    key = None if is_known else await key_in_topic(settings)
    return await read_redis(store, settings, asked.customer_id, event_types(asked.configuration.sources), key)


def state_of(raw: bytes, rules: RuleSet) -> KnownState:
    """Return a stored state in words and in full; if it cannot be read, its bytes and why.

    Args:
        raw: what is stored.
        rules: the active rule set.
    """
    try:
        in_words = read_activity(raw, rules)
        decider = decider_of(rules)
        decider.read(raw)
        facts: dict[str, Any] = msgspec.to_builtins(facts_of(decider.names))
    except UnknownLayout as error:
        return KnownState(
            bytes=len(raw), in_words=None, facts=None, unreadable_because=str(error), raw=b64encode(raw).decode()
        )
    return KnownState(bytes=len(raw), in_words=in_words, facts=facts, unreadable_because=None, raw=None)


async def _following(asked: Asked) -> dict[str, Any] | None:
    """Return what the rules find and would do next, None if the customer has been erased since."""
    configuration, settings = asked.configuration, asked.settings
    snapshot = await read_customer(
        asked.store,
        clock_of(settings, asked.store),
        configuration.sources,
        configuration.rules,
        settings.partitions,
        asked.customer_id,
    )
    if snapshot is None:
        return None
    at_ms = max(snapshot.now_ms, snapshot.decided_ms)
    return as_document(explain_customer(snapshot, at_ms, {rule.id: rule.title for rule in configuration.book.rules}))
