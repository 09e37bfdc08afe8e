"""10,000 invented customers of the release 0.1.0: what they did before the upgrade, and one further event of each.

Every shipped rule has customers it acts for, acted for, holds for, waits for and leaves alone, and customers about
whom it cannot know yet. Values are spelled in every way that sources spell them. The same seed gives the same events.
"""

from collections.abc import Iterable, Iterator
from random import Random
from typing import Any, Final, NamedTuple

from tests.support.builders import day
from workers.clock import iso_text

CUSTOMERS: Final = 10_000
UPGRADE_DAY: Final = 400.0
"""The upgrade; days are counted as `tests.support.builders.day` does."""
LOGINS_FALL_SILENT_DAY: Final = 385.0
"""The logs of log-ins end here, so rules that need them wait."""
MAX_SILENCE_DAYS: Final = 10
"""What sources.yaml says of log-ins."""
EVENT_DAYS: Final = 10
"""The further events are spread over this many days."""
TIMER_DAYS: Final = (413.0, 417.0, 422.0, 428.0, 435.0, 443.0, 452.0, 462.0, 477.0)
"""To these days the clock is moved after the further events."""
WAKE: Final = "wake"
"""The customer whose log-ins say that the source of log-ins still speaks."""

TOPICS: Final = {
    "purchase": "orders",
    "login": "logins",
    "cancellation": "cancellations",
    "nps": "answers",
    "complaint": "complaints",
    "loyalty": "memberships",
    "reactivation": "returns",
    "profile": "profiles",
}
CANONICAL: Final = "events"
_MAY_BE_CANONICAL: Final = ("purchase", "login", "complaint")
_BUILT_IN: Final = ("amount", "currency", "what", "reason", "effective_at")

_CONSENTS: Final[tuple[Any, ...]] = (
    *(True, True, "yes", "Yes", None, None),
    *(False, "no", "No ", "no ", "false", 0, "withdrawn", "opt-out"),
)
_SCORES: Final[tuple[Any, ...]] = (0, 3, 5, 6, 7, 9, 10, "2", "6", "9", "10", "n/a", " 4 ", 6.5)
_NEWSLETTERS: Final[tuple[Any, ...]] = (True, False, "true", "yes", "TRUE", 1, 0, "no")
_TIERS: Final = ("gold", "gold", "silver", "Gold", "bronze", "GOLD ")
_REASONS: Final = ("too expensive", "moving abroad", "Moving abroad", "found another shop", None)
_ZONES: Final[tuple[Any, ...]] = ("Europe/Berlin", "America/Chicago", "Nowhere/City", None)
_CATEGORIES: Final[tuple[Any, ...]] = ("books", "toys", "tea", 7, None)


class Event(NamedTuple):
    """One event, before it is a record of a source.

    Attributes:
        at_day: when it happened.
        customer: whose it is.
        type: its type.
        event_id: its id.
        attributes: its values, built-in ones among them; without those that are None.
        canonical: it comes by the source whose records are canonical events.
        sent_at_day: when it is sent, if not when it happened; an event that is sent later is late.
        items_of: the topic of its record, if that has a list of events in which this one is alone.
    """

    at_day: float
    customer: str
    type: str
    event_id: str
    attributes: dict[str, Any]
    canonical: bool = False
    sent_at_day: float | None = None
    items_of: str = ""

    @property
    def sent_day(self) -> float:
        """The day on which it is sent."""
        return self.at_day if self.sent_at_day is None else self.sent_at_day

    @property
    def topic(self) -> str:
        """The topic of its record, without the prefix."""
        return self.items_of or (CANONICAL if self.canonical else TOPICS[self.type])

    def record(self) -> Any:
        """Return the payload of its record."""
        if self.canonical:
            return self.as_canonical()
        return [self._flat()] if self.items_of else self._flat()

    def _flat(self) -> dict[str, Any]:
        return {"id": self.event_id, "customer": self.customer, "at": day(self.at_day), **self.attributes}

    def as_canonical(self) -> dict[str, Any]:
        """Return the event as a direct producer writes it."""
        fields: dict[str, Any] = {
            "event_id": self.event_id,
            "type": self.type,
            "customer_id": self.customer,
            "occurred_at": _iso(self.at_day),
            **{name: value for name, value in self.attributes.items() if name in _BUILT_IN},
        }
        if others := {name: value for name, value in self.attributes.items() if name not in _BUILT_IN}:
            fields["attributes"] = others
        return fields


def history(seed: int = 1, customers: int = CUSTOMERS) -> list[Event]:
    """Return what all customers did before the upgrade, in the order in which it is sent."""
    chance = Random(seed)
    events = [Event(0.1, WAKE, kind, f"{WAKE}-{kind}", _values(chance, kind, 0.1)) for kind in TOPICS]
    for number in range(customers):
        life = list(_events(chance, number))
        if not life:
            at_day = round(chance.uniform(1, 399), 4)
            life = [Event(at_day, _name(number), "profile", f"{number}-0", _values(chance, "profile", at_day))]
        events += life
    return in_order(events)


def further_events(seed: int = 2, customers: int = CUSTOMERS) -> list[Event]:
    """Return one more event of each customer, in the order in which they are sent."""
    chance = Random(seed)
    events = []
    for number in range(customers):
        at_day = UPGRADE_DAY + 0.3 + round(chance.random() * (EVENT_DAYS - 0.5), 4)
        kind = chance.choices(
            ("purchase", "login", "profile", "nps", "complaint", "cancellation", "loyalty", "reactivation"),
            (26, 22, 16, 11, 9, 6, 6, 4),
        )[0]
        events.append(Event(at_day, _name(number), kind, f"f{number}", _values(chance, kind, at_day)))
    return in_order(events)


def wake(until_day: float) -> Event:
    """Return a log-in just before a day that says that log-ins arrive."""
    return Event(until_day - 0.05, WAKE, "login", f"{WAKE}-{until_day}", {"device": "desktop"})


def in_order(events: Iterable[Event]) -> list[Event]:
    """Return events in the order in which they are sent."""
    return sorted(events, key=lambda event: (event.sent_day, *event[:4]))


def _name(number: int) -> str:
    return f"c{number:05d}"


def _events(chance: Random, number: int) -> Iterator[Event]:
    customer, taken = _name(number), set[float]()
    life = sorted(_LIVES[number % len(_LIVES)](chance))
    if chance.random() < 0.3:
        life.append((life[-1][0] + chance.random(), "profile", {}))
    previous = None
    for count, (planned, kind, given) in enumerate(life):
        at_day = round(planned, 4)
        while at_day in taken:
            at_day = round(at_day + 0.001, 4)
        taken.add(at_day)
        if not 0.2 <= at_day < UPGRADE_DAY - 0.01 or (kind == "login" and at_day >= LOGINS_FALL_SILENT_DAY):
            continue
        event_id = f"{number}-{count}"
        # Some sources number their records alike: two events of different types have one id.
        if previous is not None and previous.type != kind and chance.random() < 0.01:
            event_id = previous.event_id
        values = _values(chance, kind, at_day) | given
        canonical = kind in _MAY_BE_CANONICAL and chance.random() < 0.08
        previous = Event(at_day, customer, kind, event_id, values, canonical)
        yield previous


Life = list[tuple[float, str, dict[str, Any]]]


def _joined(chance: Random, most: float = 60.0) -> float:
    """Draw when a customer's last stretch begins: for half of them shortly before the upgrade."""
    return chance.uniform(UPGRADE_DAY - most, UPGRADE_DAY - 1) if chance.random() < 0.55 else chance.uniform(1, 395)


def _known_before(chance: Random, until: float) -> Life:
    """Return, for a third of the customers, something from long before."""
    if chance.random() < 0.35 and until > 20:
        return [(chance.uniform(0.3, until - 10), chance.choice(["login", "purchase", "profile"]), {})]
    return []


def _one_order(chance: Random) -> Life:
    at = _joined(chance)
    return [*_known_before(chance, at), (at, "purchase", {})]


def _regular(chance: Random) -> Life:
    gap, times, end = chance.uniform(6, 35), chance.randint(3, 8), _joined(chance, 110)
    return [(end - place * gap, "purchase", {}) for place in range(times)]


def _visitor(chance: Random) -> Life:
    gap, times, end = chance.uniform(1, 7), chance.randint(3, 12), min(_joined(chance, 45), 384.9)
    device = chance.choice(["mobile", "desktop", "Mobile"])
    logins: Life = [(end - place * gap, "login", {"device": device}) for place in range(times)]
    return [*_known_before(chance, end - times * gap), *logins]


def _canceller(chance: Random) -> Life:
    end = _joined(chance, 50)
    amount = chance.choice([100, 60, 20])
    orders: Life = [
        (end - chance.uniform(1, 30) - place * 9, "purchase", {"amount": amount, "currency": "USD"})
        for place in range(chance.randint(1, 4))
    ]
    back: Life = [(end + chance.uniform(1, 20), "reactivation", {})] if chance.random() < 0.2 else []
    return [*_known_before(chance, end - 70), *orders, (end, "cancellation", {}), *back]


def _answerer(chance: Random) -> Life:
    at = chance.uniform(394, 399.9) if chance.random() < 0.6 else _joined(chance)
    earlier: Life = [(at - chance.uniform(2, 60), "nps", {})] if chance.random() < 0.3 else []
    return [*_known_before(chance, at), *earlier, (at, "nps", {})]


def _complainer(chance: Random) -> Life:
    at = _joined(chance, 40)
    order: Life = [(at + chance.uniform(0.5, 20), "purchase", {})] if chance.random() < 0.4 else []
    before: Life = [(at - chance.uniform(1, 40), "purchase", {})] if chance.random() < 0.6 else []
    again: Life = [(at + 2, "complaint", {})] if chance.random() < 0.15 else []
    return [*_known_before(chance, at - 40), *before, (at, "complaint", {}), *order, *again]


def _member(chance: Random) -> Life:
    at = _joined(chance, 50)
    orders: Life = [(at - chance.uniform(1, 60), "purchase", {})] if chance.random() < 0.6 else []
    return [*_known_before(chance, at - 60), *orders, (at, "loyalty", {})]


def _spending_less(chance: Random) -> Life:
    end = _joined(chance, 30)
    dear: Life = [(end - 92 - 20 * place, "purchase", {"amount": 80, "currency": "USD"}) for place in range(5)]
    cheap: Life = [(end - 25 * place, "purchase", {"amount": 9, "currency": "USD"}) for place in range(3)]
    return [*dear, *cheap] if end > 180 else cheap


def _stranger(chance: Random) -> Life:
    return [(_joined(chance, 70), chance.choice(["profile", "login", "complaint", "profile"]), {})]


_LIVES: Final = (
    *(_one_order,) * 3,
    *(_regular,) * 2,
    *(_visitor,) * 2,
    *(_canceller,) * 4,
    *(_answerer,) * 3,
    *(_complainer,) * 2,
    *(_member,) * 2,
    _spending_less,
    _stranger,
)


def _values(chance: Random, kind: str, at_day: float) -> dict[str, Any]:
    values: dict[str, Any] = {}
    if kind == "purchase":
        values["amount"] = chance.choice([5, 18, 30, 64.35, 90, 160])
        values["currency"] = chance.choice(["USD", "USD", "EUR"])
        values["category"] = chance.choice(_CATEGORIES)
    elif kind == "login":
        values["device"] = chance.choice(["mobile", "desktop"])
    elif kind == "cancellation":
        values["what"], values["reason"] = chance.choice(["gold", "basic"]), chance.choice(_REASONS)
        values["effective_at"] = _iso(at_day + chance.choice([5, 33, 60])) if chance.random() < 0.5 else None
    elif kind == "nps":
        values["score"], values["comment"] = chance.choice(_SCORES), chance.choice(["slow", "fine", None])
    elif kind == "complaint":
        values["about"] = chance.choice(["delivery", "price", None])
    elif kind == "loyalty":
        values["tier"] = chance.choice(_TIERS)
        values["benefits_until"] = _some_date(chance, at_day + chance.uniform(5, 80))
    elif kind == "profile":
        values["marketing_consent"] = chance.choice(_CONSENTS)
        values["time_zone"], values["country"] = chance.choice(_ZONES), chance.choice(["DE", "PT", "de", None])
        values["newsletter"] = chance.choice(_NEWSLETTERS)
        values["birthday"] = _some_date(chance, at_day + chance.uniform(2, 60))
    return {name: value for name, value in values.items() if value is not None}


def _some_date(chance: Random, at_day: float) -> Any:
    """Write a date as sources do: a day, a moment, milliseconds, or something that is none."""
    return chance.choice([_iso(at_day)[:10], _iso(at_day), day(at_day), "soon", _iso(at_day)[:19]])


def _iso(at_day: float) -> str:
    return iso_text(day(at_day) // 1000 * 1000)
