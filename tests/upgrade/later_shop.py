"""4,000 other customers, for the release before the core of numbers: as those of `shop`, and with what it added.

Late events, repeated ones, items of lists, and answers in more spellings. The same seed gives the same events.
"""

from collections.abc import Iterable, Iterator
from random import Random
from typing import Final

from tests.upgrade import shop
from tests.upgrade.shop import Event, in_order

CUSTOMERS: Final = 4_000
BASKETS: Final = "baskets"
"""The topic whose records are lists of purchases."""
BROKEN: Final = "scans"
"""The topic with records that cannot be read."""
_LATE_DAYS: Final = (0.4, 2.5, 9.0, 40.0)


def history() -> list[Event]:
    """Return what all customers did before the upgrade, in the order in which it is sent."""
    return in_order(_with_trouble(Random(31), shop.history(3, CUSTOMERS), shop.UPGRADE_DAY - 0.01))


def further_events() -> list[Event]:
    """Return what all customers did after it: two events of each, some of them late, repeated or both."""
    events = [*shop.further_events(4, CUSTOMERS), *_again(shop.further_events(5, CUSTOMERS))]
    return in_order(_with_trouble(Random(32), events, shop.UPGRADE_DAY + shop.EVENT_DAYS - 0.01))


def _again(events: Iterable[Event]) -> Iterator[Event]:
    for event in events:
        yield event._replace(event_id=f"g{event.event_id}")


def _with_trouble(chance: Random, events: Iterable[Event], end_day: float) -> Iterator[Event]:
    """Yield events as they are sent: some are late, some come twice, some purchases come as items of lists."""
    for event in events:
        sent = event
        if event.type == "profile" and chance.random() < 0.1:
            sent = sent._replace(
                attributes={**sent.attributes, "marketing_consent": chance.choice(["ja", "nein", ""])}
            )
        if event.type == "purchase" and not event.canonical and chance.random() < 0.15:
            sent = sent._replace(items_of=BASKETS)
        # Log-ins end before the upgrade, and a late one would not be there when the source is waited for.
        if event.customer == shop.WAKE or event.type == "login":
            yield sent
            continue
        if chance.random() < 0.04:
            sent = sent._replace(sent_at_day=round(min(event.at_day + chance.choice(_LATE_DAYS), end_day), 4))
        yield sent
        if chance.random() < 0.03:
            yield sent._replace(sent_at_day=round(min(sent.sent_day + chance.uniform(0, 3), end_day), 4))
