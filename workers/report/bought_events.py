"""What a customer of a history bought: from all events of the customer, which a history has. Pure."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

from schemas.conditions.value import RATE_DIGITS
from schemas.durations import DAY_MS
from schemas.value import Valuation
from workers.core.book.meant import Meant
from workers.core.events.decoding import DecodedEvent
from workers.core.events.filters import scaled_number
from workers.report.present import YEAR_DAYS, Bought

_ONE: Final = 10**RATE_DIGITS
"""A rate of one: rates are whole millionths."""
_NO_CURRENCY: Final = "-"
_CURRENCY: Final = "currency"


class BoughtEvents:
    """Reads the events of one customer after the other."""

    def __init__(self, meant: Meant, valuation: Valuation | None, today: int) -> None:
        """Prepare to read.

        Args:
            meant: which events are purchases and money.
            valuation: what a customer is worth; None if no file says it: then each currency counts by itself.
            today: the day up to which the last 365 days go.
        """
        self._purchases = frozenset(meant.purchases)
        self._money = [(*one, 1) for one in meant.revenue] + [(*one, -1) for one in meant.refunds]
        self._valuation = valuation
        self._since = today - YEAR_DAYS

    def bought(self, events: Sequence[DecodedEvent]) -> Bought:
        """Return what a customer bought, whose events are by time."""
        days: Counter[int] = Counter()
        for event in events:
            if event.type in self._purchases:
                days[event.at_ms // DAY_MS] += 1
        ordered = sorted(days)
        recent = [event for event in events if event.at_ms // DAY_MS > self._since]
        return Bought(
            latest=events[-1].at_ms // DAY_MS,
            purchases=days.total(),
            first=ordered[0] if ordered else 0,
            last=ordered[-1] if ordered else 0,
            days=ordered,
            counts=[days[day] for day in ordered],
            so_far=self._worth(events),
            year=self._worth(recent),
        )

    def _worth(self, events: Iterable[DecodedEvent]) -> dict[str, int]:
        """Return what events add up to, by currency."""
        worth: dict[str, int] = {}
        if self._valuation is None:
            for event in events:
                for event_type, attribute, sign in self._money:
                    amount = _amount(event, event_type, attribute)
                    if amount is not None:
                        currency = str(event.attributes.get(_CURRENCY, _NO_CURRENCY))
                        worth[currency] = worth.get(currency, 0) + sign * amount
            return worth
        total = 0
        listed = list(events)
        for part in self._valuation.parts():
            event_type, attribute = part.reference.split(".", 1)
            amounts = [
                amount
                for event in listed
                if (amount := _amount(event, event_type, attribute)) is not None
                and part.currency in (None, event.attributes.get(_CURRENCY))
            ]
            converted = sum(amounts) * int(part.rate * _ONE) // _ONE
            total += -converted if part.is_less else converted
        return {self._valuation.currency or _NO_CURRENCY: total}


def _amount(event: DecodedEvent, event_type: str, attribute: str) -> int | None:
    return scaled_number(event.attributes.get(attribute)) if event.type == event_type else None
