"""Reading the records of a batch gives the same step, no matter what the fast reader of events takes.

The fast reader is compared with one that takes nothing, so that every record goes to the strict readers. In plain
Python both of its ways are tried, byte by byte and by msgspec; compiled, it has one.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import Any, Final

import pytest
from aiokafka import ConsumerRecord
from hypothesis import given
from hypothesis import strategies as st

from schemas.sources import SourcesFile
from tests.support.builders import rule, rules
from tests.support.examples import examples
from tests.support.fuzzing import JSON_CHARACTERS, damaged, seeds, seeds_for
from tests.support.processor_rig import StoppedClock, record
from workers.core.decisions.decide import decider_of
from workers.core.events import scanner as scanner_module
from workers.core.events.decoding import number_of, scaled
from workers.core.events.plain import PlainEvent
from workers.core.events.scanner import Scanner
from workers.processor.event_reader import EventReader
from workers.processor.unit_of_work import UnitOfWork
from workers.settings import Settings
from workers.state.meta import Meta

DROPPED: Final = "survey"
"""A type that the rule set knows, and that the sources no longer declare."""
KINDS: Final = ("purchase", "login", "cancellation", "nps", "visit", DROPPED)
SCANNER: Final = decider_of(
    rules(rule("visits", when={"latest": "visit.page", "is": "exit"}), rule("gone"), types=KINDS)
).scanner
STRICT: Final = Scanner([], [])
SOURCES: Final = SourcesFile.model_validate(
    {
        "event_types": {"nps": {}, "visit": {}},
        "sources": [
            {
                "topic": "linger.activity",
                "format": "canonical",
                "events": ["purchase", "login", "cancellation", "nps", "visit"],
                "max_silence": "3 days",
            }
        ],
    }
)
READER: Final = EventReader(Settings(partitions=4), SOURCES, StoppedClock(100))


@pytest.fixture(autouse=True, params=["by msgspec", "byte by byte"])
def _way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    # Compiled, it is a number of C, which nothing changes.
    monkeypatch.setattr(scanner_module, "_IS_COMPILED", request.param == "byte by byte", raising=False)


def numbers(event: Any) -> tuple[str, int, int, int]:
    """Return type, moment, amount and fingerprint of an event, of either reader."""
    if isinstance(event, PlainEvent):
        return SCANNER.types[event.type_place], event.at_ms, event.amount, event.fingerprint
    fingerprint = number_of(event.fingerprint())
    return event.type, event.at_ms, scaled(event.attributes.get("amount")), fingerprint


def sorted_by(scanner: Scanner, records: Sequence[ConsumerRecord]) -> tuple[dict[str, Any], int]:
    """Sort records into a step; return what is in it, and how many events the scanner took."""
    work = UnitOfWork(Meta("owner", 0, 0, None, {}))
    for one in records:
        READER.sort(one, work, scanner)
    events = [event for of_customer in work.events.values() for event, _ in of_customer]
    content = {
        "events": [
            (customer, [(numbers(event), one) for event, one in of_customer])
            for customer, of_customer in work.events.items()
        ],
        "dead letters": work.dead_letters,
        "unread": [(one, error.reason, str(error)) for one, error in work.unread],
        "newest": work.newest,
        "high waters": work.high_waters,
        "counts": (work.duplicates, work.tombstones, work.left_out),
    }
    return content, sum(isinstance(event, PlainEvent) for event in events)


def sort_alike(records: Sequence[ConsumerRecord]) -> int:
    """Check that both readers make the same step of records; return how many events the fast one took."""
    fast, taken = sorted_by(SCANNER, records)
    strict, taken_by_no_one = sorted_by(STRICT, records)
    assert fast == strict
    assert taken_by_no_one == 0
    return taken


def body(kind: str, customer: str = "ada", **fields: Any) -> bytes:
    event = {"event_id": "e1", "customer_id": customer, "type": kind, "occurred_at": "2024-01-02T00:00:00Z", **fields}
    return json.dumps(event, separators=(",", ":")).encode()


PLAIN: Final = [
    body("login"),
    body("login", history_until="2024-01-05T00:00:00Z"),
    body("purchase", amount="12.50", currency="EUR"),
    body("purchase", amount="12.50", currency="EUR", attributes={"amount": 5, "new": True}),
    body("cancellation", reason="price"),
    body("nps", "käthe", attributes={"score": 9}),
    body("visit", attributes={"page": "exit"}),
    body(DROPPED),
]
CUSTOMERS: Final = ("ada", "bob", "käthe", *(f"c{number}" for number in range(8)))
SOURCED: Final = (
    (),
    (("linger-source", b"shop:0:7"),),
    (("linger-source", b"shop:0:8"),),
    (("linger-source", b"x"),),
)
KEYS: Final = (None, b"", b"ada", b"bob", b"\xff", "käthe".encode())

events = st.fixed_dictionaries(
    {"customer_id": st.sampled_from(CUSTOMERS), "type": st.sampled_from((*KINDS, "unknown"))},
    optional={
        "event_id": st.sampled_from(["e1", "e2", "ü", "", 5]),
        "occurred_at": st.sampled_from(
            ["2024-01-03T00:00:00Z", "2024-01-03T00:00:00.5Z", "2031-01-01T00:00:00Z", "2024-01-03T02:00:00+02:00"]
        ),
        "amount": st.sampled_from(["1", "0.00005", "-1", 7, 1e3]),
        "currency": st.sampled_from(["EUR", "eur"]),
        "history_until": st.sampled_from(["2024-01-05T00:00:00Z", "2031-01-01T00:00:00Z"]),
        "attributes": st.dictionaries(
            st.sampled_from(["page", "score", "amount", "x" * 300]), st.none() | st.integers() | st.text()
        ),
        "more": st.integers(),
    },
)


@st.composite
def records(draw: Callable[[st.SearchStrategy[Any]], Any]) -> ConsumerRecord:
    """A record of the activity topic: most are events, some are anything."""
    fields = draw(events)
    customer, kind = fields.pop("customer_id"), fields.pop("type")
    raw = draw(st.just(body(kind, customer, **fields)) | st.binary(max_size=20) | st.just(None))
    given_key = draw(st.just(customer.encode()) | st.sampled_from(KEYS))
    return at(raw, given_key, draw(st.integers(0, 3)), draw(st.sampled_from(SOURCED)), draw(st.integers(0, 120)))


def at(raw: bytes | None, key: bytes | None, partition: int, headers: Any, sent_day: int) -> ConsumerRecord:
    made = record(0, raw=raw or b"", key=key, headers=headers, sent_day=sent_day)
    made.partition, made.value = partition, raw
    return made


@given(st.lists(records(), max_size=6))
@examples(600)
def test_a_batch_is_sorted_as_if_every_record_were_read_strictly(batch: list[ConsumerRecord]) -> None:
    sort_alike(batch)


def fuzz(rounds: Iterator[int], number: int) -> None:
    taken = 0
    for seed in rounds:
        chance = Random(seed)
        for _ in range(number):
            raw = damaged(chance, PLAIN, JSON_CHARACTERS)
            key = chance.choice((b"ada", b"ada", b"ada", chance.choice(KEYS)))
            taken += sort_alike([at(raw, key, chance.randrange(4), chance.choice(SOURCED), 1)])
    assert taken > number // 100, "hardly anything is still taken, so nothing is compared"


def test_damaged_events_are_sorted_as_if_they_were_read_strictly() -> None:
    fuzz(seeds(1), 1_500)


@pytest.mark.long
def test_damaged_events_are_sorted_strictly_for_minutes(fuzz_minutes: float) -> None:
    fuzz(seeds_for(fuzz_minutes), 2_000)


@pytest.mark.parametrize(("kind", "is_plain"), [("login", True), ("cancellation", False), (DROPPED, False)])
def test_what_is_plain_is_taken_from_direct_producers_and_from_intake(kind: str, is_plain: bool) -> None:
    """Without this, the comparison could be one of the strict reader with itself.

    The book counts the reasons of cancellations, so these are read as a whole.
    """
    for headers, most in ((SOURCED[0], 1), (SOURCED[1], 4)):
        taken = sum(sort_alike([at(body(kind), b"ada", partition, headers, 1)]) for partition in range(4))
        assert taken == (most if is_plain else 0)
