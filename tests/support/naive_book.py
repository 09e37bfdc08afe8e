"""The facts of the book, counted by reading a log once, event by event; shares no code with what it checks.

It keeps of every customer the whole list of events, and says what each means by looking at that list.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any, Protocol

_REMEMBERED = 8
_UNTIL = ((30, "30"), (90, "90"), (180, "180"))


class Heard(Protocol):
    """An event as it stands in the log."""

    event_id: str
    type: str
    customer_id: str
    at_ms: int
    attributes: dict[str, Any]


@dataclass
class _Customer:
    ids: list[tuple[str, str]] = field(default_factory=list)
    events: list[tuple[Heard, bool]] = field(default_factory=list)  # and whether it was late


@dataclass
class NaiveBook:
    """Counts events in the order in which they come.

    Attributes:
        purchases, contract: event types.
        money: the attributes that add up (True) or lower (False), by type.
        subject: attribute of a complaint.
        currency: of what a customer is worth: everything bought in it, ever. None if that is said nowhere.
        lines: by day and field.
    """

    purchases: tuple[str, ...] = ("purchase",)
    contract: tuple[str, ...] = ()
    failed: str = "renewal_failed"
    money: dict[str, dict[str, bool]] = field(default_factory=lambda: {"purchase": {"amount": True}})
    subject: str = "about"
    currency: str | None = None
    break_days: int = 90
    lines: Counter[tuple[int, str]] = field(default_factory=Counter)
    _customers: dict[str, _Customer] = field(default_factory=dict)

    def read(self, events: Iterable[Heard]) -> Counter[tuple[int, str]]:
        """Count events, and return everything that was counted so far."""
        for event in events:
            self._take(event)
        return Counter({key: number for key, number in self.lines.items() if number})

    def _take(self, event: Heard) -> None:
        one = self._customers.setdefault(event.customer_id, _Customer())
        if (event.type, event.event_id) in one.ids[-_REMEMBERED:]:
            return
        one.ids.append((event.type, event.event_id))
        is_late = any(other.at_ms > event.at_ms for other, _ in one.events)
        self._add(event, f"events:{event.type}")
        if not one.events:
            self._add(event, "new")
        for attribute, is_more in self.money.get(event.type, {}).items():
            amount = _amount(event.attributes.get(attribute))
            currency = event.attributes.get("currency") or "-"
            self._add(event, f"{'revenue' if is_more else 'refunds'}:{currency}", amount)
            first = self._first(one, event)
            if is_more and not is_late and first is not None and _month(first) == _month(event):
                self._add(event, f"revenue_new:{currency}", amount)
        if is_late:
            self._add(event, f"late:{event.type}")
        else:
            self._classify(one, event)
        one.events.append((event, is_late))

    def _first(self, one: _Customer, event: Heard) -> Heard | None:
        bought = [other for other, _ in one.events if other.type in self.purchases]
        if not bought:
            return event if event.type in self.purchases else None
        return min(bought, key=lambda other: other.at_ms)

    def _classify(self, one: _Customer, event: Heard) -> None:
        if event.type in self.purchases:
            self._purchase(one, event)
        if event.type in self.contract:
            self._contract_event(one, event)
        if event.type == "cancellation":
            self._add(event, "cancelled:voluntary")
            self._valued(one, event, "reason", event.attributes.get("reason"))
            self._end(one, event)
        if event.type == self.failed:
            self._add(event, "cancelled:involuntary")
            self._end(one, event)
        if event.type == "complaint":
            self._valued(one, event, "complaint", event.attributes.get(self.subject))
        if event.type == "nps" and (score := _score(event)) is not None:
            self._add(event, f"nps:{score}")
            before = [
                other
                for other, late in one.events
                if other.type == "nps" and not late and _score(other) is not None and _month(other) == _month(event)
            ]
            if before:
                self._add(event, f"nps_again:{_score(before[-1])}")

    def _purchase(self, one: _Customer, event: Heard) -> None:
        before = [other for other, _ in one.events if other.type in self.purchases]
        if not before:
            self._add(event, "first")
            self._add(event, f"buyers:{_month(event)}")
            return
        first = min(before, key=lambda other: other.at_ms)
        last = max(before, key=lambda other: other.at_ms)
        if len(before) == 1:
            self._add(event, "second")
            days = (event.at_ms - first.at_ms) / 86_400_000
            self._add(event, "second_after:" + next((name for most, name in _UNTIL if days <= most), "more"))
        if event.at_ms - last.at_ms >= self.break_days * 86_400_000:
            self._add(event, "back")
        if _month(last) != _month(event):
            self._add(event, f"buyers:{_month(first)}")

    def _contract(self, one: _Customer) -> tuple[str | None, str | None]:
        """Return in which month the present contract began, and in which the latest from before its month ended.

        One that goes on with another that ended in the same month began "before".
        """
        begun: str | None = None
        ended: str | None = None
        for other, late in one.events:
            if late:
                continue
            month = _month(other)
            if other.type in self.contract and begun is None:
                begun = "before" if ended == month else month
            elif other.type in ("cancellation", self.failed) and begun is not None:
                begun, ended = None, None if begun == month else month
        return begun, ended

    def _contract_event(self, one: _Customer, event: Heard) -> None:
        begun, ended = self._contract(one)
        if begun is None:
            self._add(event, "contract_begun")
            if ended == _month(event):
                self._add(event, "contract_back_young")

    def _end(self, one: _Customer, event: Heard) -> None:
        begun, _ = self._contract(one)
        if begun is not None:
            self._add(event, "contract_ended")
            if begun == _month(event):
                self._add(event, "contract_ended_young")

    def _valued(self, one: _Customer, event: Heard, name: str, said: Any) -> None:
        text = "-" if said is None else "".join("_" if sign in ":|" else sign for sign in str(said)) or "-"
        if len(text) > 40 or len(text.split(" ")) > 4 or "," in text:
            text = "other"
        self._add(event, f"{name}:{text}")
        if self.currency is None:
            return
        worth = sum(
            _amount(other.attributes["amount"])
            for other, _ in one.events
            if other.type in self.purchases and other.attributes.get("currency") == self.currency
        )
        self._add(event, f"{name}_value:{text}:{self.currency}", worth)

    def _add(self, event: Heard, name: str, number: int = 1) -> None:
        self.lines[event.at_ms // 86_400_000, name] += number


def _amount(said: Any) -> int:
    if said is None or isinstance(said, bool | str):
        return 0
    return int((Decimal(str(said)) * 10_000).to_integral_value(ROUND_HALF_EVEN))


def _score(event: Heard) -> int | None:
    said = event.attributes.get("score")
    try:
        number = Decimal(str(said))
    except ArithmeticError:
        return None
    return int(number) if number == number.to_integral_value() and 0 <= number <= 10 else None


def _month(event: Heard) -> str:
    return datetime.fromtimestamp(event.at_ms / 1000, UTC).strftime("%Y-%m")
