"""The records of the fault `streams-go-wrong`: made of what was meant, by a seeded function that garbles it.

Each record says what has to become of it (`fate`), so that afterwards every record can be accounted for:

- `event`: it becomes an event. `again`: it is a copy of one that does.
- `skipped`: its source calls such events by another name, or it is something that no one asked for.
- `tombstone`: a record without a value.
- another text: a dead letter with this reason.

What happens to the sources, in shares of the history:

| source | what goes wrong | what was meant |
|---|---|---|
| visits | another name from 0.30 to 0.55; then fixed, and what was skipped is sent again first | all of them |
| top-ups | nothing arrives from 0.40 to 0.60; then everything that waited | all of them |
| answers (nps) | another name from 0.62 to 0.72; those answers never come again | all others |
| complaints | partitions by CRC32 from 0.35 to 0.65; its dead letters are replayed at the end | all of them |
| orders | one batch is damaged on the broker's disk; see `wrong_streams` | all of them |
| orders | some have no customer | no one's events |
| all | numbers, yes and no in odd spellings from 0.12 on; copies; tombstones; codecs | what they say |
"""

import json
import shutil
from binascii import crc32
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any, Final, NamedTuple

from tests.faults.intended import END_MS, START_MS, Meant, meant
from tests.support.paths import DATA
from workers.histories.history import History, iso_utc
from workers.kafka.partitioner import partition_of
from workers.settings import Settings

_FILES: Final = DATA / "streams-go-wrong"
ACTIVITY: Final = "linger.activity"
TOPICS: Final = {
    "purchase": "shop.orders",
    "visit": "shop.app",
    "nps": "shop.nps",
    "topup": "shop.topups",
    "profile": "shop.profiles",
    "complaint": ACTIVITY,
    "cancellation": ACTIVITY,
}
RENAMED: Final = (0.30, 0.55)
SILENT: Final = (0.40, 0.60)
RENAMED_FOR_GOOD: Final = (0.62, 0.72)
MISPLACED: Final = (0.35, 0.65)
DAMAGED: Final = (0.70, 0.80)
_MUTE: Final = {"visit": (RENAMED,), "topup": (SILENT,), "nps": (RENAMED_FOR_GOOD,)}
"""When nothing of a type arrives under a name that its source knows."""
_SPELT_FROM: Final = 0.12
CODECS: Final = (None, "gzip", "lz4", "snappy", "zstd")

_YES: Final = (True, "yes", "Yes ", 1, "1", "TRUE", "subscribed", "opted_in", "granted")
_NO: Final = (
    False,
    "false",
    0,
    "0",
    "no ",
    "NO",
    "unsubscribed",
    "opted-out",
    "withdrawn",
    "nein danke",
    "???",
    {"mail": False},
)
"""The last ones are understood by no one; a customer who answered so is not written to."""


class Sent(NamedTuple):
    """A record of a source, or of a direct producer.

    Attributes:
        at_ms: its time for Kafka; records are sent in this order.
        topic: without prefix.
        key, value: as they are sent.
        fate: see the module.
        partition: chosen by the producer; None for what Kafka's own partitioner chooses.
    """

    at_ms: int
    topic: str
    key: bytes | None
    value: bytes | None
    fate: str
    partition: int | None = None


@dataclass(frozen=True)
class Garbled(History):
    """A history whose records do not say what was meant.

    Attributes:
        intended: the events that were meant, without those that never arrived.
        resent: by topic, what its producer sends again once it is fixed.
    """

    intended: tuple[Meant, ...]
    resent: dict[str, list[Sent]]

    def write_files(self, settings: Settings, prefix: str) -> None:
        """Replace rules and sources of a run by those that go with it."""
        text = (_FILES / "sources.yaml").read_text()
        Path(settings.sources).write_text(text.replace("PREFIX", prefix))
        for path in settings.rules.glob("*.yaml"):
            path.unlink()
        for path in (_FILES / "rules").glob("*.yaml"):
            shutil.copy(path, settings.rules)


def moment_of(share: float) -> int:
    """Return the moment of a share of the history."""
    return START_MS + round((END_MS - START_MS) * share)


def garbled(seed: int, partitions: int) -> Garbled:
    """Return the history of a seed as it is sent.

    Args:
        seed: the same seed gives the same records.
        partitions: of the activity topic.
    """
    chance, spoil = Random(f"garbled {seed}"), _Spoil(Random(f"spoilt {seed}"))
    intended: list[Meant] = []
    records: list[Sent] = []
    resent: dict[str, list[Sent]] = {TOPICS["visit"]: [], TOPICS["topup"]: []}
    for event in meant(seed):
        if event.type == "nps" and _within(event.at_ms, RENAMED_FOR_GOOD):
            records.append(spoil.record(event, name="survey.answered"))
            continue
        intended.append(event)
        if event.type == "visit" and _within(event.at_ms, RENAMED):
            records.append(spoil.record(event, name="signed_in"))
            resent[TOPICS["visit"]].append(spoil.record(event))
        elif event.type == "topup" and _within(event.at_ms, SILENT):
            resent[TOPICS["topup"]].append(spoil.record(event))
        elif event.type == "complaint" and _within(event.at_ms, MISPLACED) and not event.is_pulse:
            records.append(_by_crc32(spoil.record(event), partitions))
        else:
            record = spoil.record(event)
            records.append(record)
            if chance.random() < 0.05:
                later_ms = min(END_MS - 1000, record.at_ms + 60_000)
                if not any(_within(later_ms, when) for when in _MUTE.get(event.type, ())):
                    records.append(record._replace(at_ms=later_ms, fate="again"))
    records += _unowned(chance)
    records.sort(key=lambda record: (record.at_ms, record.topic, record.key or b"", record.fate))
    customers = len({event.customer for event in intended})
    return Garbled("garbled", START_MS, END_MS, records, customers, tuple(intended), resent)  # type: ignore[arg-type]


def _within(at_ms: int, shares: tuple[float, float]) -> bool:
    return moment_of(shares[0]) <= at_ms < moment_of(shares[1])


def _by_crc32(record: Sent, partitions: int) -> Sent:
    """Return a record where librdkafka puts it without `partitioner=murmur2_random`."""
    assert record.key is not None
    partition = crc32(record.key) % partitions
    is_right = partition == partition_of(record.key.decode(), partitions)
    return record._replace(partition=partition, fate="event" if is_right else "wrong_partition")


def _unowned(chance: Random) -> Iterator[Sent]:
    """Yield records that are no one's event: guests, tombstones, and what no one asked for."""
    for number in range(160):
        at_ms = START_MS + 1000 * chance.randrange((END_MS - START_MS) // 1000)
        guest = {"order_id": f"guest-{number}", "total": "12.00", "currency": "USD", "placed_at": iso_utc(at_ms)}
        yield Sent(at_ms, TOPICS["purchase"], b"guest", json.dumps(guest).encode(), "missing_field")
        at_ms = START_MS + 1000 * chance.randrange((END_MS - START_MS) // 1000)
        topic = chance.choice(sorted(set(TOPICS.values())))
        if topic != TOPICS["topup"] or not _within(at_ms, SILENT):
            yield Sent(at_ms, topic, b"c%03d" % chance.randrange(110), None, "tombstone")
        at_ms = START_MS + 1000 * chance.randrange((END_MS - START_MS) // 1000)
        seen = {"name": "Page Viewed", "id": f"page-{number}", "user": "c001", "time": at_ms}
        yield Sent(at_ms, TOPICS["visit"], b"c001", json.dumps(seen).encode(), "skipped")


class _Spoil:
    """Makes a record of an event; what it says is the same, how it says it is not."""

    def __init__(self, chance: Random) -> None:
        self._chance = chance

    def record(self, event: Meant, name: str | None = None) -> Sent:
        """Return the record of an event; under another name than its source knows, it is skipped."""
        values = dict(event.values)
        payload = _PAYLOADS[event.type](event, values if event.at_ms < moment_of(_SPELT_FROM) else self._odd(values))
        if event.at_ms >= moment_of(_SPELT_FROM):
            self._burden(event.type, payload)
        if name is not None:
            payload["name"] = name
        value = json.dumps(payload, ensure_ascii=False).encode()
        fate = "event" if name is None else "skipped"
        return Sent(event.at_ms, TOPICS[event.type], event.customer.encode(), value, fate)

    def _odd(self, values: dict[str, Any]) -> dict[str, Any]:
        chance, odd = self._chance, dict(values)
        for key, value in values.items():
            if key == "marketing_consent":
                odd[key] = chance.choice(_YES if value else _NO)
            elif isinstance(value, bool):
                odd[key] = chance.choice(
                    (value, str(value).lower(), str(value), int(value), "yes" if value else "no")
                )
            elif isinstance(value, int):
                odd[key] = chance.choice((value, str(value), f" {value} ", f"{value}.0", f"+{value}", float(value)))
        if not values:
            odd["score"] = chance.choice(("n/a", "", {"value": 3}, [4], "3,5"))
        return odd

    def _burden(self, event_type: str, payload: dict[str, Any]) -> None:
        """Add optional values that cannot be kept: too long, or no flat value."""
        chance = self._chance
        if event_type == "nps":
            payload["comment"] = "so long " * 500 if chance.random() < 0.3 else "short"
        elif event_type == "purchase" and chance.random() < 0.3:
            payload["basket"] = chance.choice(([{"sku": 1}], {"sku": "a"}, "x" * 3_000))
        elif event_type == "cancellation" and chance.random() < 0.5:
            payload["reason"] = "because of " * 200
        elif event_type == "complaint" and chance.random() < 0.3:
            payload["attributes"]["order"] = chance.choice(({"id": 1}, [1], 1 << 70))


def _canonical(event: Meant, attributes: dict[str, Any]) -> dict[str, Any]:
    top = {"reason": attributes.pop("reason")} if "reason" in attributes else {}
    return {
        "type": event.type,
        "event_id": event.event_id,
        "customer_id": event.customer,
        "occurred_at": iso_utc(event.at_ms),
        **top,
        **({"attributes": attributes} if attributes else {}),
    }


def _amount(value: Decimal) -> str:
    return f"{value:.2f}"


_PAYLOADS: Final[dict[str, Callable[[Meant, dict[str, Any]], dict[str, Any]]]] = {
    "purchase": lambda event, values: {
        "order_id": event.event_id,
        "customer": event.customer,
        "total": _amount(values["amount"]),
        "currency": values["currency"],
        "placed_at": iso_utc(event.at_ms),
        "express": values["express"],
    },
    "visit": lambda event, values: {
        "name": "Signed In",
        "id": event.event_id,
        "user": event.customer,
        "time": event.at_ms,
        **values,
    },
    "nps": lambda event, values: {
        "name": "Answered",
        "id": event.event_id,
        "user": event.customer,
        "time": event.at_ms // 1000,
        **values,
    },
    "topup": lambda event, values: {
        "id": event.event_id,
        "user": event.customer,
        "time": event.at_ms // 1000,
        **values,
    },
    "profile": lambda event, values: {
        "id": event.event_id,
        "user": event.customer,
        "time": iso_utc(event.at_ms),
        **values,
    },
    "complaint": _canonical,
    "cancellation": _canonical,
}
