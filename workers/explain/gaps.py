"""The gaps that make a condition not observable. Pure."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Literal

from schemas.durations import DAY_MS
from workers.core.conditions.condition import NOT_OBSERVABLE
from workers.core.coverage import FOREVER_MS, SETTLING_MS, Coverage, type_of
from workers.core.customer.customer import Customer
from workers.core.rules.kinds import kind_of
from workers.explain.leaf import Leaf
from workers.explain.moment import Moment
from workers.explain.why_report import Gap, GapKind

Lack = tuple[Literal["whole"] | GapKind, str]
"""What may be missing: `whole` (all of the past), `watched` or `kept` with the key of a series, or `customer`."""


class GapFinder:
    """Finds the gaps of conditions that are not observable at one moment."""

    def __init__(self, moment: Moment) -> None:
        self._moment = moment
        self._keys = sorted({*moment.customer.by_key, *moment.coverage.since})

    def gaps_of(self, leaf: Leaf) -> Iterator[Gap]:
        """Yield the gaps of an elementary condition, the latest moment first.

        Only the condition itself can decide which gaps matter. So it is evaluated as if its series had always been
        watched and kept, and the customer always known; then each assumption that is not needed is dropped in turn.
        """
        # A condition that reads no type depends on them all: on since when the customer is known.
        types = leaf.types
        keys = [key for key in self._keys if not types or type_of(key) in types]
        # The whole history first: a window that was watched in time needs none.
        lacks: list[Lack] = [("whole", key) for key in keys]
        lacks += [("watched", key) for key in keys]
        lacks += [("kept", key) for key in keys]
        lacks.append(("customer", ""))
        if not self._is_known(leaf, lacks):
            yield self._untold(leaf)
            return
        for lack in list(lacks):
            others = [other for other in lacks if other != lack]
            if self._is_known(leaf, others):
                lacks = others
        gaps = {self._gap(kind, key) for kind, key in lacks}
        # The latest moment comes first: it determines when enough is known.
        yield from sorted(gaps, key=lambda gap: (-(gap.since_ms or FOREVER_MS), gap.type or ""))

    def _is_known(self, leaf: Leaf, supplied: Collection[Lack]) -> bool:
        """Return whether a condition would be observable without these gaps."""
        with _supplied(self._moment.customer, self._moment.coverage, supplied):
            return leaf.evaluate(self._moment.at_ms)[0] != NOT_OBSERVABLE

    def _untold(self, leaf: Leaf) -> Gap:
        is_known = leaf.when.named in self._moment.customer.attributes
        event_type, text = kind_of(leaf.when).untold(leaf.when, is_known)
        return Gap("untold", event_type, None, text)

    def _gap(self, kind: Literal["whole"] | GapKind, key: str) -> Gap:
        customer = self._moment.customer
        if kind == "customer":
            return Gap(kind, None, customer.first_ms)
        event_type = type_of(key)
        if kind == "kept":
            return Gap(kind, event_type, (customer.by_key[key].gone_day + 1) * DAY_MS)
        since_ms = self._moment.coverage.since.get(key)
        return Gap("unwatched" if since_ms is None else "watched", event_type, since_ms)


@contextmanager
def _supplied(customer: Customer, observed: Coverage, lacks: Collection[Lack]) -> Iterator[None]:
    """Let a customer be as if nothing of this were missing, for as long as the context lasts."""
    first_ms = customer.first_ms
    gone_days = [(series, series.gone_day) for series in customer.series if ("kept", series.key) in lacks]
    all_series = [*(series for series in customer.series if series.is_present), *customer.other_series.values()]
    since, complete = dict(observed.since), set(observed.complete)
    if ("customer", "") in lacks:
        customer.first_ms = 0
    # As early as it matters, and no earlier: the customer must not count as new because of it.
    early_ms = min([customer.first_ms - SETTLING_MS + 1, *(series.first_ms for series in all_series)])
    for kind, key in lacks:
        if kind == "watched":
            since[key] = max(0, early_ms)
        elif kind == "whole":
            complete.add(key)
    customer.observe(replace(observed, since=since, complete=frozenset(complete)))
    for series, _ in gone_days:
        series.gone_day = 0
    try:
        yield
    finally:
        customer.first_ms = first_ms
        customer.observe(observed)
        for series, gone_day in gone_days:
            series.gone_day = gone_day
