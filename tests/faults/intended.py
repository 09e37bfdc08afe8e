"""The history of the fault `streams-go-wrong` as it was meant, from before anything was garbled.

An event here is what a customer did. How its record looks is `garbling`'s affair; the oracle decides over these
values and never reads a record. The customers are drawn so that it can be known who is meant: gaps plus `max_silence`
stay below every `for`, and sums are far from their bounds. Otherwise no product could be right, because a source that
breaks is believed until its `max_silence` is over.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from random import Random
from typing import Any, Final

from workers.core.events.decoding import DecodedEvent

DAY_MS: Final = 86_400_000
DAYS: Final = 240
START_MS: Final = round(datetime(2024, 1, 1, tzinfo=UTC).timestamp()) * 1000
END_MS: Final = START_MS + DAYS * DAY_MS
_CUSTOMERS: Final = 110
_APART_MS: Final = 3_600_000


@dataclass(frozen=True, order=True)
class Meant:
    """An event as it was meant.

    Attributes:
        at_ms: when it happened; a whole second, and no other event of the customer is within an hour.
        customer: whose.
        type: the event type.
        serial: the how manieth of its type and customer; the id is made of it, so types share ids.
        values: by name, of the type that a rule expects; without those that no one can read.
    """

    at_ms: int
    customer: str
    type: str
    serial: int
    values: tuple[tuple[str, Any], ...] = ()

    @property
    def event_id(self) -> str:
        """The id: the same for a customer's third order, third visit and third complaint."""
        return f"{self.customer}-{self.serial}"

    @property
    def is_pulse(self) -> bool:
        """Whether it is one of the events that keep a source from being silent."""
        return self.customer.startswith("pulse-")

    def decoded(self) -> DecodedEvent:
        """Return the event as it should have been folded."""
        return DecodedEvent(self.event_id, self.type, self.customer, self.at_ms, dict(self.values))


def meant(seed: int) -> list[Meant]:
    """Return everything that happened, in the order of time; the same seed gives the same events."""
    chance = Random(f"meant {seed}")
    events = [event for number in range(_CUSTOMERS) for event in _life(chance, f"c{number:03d}")]
    for event_type in ("purchase", "visit", "nps", "topup", "profile", "complaint"):
        events += _pulse(chance, event_type)
    return sorted(events)


def _pulse(chance: Random, event_type: str) -> Iterator[Meant]:
    for serial in range(DAYS // 2):
        at_ms = START_MS + 2 * serial * DAY_MS + 1000 * chance.randrange(3600, 7200)
        yield Meant(at_ms, f"pulse-{event_type}", event_type, serial, _VALUES[event_type](chance, ""))


def _life(chance: Random, customer: str) -> Iterator[Meant]:
    """Yield what one customer does: each kind of thing with a rhythm of its own, some of them until one day only."""
    came = chance.uniform(1, 50)
    habit = chance.choice(("long high", "long low", "short high", "short low"))
    planned: list[tuple[float, str]] = [(came, "profile")]
    if chance.random() < 0.6:
        planned.append((chance.uniform(came + 5, DAYS - 1), "profile"))
    for event_type, least, most, stops in (
        ("purchase", 8, 25, 0.4),
        ("visit", 3, 9, 0.4),
        ("topup", 5, 15, 0.3),
        ("nps", 22, 40, 0.0),
        ("complaint", 26, 80, 0.0),
    ):
        until = chance.uniform(came + 40, DAYS) if chance.random() < stops else DAYS - 1
        day = came + chance.uniform(0.1, most)
        while day < until:
            planned.append((day, event_type))
            day += chance.uniform(least, most)
    if chance.random() < 0.5:
        planned.append((chance.uniform(came + 10, DAYS - 1), "cancellation"))
    serials: dict[str, int] = {}
    free_ms = START_MS
    for day, event_type in sorted(planned):
        at_ms = max(free_ms, START_MS + round(day * 86_400) * 1000)
        if at_ms >= END_MS:
            return
        serial = serials[event_type] = serials.get(event_type, 0) + 1
        yield Meant(at_ms, customer, event_type, serial, _VALUES[event_type](chance, habit))
        free_ms = at_ms + _APART_MS


def _values(**of: Any) -> tuple[tuple[str, Any], ...]:
    return tuple(of.items())


_VALUES: Final[dict[str, Callable[[Random, str], tuple[tuple[str, Any], ...]]]] = {
    "purchase": lambda chance, habit: _values(
        amount=Decimal(chance.randrange(500, 9000)) / 100, currency="USD", express=chance.random() < 0.5
    ),
    "visit": lambda chance, habit: _values(
        minutes=chance.randrange(25, 60) if "long" in habit else chance.randrange(1, 9)
    ),
    "topup": lambda chance, habit: _values(
        credits=chance.randrange(30, 60) if "high" in habit else chance.randrange(2, 6)
    ),
    "nps": lambda chance, habit: _values(score=chance.randrange(11)) if chance.random() < 0.9 else (),
    "profile": lambda chance, habit: _values(marketing_consent=chance.random() < 0.6),
    "complaint": lambda chance, habit: _values(about=chance.choice(("delivery", "price", "quality"))),
    "cancellation": lambda chance, habit: _values(reason=chance.choice(("moved", "price"))),
}
