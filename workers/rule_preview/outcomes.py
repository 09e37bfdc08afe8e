"""What customers did after the actions of a rule, beside those after a plain number of days without the same.

A customer *came back* if what counts as a success of the rule happened within its time after the action; else they
*stayed away*. An action whose time was not over at the end of the period is *running* and is neither. Beside each
rule stands what anyone could do without it: act once in each silence, after a number of whole days since the last
success, chosen so that as many actions can be judged. Pure: this module must never know files, clocks and terminals.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import accumulate
from typing import Any, Final, NamedTuple

from schemas import outcomes as written
from schemas.durations import DAY_MS, duration_ms, write_duration
from schemas.rules import ForEveryRule, Rule, RuleBook
from workers.core.decisions.replay import Events
from workers.core.events.filters import matcher_of
from workers.core.events.plain import PlainEvent
from workers.core.phrases import filters
from workers.rule_preview.counts import Counts

AWAY_DAYS: Final = 90
"""After this time without a success a customer counts as gone; an action before it gives warning."""

_MOST_DAYS: Final = 1_000
"""More days than this are not tried as a plain number of days."""


@dataclass(frozen=True, slots=True)
class Success:
    """What counts as a success of a rule; equal if it says the same.

    Attributes:
        event: the event type.
        within_ms: how long after the action, in milliseconds.
        only: which of these events count, in words; empty for every one.
        where: the same as written.
    """

    event: str
    within_ms: int
    only: str = ""
    where: Mapping[str, Any] | None = field(default=None, compare=False)

    def in_words(self) -> str:
        """Return it as a rule says it: `purchase within 30 days`."""
        only = f" {self.only}" if self.only else ""
        return f"{self.event}{only} within {write_duration(timedelta(milliseconds=self.within_ms))}"


def success_of(rule: Rule, policy: ForEveryRule) -> Success | None:
    """Return what counts as a success of a rule; None if nothing says it.

    Args:
        rule: the rule.
        policy: for every rule.
    """
    said = written.success_of(rule.action, rule.success or policy.success)
    if said is None:
        return None
    only = filters(said.where).strip()
    return Success(said.event, duration_ms(said.within), only, said.where)


def successes_of(book: RuleBook) -> dict[str, Success]:
    """Return by its id what counts as a success of each rule that has one."""
    found = {rule.id: success_of(rule, book.for_every_rule) for rule in book.rules}
    return {rule_id: success for rule_id, success in found.items() if success is not None}


@dataclass(slots=True)
class OutcomeCounts(Counts):
    """Actions by what the customer did afterwards.

    Attributes:
        came_back: actions with a success in time.
        stayed_away: actions without one.
        running: actions whose time is not over.
        silent: the actions of those who stayed away, by whole days since their last success before it.
    """

    came_back: int = 0
    stayed_away: int = 0
    running: int = 0
    silent: Counter[int] = field(default_factory=Counter)

    def note(self, success: Success, at_ms: int, times: Sequence[int], upto_ms: int) -> None:
        """Count one action.

        Args:
            success: of its rule.
            at_ms: when the rule acted.
            times: when the customer had a success, ascending.
            upto_ms: the end of the period.
        """
        end_ms, later = at_ms + success.within_ms, bisect_right(times, at_ms)
        if end_ms > upto_ms:
            self.running += 1
        elif later < len(times) and times[later] <= end_ms:
            self.came_back += 1
        else:
            self.stayed_away += 1
            if later:
                self.silent[(at_ms - times[later - 1]) // DAY_MS] += 1

    def warning(self) -> int | None:
        """Return how many days before `AWAY_DAYS` without a success the median action is; None if there is none."""
        of_them, passed = self.silent.total(), 0
        for days, number in sorted(self.silent.items()):
            passed += number
            if 2 * passed >= of_them:
                return AWAY_DAYS - days
        return None


class Plain(NamedTuple):
    """Actions after a plain number of days without a success.

    Attributes:
        days: the number.
        actions: how many actions that makes.
        came_back: how many of them were followed by a success in time.
        stayed_away: how many were not.
    """

    days: int
    actions: int
    came_back: int
    stayed_away: int


@dataclass(slots=True)
class PlainCounts(Counts):
    """Silences, as changes of a count from one number of days to the next; `chosen` adds them up.

    Attributes:
        actions: silences in which that number of days is reached in the period.
        finished: of them, those whose time is over.
        came_back: of these, those with a success in time.
    """

    actions: Counter[int] = field(default_factory=Counter)
    finished: Counter[int] = field(default_factory=Counter)
    came_back: Counter[int] = field(default_factory=Counter)

    def note(self, success: Success, times: Sequence[int], since_ms: int, upto_ms: int) -> None:
        """Count the silences of one customer, each for every number of days that it reaches.

        Args:
            success: what ends a silence.
            times: when the customer had a success, ascending.
            since_ms: actions count from then on.
            upto_ms: the end of the period.
        """
        within_ms = success.within_ms
        for number, last_ms in enumerate(times, start=1):
            next_ms = times[number] if number < len(times) else None
            first = max(1, -((last_ms - since_ms) // DAY_MS))
            end_ms = upto_ms if next_ms is None else min(upto_ms, next_ms - 1)
            reached = min((end_ms - last_ms) // DAY_MS, _MOST_DAYS)
            if reached < first:
                continue
            _between(self.actions, first, reached)
            finished = min(reached, (upto_ms - within_ms - last_ms) // DAY_MS)
            _between(self.finished, first, finished)
            if next_ms is not None:
                _between(self.came_back, max(first, -((last_ms + within_ms - next_ms) // DAY_MS)), finished)

    def chosen(self, finished: int) -> Plain | None:
        """Return the least number of days that comes nearest to some actions whose time is over; None for 0."""
        totals = _totals(self.finished)
        days = min(range(1, len(totals)), key=lambda each: abs(totals[each] - finished))
        if not finished or not totals[days]:
            return None
        came_back = _totals(self.came_back)[days]
        return Plain(days, _totals(self.actions)[days], came_back, totals[days] - came_back)


def _between(changes: Counter[int], first: int, last: int) -> None:
    """Count one more for every number of days from the first to the last."""
    if first <= last:
        changes[first] += 1
        changes[last + 1] -= 1


def _totals(changes: Mapping[int, int]) -> list[int]:
    return list(accumulate(changes.get(days, 0) for days in range(_MOST_DAYS + 1)))


def times_of(success: Success, events: Events, names: Sequence[str]) -> list[int]:
    """Return when a customer had a success.

    Args:
        success: the kind of success.
        events: of the customer, by time; those of its type are not plain if it asks for values.
        names: of event types, by the places of plain events.
    """
    matches = matcher_of(success.where)
    times = []
    for event in events:
        if isinstance(event, PlainEvent):
            if names[event.type_place] == success.event and matches is None:
                times.append(event.at_ms)
        elif event.type == success.event and (matches is None or matches(event)):
            times.append(event.at_ms)
    return times


def outcome_document(
    success: Success | None, counts: OutcomeCounts, plain: PlainCounts | None
) -> dict[str, Any] | None:
    """Return the outcomes of the actions of a rule, and of plain days beside it; None if it is not said what counts.

    Args:
        success: of the rule.
        counts: of its actions.
        plain: of the silences that this success ends; None if no one had one.
    """
    if success is None:
        return None
    chosen = None if plain is None else plain.chosen(counts.came_back + counts.stayed_away)
    return {
        "success": success.in_words(),
        "running": counts.running,
        **_shares(counts.came_back, counts.stayed_away),
        "warning_days": counts.warning(),
        "plain_days": None
        if chosen is None
        else {
            "days": chosen.days,
            "actions": chosen.actions,
            **_shares(chosen.came_back, chosen.stayed_away),
            "warning_days": AWAY_DAYS - chosen.days,
        },
    }


def _shares(came_back: int, stayed_away: int) -> dict[str, Any]:
    finished = came_back + stayed_away
    return {
        "came_back": came_back,
        "stayed_away": stayed_away,
        "wasted": round(came_back / finished, 6) if finished else None,
        "precision": round(stayed_away / finished, 6) if finished else None,
    }
