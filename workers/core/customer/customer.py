"""Customer: everything known about one customer, as numbers in objects that are used for one after the other."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any, Final

from workers.core.coverage import FOREVER_MS, Coverage
from workers.core.customer.candidate import Candidate
from workers.core.customer.episode import Episode
from workers.core.customer.series import Series
from workers.core.customer.specs import SeriesSpec
from workers.core.customer.stage import Stage
from workers.core.memory import Numbers
from workers.core.months import month_at, month_from

RING: Final = 8
"""Number of a customer's latest event ids that are remembered to drop duplicates."""
KNOWN: Final = ""
"""In `Customer.floors`, stands for that the customer is known at all; no event type has this name."""
Entry = tuple[int, str, int, int]
"""Of a customer in an experiment: since when, the arm, whether there was a success (0 or 1), what it brought."""
_CODE_BYTES: Final = 5
_MANY_DAYS: Final = 100
_MAX_DAYS: Final = 1_200
"""Days of one customer, over all series: enough for a year of three kinds of events on every day."""


class Customer:
    """Everything known about one customer; made once for a rule set.

    Attributes:
        is_known: whether anything is known. If not, everything below is empty or 0.
        first_ms: since when the customer is known: the time of the first event that arrived.
        at_ms: time of the latest event; rules are never evaluated at an earlier time.
        fired_ms: the latest due time decided after that event; 0 for none. A rule that had to wait at an earlier one
            has its own `pending_ms`.
        due_ms: the earliest moment at which time alone can change a rule; 0 for never.
        generation: of the rule set under which the customer was last decided.
        seen: fingerprints of the latest event ids, oldest first, as 48-bit numbers.
        seen_number: how many of them there are.
        series: those of the rule set, by their place; every series of the customer is here or in `other_series`.
        other_series: by key, those that were stored and that no rule of this set reads; they are kept as they are.
        episodes: by the place of the rule.
        first_listed, last_listed: of those that are present, and some that were; in the order of their rules, one
            follows the other (`Episode.following`). None if there is none.
        other_episodes: by the code of the rule's id, episodes of rules that are not in this set; kept as they are.
        candidates: actions that are not admitted yet, oldest first; only the first `waiting` mean anything.
        waiting: how many of them there are.
        acted: when actions were decided, while a limit over all rules counts them.
        latest: attributes of the latest event of a type that templates use, by `type.attribute`.
        attributes: by `type.attribute`, the latest known value and the time of its event.
        pairs: by key, the time of the latest first event, and of the second event that followed it first: 0 for not
            yet, -1 if events arrived too late to know.
        repeats: whether a rule that repeats may have asked in its present episode (`Episode.asked`).
        is_left_out: whether nothing may have been published of an action that counts as one (`Episode.is_silent`).
        experiments: by key, the experiments in which the customer is: since when, in which arm, whether there was a
            success in time, and what it brought (ten-thousandths).
        floors: by event type, the moment up to which the customer's events of the type are history. Under "" the same
            for a customer who is known because of history. Empty for nearly all customers.
        flips: of each group of rules, and then of the ladder if there is one, the next moment at which time alone
            changes one of them, FOREVER_MS for never.
        flips_known: whether `flips` are those of the groups of this rule set. If not, they mean nothing and must be
            worked out again; `due_ms` holds.
        named_flips: what was read in layout 3 in their place, by the names of the groups of then; meaningless when
            `flips_known`.
        settled_ms: a customer first seen at or after this moment is new, so all of their events are known.
        forget_after_ms: how long after the last sign of life a customer is forgotten; 0 for never.
        earliest_ms: since when any type is watched (`Coverage.earliest_ms`).
        signs: the plain series of the types that are a sign of life.
        stage: where they stand on the ladder; empty without one.
    """

    def __init__(self, series: Sequence[SeriesSpec], rules: int, groups: int, most_conditions: int) -> None:
        """Make room for a rule set.

        Args:
            series: everything that it keeps, in the order of its places.
            rules: how many it has.
            groups: how many groups of them; one more if there is a ladder.
            most_conditions: the most elementary conditions of one rule.
        """
        self.series = [Series(one.key, one.type, one.adds is not None, one.keep_days) for one in series]
        self.by_key = {one.key: one for one in self.series}
        self.episodes = [Episode(place) for place in range(rules)]
        self.first_listed: Episode | None = None
        self.last_listed: Episode | None = None
        self.groups = groups
        self._flips, self._seen = Numbers(groups), Numbers(RING)
        self.flips = self._flips.numbers()
        self.seen = self._seen.numbers()
        self.candidates: list[Candidate] = []
        self.most_conditions = most_conditions
        self.settled_ms = self.earliest_ms = FOREVER_MS
        self.forget_after_ms = 0
        self.signs: list[Series] = []
        self.stage = Stage()
        self.is_known = False
        self.first_ms = self.at_ms = self.fired_ms = self.due_ms = self.generation = 0
        self.seen_number = self.waiting = 0
        self.other_series: dict[str, Series] = {}
        self.other_episodes: dict[bytes, Episode] = {}
        self.acted: list[int] = []
        self.latest: dict[str, Any] = {}
        self.attributes: dict[str, tuple[Any, int]] = {}
        self.pairs: dict[str, list[int]] = {}
        self.floors: dict[str, int] = {}
        self.repeats = self.is_left_out = False
        self.experiments: dict[str, Entry] = {}
        self.flips_known = True
        self.named_flips: dict[str, int] = {}
        self.clear()

    def clear(self) -> None:
        """Begin with a customer who is not known."""
        self.is_known = False
        self.first_ms = self.at_ms = self.fired_ms = self.due_ms = self.generation = 0
        self.seen_number = self.waiting = 0
        for series in self.series:
            if series.is_present:
                series.clear()
        episode = self.first_listed
        while episode is not None:
            if episode.is_present:
                episode.clear()
            episode.is_listed = False
            episode = episode.following
        self.first_listed = self.last_listed = None
        for place in range(self.groups):
            self.flips[place] = FOREVER_MS
        self.flips_known = True
        if self.stage.is_present():
            self.stage.clear()
        if self.named_flips:
            self.named_flips = {}
        if self.other_series:
            self.other_series = {}
        if self.other_episodes:
            self.other_episodes = {}
        if self.acted:
            self.acted = []
        if self.latest:
            self.latest = {}
        if self.attributes:
            self.attributes = {}
        if self.pairs:
            self.pairs = {}
        if self.floors:
            self.floors = {}
        if self.experiments:
            self.experiments = {}
        self.repeats = self.is_left_out = False

    def observe(self, coverage: Coverage) -> None:
        """Take over since when each series is watched."""
        self.settled_ms = coverage.settled_ms
        self.earliest_ms = coverage.earliest_ms
        for series in self.series:
            series.since_ms = coverage.since_ms(series.key)
            series.is_complete = series.key in coverage.complete

    def forget_after(self, after_ms: int, signs: Collection[str]) -> None:
        """Take over how long after their last event of a type that is a sign of life customers are forgotten."""
        self.forget_after_ms = after_ms
        for series in self.series:
            series.is_sign_of_life = series.type in signs
        self.signs = [series for series in self.series if series.is_sign_of_life and series.key == series.type]

    def forgotten_ms(self, clock_ms: int) -> int:
        """Return the moment from which on the customer is forgotten, as far as it is known now; FOREVER_MS for never.

        That is the first start of a month for which the last sign of life is long enough ago, and at which no action
        is open. Without a sign of life, the first event counts.

        Args:
            clock_ms: up to when the customer is decided: at that moment, they were not forgotten.
        """
        if not self.forget_after_ms:
            return FOREVER_MS
        last_ms = -1
        for series in self.signs:
            if series.is_present and series.last_ms > last_ms:
                last_ms = series.last_ms
        if last_ms < 0:
            last_ms = self.first_ms
        from_ms = max(last_ms + self.forget_after_ms, clock_ms + 1)
        episode = self.first_listed
        while episode is not None:
            if episode.is_present and episode.open_until_ms > from_ms:
                from_ms = episode.open_until_ms
            episode = episode.following
        for other in self.other_episodes.values():
            from_ms = max(from_ms, other.open_until_ms)
        return month_from(from_ms)

    def may_be_back(self) -> bool:
        """Return whether the customer may have been known and forgotten before their first event."""
        if not self.forget_after_ms:
            return False
        return month_at(self.first_ms) - self.forget_after_ms >= self.earliest_ms

    def forgotten_until(self, series: Series) -> int:
        """Return before when events of a series may have been forgotten with the customer; 0 if none can be.

        That was at the start of the month of the first event, at the latest. Until then, only signs of life had been
        missing.
        """
        if not self.may_be_back():
            return 0
        latest_ms = month_at(self.first_ms)
        return latest_ms - self.forget_after_ms + 1 if series.is_sign_of_life else latest_ms

    def add_episode(self, episode: Episode) -> None:
        """Remember something of a rule from now on."""
        episode.is_present = True
        if episode.place < 0 or episode.is_listed:
            return
        before = self.last_listed
        if before is not None and before.place > episode.place:
            before, following = None, self.first_listed
            while following is not None and following.place < episode.place:
                before, following = following, following.following
        if before is None:
            episode.following = self.first_listed
            self.first_listed = episode
        else:
            episode.following = before.following
            before.following = episode
        if episode.following is None:
            self.last_listed = episode
        episode.is_listed = True

    def other_episode(self, code: int) -> Episode:
        """Return the episode of a rule that is not in this set, by the code of its id; made if there is none."""
        raw = code.to_bytes(_CODE_BYTES, "big")
        episode: Episode | None = self.other_episodes.get(raw)
        if episode is None:
            episode = self.other_episodes[raw] = Episode()
        return episode

    def another_candidate(self) -> Candidate:
        """Return the next candidate, empty; it counts from now on."""
        if self.waiting == len(self.candidates):
            self.candidates.append(Candidate(self.most_conditions))
        candidate = self.candidates[self.waiting]
        candidate.clear()
        self.waiting += 1
        return candidate

    def remove_candidate(self, place: int) -> None:
        """Take a candidate out; the later ones move up, and it may be used for another action."""
        candidate = self.candidates[place]
        self.waiting -= 1
        for at in range(place, self.waiting):
            self.candidates[at] = self.candidates[at + 1]
        self.candidates[self.waiting] = candidate

    def read_seen(self) -> list[int]:
        """Return the fingerprints, oldest first, for callers in Python."""
        found = []
        for place in range(self.seen_number):
            found.append(self.seen[place])
        return found

    def read_flips(self) -> list[int]:
        """Return the next changes of the groups, for callers in Python."""
        found = []
        for place in range(self.groups):
            found.append(self.flips[place])
        return found

    def set_flip(self, group: int, flip_ms: int) -> None:
        """Set the next change of a group, for callers in Python."""
        if not 0 <= group < self.groups:
            raise IndexError(f"there is no group {group}")
        self.flips[group] = flip_ms

    def has_seen(self, fingerprint: int) -> bool:
        """Return whether an event id is among the latest ones."""
        for place in range(self.seen_number):
            if self.seen[place] == fingerprint:
                return True
        return False

    def remember(self, fingerprint: int) -> None:
        """Put an event id into the ring."""
        if self.seen_number == RING:
            self.seen_number -= 1
            for place in range(self.seen_number):
                self.seen[place] = self.seen[place + 1]
        self.seen[self.seen_number] = fingerprint
        self.seen_number += 1

    def note_history(self, event_type: str, until_ms: int, is_first: bool) -> None:
        """Raise the floors: an event of history was folded. A lower floor changes nothing.

        Args:
            event_type: of the event.
            until_ms: up to when it is history.
            is_first: whether the customer is known because of it.
        """
        if until_ms > self.floors.get(event_type, 0):
            self.floors[event_type] = until_ms
        if is_first:
            self.floors[KNOWN] = until_ms

    def floor_ms(self, types: Iterable[str], by_tenure: bool) -> int:
        """Return the moment before which a rule acts on nothing, because it is history; 0 if there is no history.

        Args:
            types: the event types that the rule reads. If the customer has events of a type, they show whether they
                are history. If there are none, the rule holds because the customer is known.
            by_tenure: whether the rule also reads since when the customer is known.
        """
        if not self.floors:
            return 0
        known_ms = self.floors.get(KNOWN, 0)
        floor_ms = known_ms if by_tenure else 0
        for name in types:
            own_ms = self.floors.get(name, 0 if self.has_any(name) else known_ms)
            floor_ms = max(floor_ms, own_ms)
        return floor_ms

    def has_any(self, key: str) -> bool:
        """Return whether the customer has any event of a series."""
        series = self.by_key.get(key)
        return series.is_present if series is not None else key in self.other_series

    def mind_days(self, series: Series) -> None:
        """Drop the oldest days of the longest series, after one more event of a series, while there are too many.

        The result depends only on the folded events, not on when they were stored.
        """
        if series.days.number > _MANY_DAYS:
            self.forget_oldest()

    def forget_oldest(self) -> None:
        """Drop the oldest days of the longest series until there are no more than `_MAX_DAYS`.

        Of two that are as long, the key that comes last in the alphabet gives way.
        """
        while True:
            number, longest = 0, None
            for series in self.series:
                number += series.days.number
                if _gives_way(series, longest):
                    longest = series
            for series in self.other_series.values():
                number += series.days.number
                if _gives_way(series, longest):
                    longest = series
            if number <= _MAX_DAYS or longest is None:
                return
            longest.drop_oldest(1)


def _gives_way(series: Series, longest: Series | None) -> bool:
    """Return whether a series loses its oldest day before the one that was the longest so far."""
    if longest is None or series.days.number > longest.days.number:
        return True
    return series.days.number == longest.days.number and series.key > longest.key
