"""The gaps that make a condition not observable. Pure."""

from collections.abc import Collection, Iterator
from copy import copy
from dataclasses import replace
from typing import Literal

from schemas.durations import DAY_MS
from workers.core.coverage import FOREVER_MS, SETTLING_MS, type_of
from workers.core.objects.conditions import NOT_OBSERVABLE, Attribute, Condition, Deadline
from workers.explain.moment import Moment
from workers.explain.why_report import Gap, GapKind

Lack = tuple[Literal["whole"] | GapKind, str]
"""What may be missing: `whole` (all of the past), `watched` or `kept` with the key of a series, or `customer`."""


class GapFinder:
    """Finds the gaps of conditions that are not observable at one moment."""

    def __init__(self, moment: Moment) -> None:
        self._moment = moment
        rules, coverage = moment.snapshot.rules, moment.coverage
        self._keys = frozenset({spec.key for spec in rules.specs()} | set(coverage.since))

    def gaps_of(self, leaf: Condition) -> Iterator[Gap]:
        """Yield the gaps of an elementary condition, the latest moment first.

        Only the condition itself can decide which gaps matter. So it is evaluated as if its series had always been
        watched and kept, and the customer always known; then each assumption that is not needed is dropped in turn.
        """
        # A condition that reads no type depends on them all: on since when the customer is known.
        keys = sorted(key for key in self._keys if not leaf.types or type_of(key) in leaf.types)
        # The whole history first: a window that was watched in time needs none.
        lacks: list[Lack] = [("whole", key) for key in keys]
        lacks += [("watched", key) for key in keys]
        lacks += [("kept", key) for key in keys]
        lacks.append(("customer", ""))
        if not self._is_known(leaf, lacks):
            yield self._unknown_attribute(leaf)
            return
        for lack in list(lacks):
            others = [other for other in lacks if other != lack]
            if self._is_known(leaf, others):
                lacks = others
        gaps = {self._gap(kind, key) for kind, key in lacks}
        # The latest moment comes first: it determines when enough is known.
        yield from sorted(gaps, key=lambda gap: (-(gap.since_ms or FOREVER_MS), gap.type or ""))

    def _is_known(self, leaf: Condition, supplied: Collection[Lack]) -> bool:
        """Return whether a condition would be observable without these gaps."""
        coverage, activity = self._moment.coverage, self._moment.activity
        since, complete = dict(coverage.since), set(coverage.complete)
        series = dict(activity.series)
        if ("customer", "") in supplied:
            activity = replace(activity, first_ms=0)
        # As early as it matters, and no earlier: the customer must not count as new because of it.
        early_ms = min([activity.first_ms - SETTLING_MS + 1, *(facts.first_ms for facts in series.values())])
        for kind, key in supplied:
            if kind == "watched":
                since[key] = max(0, early_ms)
            elif kind == "whole":
                complete.add(key)
            elif kind == "kept" and key in series:
                series[key] = copy(series[key])
                series[key].gone_day = 0
        activity = replace(activity, series=series)
        coverage = replace(coverage, since=since, complete=frozenset(complete))
        return leaf.evaluate(activity, self._moment.at_ms, coverage)[0] != NOT_OBSERVABLE

    def _unknown_attribute(self, leaf: Condition) -> Gap:
        if not isinstance(leaf, Attribute | Deadline):
            return Gap("untold", None, None, "events arrived too late to determine their order")
        event_type, attribute = leaf.attribute.split(".", 1)
        if leaf.attribute in self._moment.activity.attributes:
            return Gap("untold", event_type, None, f"the latest '{attribute}' of a '{event_type}' event is no date")
        return Gap("untold", event_type, None, f"no '{event_type}' event had the attribute '{attribute}' yet")

    def _gap(self, kind: Literal["whole"] | GapKind, key: str) -> Gap:
        activity = self._moment.activity
        if kind == "customer":
            return Gap(kind, None, activity.first_ms)
        event_type = type_of(key)
        if kind == "kept":
            return Gap(kind, event_type, (activity.series[key].gone_day + 1) * DAY_MS)
        since_ms = self._moment.coverage.since.get(key)
        return Gap("unwatched" if since_ms is None else "watched", event_type, since_ms)
