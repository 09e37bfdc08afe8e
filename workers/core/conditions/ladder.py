# cython: overflowcheck=False
# Nothing here leaves 64 bits: moments are at most FOREVER_MS.
"""The ladder in force, bound to the one customer whose objects it reads: where the customer stands at any moment.

What is stored (`customer.stage.Stage`) is where the customer stood at their latest event. From there on only time
changes the stage, so it follows for every later moment: the ladder walks along its own due times, and divides the
time into stretches. A rule that reads a stage asks these stretches; nothing of them is stored.

A stage is known only if every step above is false. While it is not known, the stretch is unknown, and the stage that
was known last goes on behind it.
"""

from collections.abc import Sequence
from typing import Final, Protocol

from workers.core.conditions.condition import FALSE, TRUE, Condition
from workers.core.coverage import FOREVER_MS, Coverage
from workers.core.customer.customer import Customer
from workers.core.customer.stage import DOWN, NO_MOVE, UP, Stage, code_of_stage

UNKNOWN: Final = -1
_UNKNOWN: Final = UNKNOWN
"""The same as a number of the compiler, which what other modules import cannot be."""
_MAX_STEPS: Final = 64
"""Changes of steps that a look follows; it returns the next one even if that may not change the stage."""


class Described(Protocol):
    """A compiled ladder (`rules.rule_set.Ladder`)."""

    @property
    def stages(self) -> tuple[str, ...]:
        """The names of its stages, from the top."""
        ...

    @property
    def types(self) -> frozenset[str]:
        """All event types that can change where someone stands."""
        ...

    @property
    def reads_tenure(self) -> bool:
        """Whether it also reads since when the customer is known."""
        ...

    @property
    def since_generation(self) -> int:
        """The rule set in which it became what it is."""
        ...

    @property
    def live_since_ms(self) -> int:
        """When that set was loaded; 0 for always."""
        ...


class Stretch:
    """A time in which the customer stands on one stage, or in which it is not known on which.

    Attributes:
        from_ms, until_ms: its beginning, and the moment at which time alone ends it; FOREVER_MS for never.
        is_known: whether the stage is certain.
        code, since_ms, from_code, direction, by_time: as of `Stage`; while it is not known, of the one known last.
    """

    __slots__ = (
        "by_time",
        "code",
        "direction",
        "from_code",
        "from_ms",
        "is_known",
        "since_ms",
        "until_ms",
    )

    def __init__(self) -> None:
        self.from_ms = self.until_ms = self.code = self.since_ms = self.from_code = self.direction = 0
        self.is_known = self.by_time = False


class ActiveLadder:
    """The live ladder, for the customer of a rule set.

    Attributes:
        types, reads_tenure, live_since_ms, since_generation: as of the compiled ladder.
        customer, stage: the customer, and what is stored of the stage.
        names, codes: of the stages, from the top.
        name_of: by code, the names of the stages.
        steps: the conditions of all stages but the lowest.
        most_conditions: the most elementary conditions of one of them.
        decided_until_ms: up to when every type that it reads has been seen.
        flip_ms: set by `look`: when time alone changes what it returned.
        is_stale: whether something of the customer changed since the stretches were made.
    """

    def __init__(
        self, ladder: Described, customer: Customer, steps: Sequence[Condition], most_conditions: int
    ) -> None:
        """Bind a ladder to a customer.

        Args:
            ladder: as compiled.
            customer: at whom its conditions look.
            steps: the conditions of all stages but the lowest, from the top, compiled for the customer.
            most_conditions: the most elementary conditions of one of them.
        """
        self.customer = customer
        self.stage: Stage = customer.stage
        self.types = ladder.types
        self.reads_tenure = ladder.reads_tenure
        self.live_since_ms = ladder.live_since_ms
        self.since_generation = ladder.since_generation
        self.names = list(ladder.stages)
        self.codes = [code_of_stage(name) for name in self.names]
        self.place_of = {code: place for place, code in enumerate(self.codes)}
        self.name_of = dict(zip(self.codes, ladder.stages, strict=True))
        self.steps = list(steps)
        self.most_conditions = most_conditions
        self.decided_until_ms = FOREVER_MS
        self.flip_ms = FOREVER_MS
        self.is_stale = True
        self._stretches: list[Stretch] = [Stretch()]
        self._number = 0

    def observe(self, observed: Coverage) -> None:
        """Take over how far its types have been seen."""
        self.is_stale = True
        self.decided_until_ms = FOREVER_MS
        for name in self.types:
            self.decided_until_ms = min(self.decided_until_ms, observed.until.get(name, FOREVER_MS))

    def look(self, at_ms: int) -> int:
        """Return the place of the stage at a moment, from the top, or `UNKNOWN`; and set `flip_ms`.

        Args:
            at_ms: not before the customer's latest event.
        """
        place = self._once(at_ms)
        flip_ms = self.flip_ms
        for _ in range(_MAX_STEPS):
            if flip_ms == FOREVER_MS or self._once(flip_ms) != place:
                break
            flip_ms = self.flip_ms
        self.flip_ms = flip_ms
        return place

    def _once(self, at_ms: int) -> int:
        """Return the same; `flip_ms` is until when it certainly lasts."""
        soonest_ms, place = FOREVER_MS, 0
        for condition in self.steps:
            truth = condition.look(at_ms)
            if condition.flip_ms < soonest_ms:
                soonest_ms = condition.flip_ms
            if truth != FALSE:
                self.flip_ms = soonest_ms
                return place if truth == TRUE else _UNKNOWN
            place += 1
        self.flip_ms = soonest_ms
        return place

    def name_at(self, at_ms: int) -> str | None:
        """Return the name of the stage at a moment, as of `look`; None while it is not known."""
        if self._reaches(at_ms):
            stretch: Stretch = self.first_from(at_ms)
            return self.name(stretch.code) if stretch.is_known else None
        place = self._once(at_ms)  # what follows need not be known
        return None if place == _UNKNOWN else self.names[place]

    # -- stretches -----------------------------------------------------------------------------------------

    def at(self, at_ms: int) -> Stretch:
        """Return the stretch at a moment, not before the customer's latest event; valid until something changes."""
        if not self._reaches(at_ms):
            self.start(False)
        return self.first_from(at_ms)

    def _reaches(self, at_ms: int) -> bool:
        """Return whether the stretches are those of now, and begin at a moment or before it."""
        first: Stretch = self._stretches[0]
        return not self.is_stale and first.from_ms <= at_ms

    def first_from(self, at_ms: int) -> Stretch:
        """Return the stretch at a moment, or the first one there is, if that is later."""
        if self.is_stale:
            self.start(False)
        stretch: Stretch = self._stretches[self._number - 1]
        while stretch.until_ms <= at_ms:
            stretch = self._another(stretch, stretch.until_ms, False)
        place = self._number - 1
        while place > 0 and stretch.from_ms > at_ms:
            place -= 1
            stretch = self._stretches[place]
        return stretch

    def start(self, is_other: bool) -> Stretch:
        """Make the first stretch again, from the latest event on; return it.

        Args:
            is_other: whether the ladder is another one than that by which the stage is known: then it does not move.
        """
        return self._begin(self.customer.at_ms, False, is_other)

    def resume(self, at_ms: int) -> None:
        """Make the first stretch begin at a later moment, up to which the stage is still that of the latest event."""
        self._begin(at_ms, True, False)

    def _begin(self, at_ms: int, by_time: bool, is_other: bool) -> Stretch:
        stage, stretch = self.stage, self._stretches[0]
        stretch.code, stretch.since_ms, stretch.from_code = stage.code, stage.since_ms, stage.from_code
        stretch.direction, stretch.by_time = stage.direction, stage.by_time
        self._number = 1
        self.is_stale = False
        is_strange = stage.code not in self.place_of  # nothing is known yet, or what is stored is damaged
        self._change(stretch, at_ms, by_time, is_other or is_strange)
        return stretch

    def _another(self, before: Stretch, at_ms: int, is_other: bool) -> Stretch:
        """Make the stretch that follows the last one."""
        if self._number == len(self._stretches):
            self._stretches.append(Stretch())
        stretch: Stretch = self._stretches[self._number]
        self._number += 1
        stretch.code, stretch.since_ms, stretch.from_code = before.code, before.since_ms, before.from_code
        stretch.direction, stretch.by_time = before.direction, before.by_time
        self._change(stretch, at_ms, True, is_other)
        return stretch

    def _change(self, stretch: Stretch, at_ms: int, by_time: bool, is_other: bool) -> None:
        """Let a stretch, which has the stage before it, begin at a moment."""
        place = self.look(at_ms)
        stretch.from_ms, stretch.until_ms = at_ms, self.flip_ms
        stretch.is_known = place != _UNKNOWN
        if place == _UNKNOWN:
            if is_other:  # nothing is known by this ladder
                stretch.code = stretch.since_ms = stretch.from_code = stretch.direction = 0
                stretch.by_time = False
            return
        code: int = self.codes[place]
        if code == stretch.code:
            return
        stretch.direction = NO_MOVE if is_other else self._direction(stretch.code, place, at_ms)
        stretch.from_code, stretch.code = stretch.code, code
        stretch.since_ms = at_ms
        stretch.by_time = by_time

    def _direction(self, code: int, place: int, at_ms: int) -> int:
        """Return in which direction a customer moves who comes from a stage to that at a place."""
        before: int = self.place_of.get(code, _UNKNOWN)
        if before == _UNKNOWN or at_ms < self.live_since_ms:
            return NO_MOVE
        if self.customer.floors and at_ms < self.customer.floor_ms(self.types, self.reads_tenure):
            return NO_MOVE
        return UP if place < before else DOWN

    # -- what is stored ------------------------------------------------------------------------------------

    def keep(self, stretch: Stretch) -> None:
        """Store the stage of a stretch as that at the customer's latest event."""
        stage = self.stage
        stage.code, stage.since_ms, stage.from_code = stretch.code, stretch.since_ms, stretch.from_code
        stage.direction, stage.by_time = stretch.direction, stretch.by_time

    def next_change_ms(self, at_ms: int) -> int:
        """Return when time alone changes next what can be said of the stage, after a moment; FOREVER_MS for never."""
        return self.at(at_ms).until_ms

    # -- words ---------------------------------------------------------------------------------------------

    def name(self, code: int) -> str | None:
        """Return the name of a stage; None for 0, and for one that this ladder does not have."""
        return self.name_of.get(code)

    def step_of(self, code: int) -> Condition | None:
        """Return the condition of a stage; None for the lowest one, and for one that this ladder does not have."""
        place: int = self.place_of.get(code, _UNKNOWN)
        return None if place == _UNKNOWN or place == len(self.steps) else self.steps[place]
