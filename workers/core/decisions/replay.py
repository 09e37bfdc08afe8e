"""Replay: the whole history of one customer after the other is decided, each in one turn, and nothing is stored."""

from bisect import bisect_right
from collections.abc import Sequence
from operator import attrgetter
from typing import Final

from workers.core.conditions.condition import TRUE
from workers.core.conditions.ladder import UNKNOWN
from workers.core.coverage import Coverage
from workers.core.customer.standing import AS_ANYBODY
from workers.core.decisions.decide import decider_of
from workers.core.decisions.program import ActiveRule, EventType, Program
from workers.core.events.decoding import DecodedEvent
from workers.core.events.plain import PlainEvent
from workers.core.rules.rule_set import RuleSet

Events = Sequence[DecodedEvent | PlainEvent]
"""Events of one customer, by time. The places of plain ones are among the types that the reader of them was given."""

ABSENT: Final = -2
"""Stands for the stage of a customer who is not known yet, or not any longer."""

_at_ms: Final = attrgetter("at_ms")


class Replay:
    """Decides histories with the rules of one set, which must not decide anything else meanwhile.

    Attributes:
        turn: of the customer who was decided last, with what was decided, left out and counted.
        program: the rule set, bound to that customer.
        rules: its rules.
    """

    def __init__(self, rules: RuleSet, types: Sequence[str], observed: Coverage) -> None:
        """Prepare to decide.

        Args:
            rules: the rule set.
            types: the names of event types by the `type_place` of plain events.
            observed: since when each series is covered.
        """
        decider = decider_of(rules)
        self._decider = decider
        self._kinds: list[EventType] = [
            decider.program.types.get(name, decider.program.unknown_type) for name in types
        ]
        self._observed = observed
        self.turn = decider.turn
        self.program: Program = decider.program
        self.rules: list[ActiveRule] = decider.program.rules

    def decide(self, customer_id: str, events: Events, upto_ms: int) -> list[ActiveRule]:
        """Decide a customer who is not known yet, from the first event to a moment.

        The decisions are those of a worker that had the rules from the beginning.

        Args:
            customer_id: the customer.
            events: all of them, at least one.
            upto_ms: timers due until then are decided; no event is later. In epoch milliseconds.

        Returns:
            The rules whose condition is true after the first event.
        """
        turn = self._decider.begin(customer_id, self._observed, AS_ANYBODY)
        at_first: list[ActiveRule] | None = None
        for event in events:
            self._fold(event)
            if at_first is None:
                first_ms = event.at_ms
                at_first = [rule for rule in self.rules if rule.condition.look(first_ms) == TRUE]
        turn.fire(upto_ms)
        turn.release()
        return at_first or []

    def stages(self, customer_id: str, events: Events, moments: Sequence[int]) -> list[int]:
        """Decide a customer as `decide` does, up to the last of some moments, and return the stage at each of them.

        The moves between them are in `turn.moves` afterwards. The rule set has a ladder.

        Args:
            customer_id: the customer.
            events: all of them up to the last moment, at least one; one at a moment counts for it.
            moments: at least one, ascending, in epoch milliseconds.

        Returns:
            For each moment the place of the stage on the ladder, from the top, or `UNKNOWN`, or `ABSENT`.
        """
        turn = self._decider.begin(customer_id, self._observed, AS_ANYBODY)
        found: list[int] = []
        for event in events:
            while moments[len(found)] < event.at_ms:
                found.append(self._stage(moments[len(found)]))
            self._fold(event)
        while len(found) < len(moments):
            found.append(self._stage(moments[len(found)]))
        turn.fire(moments[-1])
        turn.release()
        return found

    def _stage(self, at_ms: int) -> int:
        """Return the stage at a moment that is not before the latest event."""
        turn, ladder = self.turn, self._decider.program.ladder
        assert ladder is not None
        if not turn.customer.is_known or turn.customer.forgotten_ms(turn.clock()) <= at_ms:
            return ABSENT
        stretch = ladder.at(at_ms)
        return ladder.place_of[stretch.code] if stretch.is_known else UNKNOWN

    def _fold(self, event: DecodedEvent | PlainEvent) -> None:
        if isinstance(event, PlainEvent):
            self.turn.fold_plain(self._kinds[event.type_place], event)
        else:
            self.turn.fold(event)


def until(events: Events, upto_ms: int) -> Events:
    """Return the events up to a moment."""
    if events and events[-1].at_ms > upto_ms:
        return events[: bisect_right(events, upto_ms, key=_at_ms)]
    return events


def plain_types(rule_sets: Sequence[RuleSet], types: Sequence[str]) -> set[str]:
    """Return the types of whose events no rule set keeps more than the plain series, if anything."""
    plain = set(types)
    for rules in rule_sets:
        known = decider_of(rules).program.types
        for name in types:
            kind = known.get(name)
            if not kind.is_plain if kind is not None else name in rules.attribute_types:
                plain.discard(name)
    return plain
