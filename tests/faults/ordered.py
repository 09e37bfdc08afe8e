"""A history in which customers answer whether they want messages, and orders are given for some of them.

Answers come through a source of their own, some of them late. Orders go straight into the activity topic.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any, Final

import orjson
from ruamel.yaml import YAML

from schemas.orders import ERASE, RESUME, SUPPRESS, Order, OrderType, encode_order
from workers.histories.history import History, Record, history_of, iso_utc
from workers.histories.simulated import simulate
from workers.settings import Settings

ANSWERS: Final = "shop.answers"
ON_TIME: Final = "answer"
LATE: Final = "late-answer"
"""With which the id of an answer begins that is sent days after it was given."""
_ACTIVITY: Final = "linger.activity"
_DAY_MS: Final = 86_400_000
_CUSTOMERS: Final = 150
_DAYS: Final = 400
_ORDERS: Final = 90
_YAML: Final = YAML(typ="safe")
_TYPES: Final[Sequence[OrderType]] = (ERASE, ERASE, SUPPRESS, SUPPRESS, RESUME)
_SAID: Final[Sequence[Mapping[str, str]]] = (
    {"marketing_consent": "no"},
    {"marketing_consent": "yes"},
    {"country": "PT"},
    {"marketing_consent": "no", "country": "DE"},
)


@dataclass(frozen=True, slots=True)
class Ordered(History):
    """A history with orders.

    Attributes:
        orders: records of the activity topic, in the order in which they are given.
    """

    orders: list[Record]

    def played(self) -> list[Record]:
        """Return all records in the order in which they are sent."""
        return sorted([*self.records, *self.orders], key=lambda record: record.at_ms)

    def ask_for_consent(self, settings: Settings, prefix: str) -> None:
        """Add the source of answers to the sources file, and the question to the rules."""
        path = Path(settings.sources)
        document: dict[str, Any] = _YAML.load(path)
        source = {
            "topic": prefix + ANSWERS,
            "format": "canonical",
            "events": ["profile"],
            "max_silence": document["sources"][0]["max_silence"],
            "complete_since": document["sources"][0]["complete_since"],
        }
        with path.open("w") as file:
            _YAML.dump({**document, "sources": [*document["sources"], source]}, file)
        for rules in sorted(settings.rules.glob("*.yaml")):
            content: Any = _YAML.load(rules)
            if "for every rule" in content:
                content["for every rule"]["consent"] = {"from": "profile.marketing_consent"}
                rules.write_bytes(orjson.dumps(content, default=str))


def ordered(seed: int) -> Ordered:
    """Make the history of a seed."""
    plain = simulate(seed, _CUSTOMERS, _DAYS)
    chance = Random(f"orders {seed}")
    customers = sorted({record.key.decode() for record in plain.records})
    answers = [record for customer in customers for record in _answers(customer, plain, chance)]
    whole = history_of("orders", plain.start_ms, plain.end_ms, [*plain.records, *answers])
    orders = sorted(_order(number, chance.choice(customers), plain, chance) for number in range(_ORDERS))
    return Ordered(whole.name, whole.start_ms, whole.end_ms, whole.records, whole.customers, orders)


def _answers(customer: str, history: History, chance: Random) -> Iterable[Record]:
    for number in range(chance.choice((0, 0, 0, 1, 1, 3))):
        sent_ms = _moment(history, chance)
        said_ms = max(history.start_ms, sent_ms - chance.choice((0, 0, 3, 40)) * _DAY_MS)
        event = {
            "type": "profile",
            "event_id": f"{ON_TIME if said_ms == sent_ms else LATE}-{customer}-{number}",
            "customer_id": customer,
            "occurred_at": iso_utc(said_ms),
            "attributes": chance.choice(_SAID),
        }
        yield Record(sent_ms, ANSWERS, customer.encode(), orjson.dumps(event))


def _order(number: int, customer: str, history: History, chance: Random) -> Record:
    type_, placed_ms = chance.choice(_TYPES), _moment(history, chance)
    given_ms = placed_ms
    if type_ == ERASE and chance.random() < 0.2:
        given_ms = max(history.start_ms, placed_ms - chance.choice((1, 5)) * _DAY_MS)
    order = Order(
        event_id=f"order-{number}",
        type=type_,
        customer_id=customer,
        occurred_at=datetime.fromtimestamp(given_ms / 1000, UTC),
        reason="a fault",
        by="faults",
        may_return=type_ == ERASE and chance.random() < 0.6,
    )
    return Record(placed_ms, _ACTIVITY, customer.encode(), encode_order(order))


def _moment(history: History, chance: Random) -> int:
    span_ms = history.end_ms - history.start_ms
    return history.start_ms + round(span_ms * chance.uniform(0.05, 0.97)) // 1000 * 1000
