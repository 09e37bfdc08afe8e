"""Work: what one atomic step amounts to, gathered while it is being decided."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from aiokafka import ConsumerRecord

from schemas.actions import Action, Decision
from workers.core.customer import codec
from workers.core.decisions.decide import Outcome
from workers.core.decisions.records import held_back
from workers.core.events.decoding import DecodedEvent
from workers.kafka.records import OutboxRecord, encode_record
from workers.observability import metrics
from workers.outbox.cloud_events import messages
from workers.state.meta import Meta, counter_field, high_water_field
from workers.state.step import Held, WriteSet

_LONGEST_OFFSET: Final = 19


@dataclass(slots=True)
class UnitOfWork:
    """What one step amounts to, while it is being decided.

    Attributes:
        aside: kept back until a rebuild has read everything.
        known: decided again by a rebuild; counted, and not published again.
        newest: of the readable records that did not come through intake, the one stamped latest.
    """

    meta: Meta
    events: dict[str, list[tuple[DecodedEvent, ConsumerRecord]]] = field(default_factory=dict)
    dead_letters: list[OutboxRecord] = field(default_factory=list)
    decisions: list[Action | Decision] = field(default_factory=list)
    outgoing: list[OutboxRecord] = field(default_factory=list)
    activities: dict[str, bytes] = field(default_factory=dict)
    due: dict[str, int] = field(default_factory=dict)
    waiting: dict[str, dict[str, int]] = field(default_factory=dict)
    high_waters: dict[bytes, int] = field(default_factory=dict)
    held: list[Action] = field(default_factory=list)
    let_go: list[tuple[str, str]] = field(default_factory=list)
    aside: list[Held] = field(default_factory=list)
    known: list[Action | Decision] = field(default_factory=list)
    folded: int = 0
    duplicates: int = 0
    customers: int = 0
    timers: int = 0
    newest: ConsumerRecord | None = None

    def is_above_high_water(self, source: bytes) -> bool:
        """Tell whether a source position is new, and remember it as seen."""
        place, _, text = source.rpartition(b":")
        if not text.isdigit() or len(text) > _LONGEST_OFFSET:
            return True
        offset, known = int(text), self.high_waters.get(place)
        if known is None:
            known = self.meta.high_water(place.decode(errors="replace"))
        if offset <= known:
            return False
        self.high_waters[place] = offset
        return True

    def note(self, name: str, outcome: Outcome | None, *, is_new: bool) -> None:
        """Take over what became of one customer."""
        if outcome is None or outcome.activity is None:
            return
        self.activities[name] = outcome.stored or codec.encode(outcome.activity)
        self.due[name] = outcome.due_ms
        for kind, at_ms in outcome.waiting.items():
            self.waiting.setdefault(kind, {})[name] = at_ms
        self.decisions += outcome.decisions
        self.folded += outcome.folded
        self.duplicates += outcome.duplicates
        self.customers += is_new

    def actions_of(self, rule_id: str) -> list[Action]:
        """Return the new actions of a rule."""
        return [
            one
            for one in self.decisions
            if isinstance(one, Action) and one.status == "active" and one.rule.id == rule_id
        ]

    def hold(self, actions: Sequence[Action], detail: str) -> None:
        """Keep actions back, and say so instead of sending them."""
        kept = {action.action_id for action in actions}
        self.held += actions
        self.decisions = [
            held_back(one, detail)
            if isinstance(one, Action) and one.status == "active" and one.action_id in kept
            else one
            for one in self.decisions
        ]

    def changes(self, topic_prefix: str, trim: int) -> WriteSet:
        """Return what the step writes."""
        self.outgoing = [*self.dead_letters, *messages(self.decisions, topic_prefix)]
        fields: dict[str, str | int] = {
            high_water_field(place.decode(errors="replace")): offset for place, offset in self.high_waters.items()
        }
        for name, number in self._counts().items():
            if number:
                fields[counter_field(name)] = self.meta.counter(name) + number
        return WriteSet(
            fields=fields,
            activities=self.activities,
            due=self.due,
            waiting=self.waiting,
            outbox=[encode_record(record) for record in self.outgoing],
            trim=trim,
            held=[*(_held(action, topic_prefix) for action in self.held), *self.aside],
            no_longer_held=self.let_go,
        )

    def report(self) -> None:
        """Count what was done in the metrics."""
        metrics.EVENTS.labels("folded").inc(self.folded)
        metrics.EVENTS.labels("duplicate").inc(self.duplicates)
        metrics.EVENTS.labels("dead_letter").inc(len(self.dead_letters))
        actions: Counter[tuple[str, str, str]] = Counter()
        suppressed: Counter[tuple[str, str]] = Counter()
        for decision in self.decisions:
            if isinstance(decision, Action):
                actions[decision.action, decision.rule.id, decision.status] += 1
            else:
                suppressed[decision.rule.id, decision.decision] += 1
        for labels, number in actions.items():
            metrics.ACTIONS.labels(*labels).inc(number)
        for reason, number in suppressed.items():
            metrics.SUPPRESSED.labels(*reason).inc(number)

    def _counts(self) -> dict[str, int]:
        counts = {
            "events": self.folded,
            "duplicates": self.duplicates,
            "dead_letters": len(self.dead_letters),
            "customers": self.customers,
            "timers": self.timers,
        }
        for decision in [*self.decisions, *self.known]:
            kind = decision.status if isinstance(decision, Action) else decision.decision
            name = f"{kind}:{decision.rule.id}"
            counts[name] = counts.get(name, 0) + 1
        return counts


def _held(action: Action, topic_prefix: str) -> Held:
    record = encode_record(messages([action], topic_prefix)[0])
    return Held(action.rule.id, action.action_id, round(action.decided_at.timestamp() * 1000), record)
