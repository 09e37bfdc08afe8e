"""The unit of work: collects what one atomic step writes and publishes.

It knows nothing of Redis or Kafka: `changes` turns it into what the store writes and the outbox publishes.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from aiokafka import ConsumerRecord

from schemas.events import InvalidEvent
from schemas.orders import Order
from workers.core.decisions.published import PublishedRecord, held_back
from workers.core.events.decoding import DecodedEvent
from workers.core.source_positions import (
    SOURCE_HEADER,
    Pair,
    high_water_entry,
    is_above,
    source_topic_of,
    split_position,
)
from workers.kafka.records import OutboxRecord, encode_record
from workers.observability import metrics
from workers.processor.deciding import CustomerStep, Event
from workers.state.marks.mark import Mark, encode_mark
from workers.state.meta import Meta, counter_field, held_field, high_water_field, last_action_field, on_stage_field
from workers.state.step import Because, Held, WriteSet


@dataclass(slots=True)
class UnitOfWork:
    """Everything that one step decides, before it is written.

    Attributes:
        meta: of the partition, before the step.
        events: the readable records of the step, decoded, by customer; events, and orders for the customer.
        ordered: the customers for whom there is an order.
        dead_letters: records that could not be read or folded, to be published.
        records: of actions, retractions and decisions to be published, in the order in which they were decided.
        outgoing: everything to publish, in order; filled in by `changes`.
        activities: encoded activities to store, by customer; None to remove one.
        due: due time in milliseconds by customer, 0 to remove the customer.
        waiting: by event type, the moment in milliseconds that each customer waits for, 0 to remove the customer.
        high_waters: by source partition, the highest source position that this step folds.
        held: actions to be stored instead of published, and why.
        unsent: rules of actions of earlier steps that were counted as active, and were not sent.
        emptied: fields of `meta` that say that actions of a rule may be held; there are none any more.
        released: rule and id of actions that are not held any longer, if they were.
        missing: rule and id of actions that are listed as held and are not.
        deferred: actions of a rebuild, to be stored until the partition has been read to its end.
        counted_only: records of a rebuild that are counted in `meta` and not published.
        folded: how many events were folded.
        duplicates: how many records or events were dropped because they had been folded before.
        customers: how many customers are new, less those who are gone.
        timers: how many timers were decided.
        left_out: values that were cut or left out of events, by source topic, attribute and reason.
        not_understood: decisions not to act because of an answer that is neither yes nor no, by answer.
        unnamed: versions of rules that no one knows, and how many waiting actions are dropped because of that without
            a decision, because nothing shows which rules they were.
        newest: by event type, of the readable records of direct producers the one with the latest timestamp.
        orders: how many orders were carried out, by what they say.
        erased: how many events were dropped because their customer was erased after they happened.
        forgotten: how often a customer was forgotten.
        banned: customers for whom nothing is held any longer: they must not be written to, or are forgotten.
        marks: new marks by the ref of the customer; one that says nothing is removed.
        copies: what is published after everything else: tombstones, and copies of the marks.
        returned: ids of what was decided of customers who came back after an order of this step had erased them: it
            follows their tombstones.
        tombstones: how many records had no value.
        stages: what is published of the stages of customers, after everything else.
        experiments: what is added to the figures of experiments, by the name of the figure.
        moves: how many customers moved from one stage to another.
        on_stage: by the code of a stage, how many customers more have it in their newest record.
        unread: records of intake that could not be read, and why; newer sources may have made them.
        facts: what the step adds to the book: day, field, number.
        withdrawn: actions of earlier steps that were published as far as the book knows, and are held now.
    """

    meta: Meta
    events: dict[str, list[tuple[Event | Order, ConsumerRecord]]] = field(default_factory=dict)
    ordered: set[str] = field(default_factory=set)
    dead_letters: list[OutboxRecord] = field(default_factory=list)
    records: list[PublishedRecord] = field(default_factory=list)
    outgoing: list[OutboxRecord | PublishedRecord] = field(default_factory=list)
    activities: dict[str, bytes | None] = field(default_factory=dict)
    due: dict[str, int] = field(default_factory=dict)
    waiting: dict[str, dict[str, int]] = field(default_factory=dict)
    high_waters: dict[bytes, Pair] = field(default_factory=dict)
    held: list[tuple[PublishedRecord, Because]] = field(default_factory=list)
    unsent: list[str] = field(default_factory=list)
    emptied: list[str] = field(default_factory=list)
    released: list[tuple[str, str]] = field(default_factory=list)
    missing: list[tuple[str, str]] = field(default_factory=list)
    deferred: list[Held] = field(default_factory=list)
    counted_only: list[PublishedRecord] = field(default_factory=list)
    folded: int = 0
    duplicates: int = 0
    customers: int = 0
    timers: int = 0
    left_out: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    not_understood: Counter[str] = field(default_factory=Counter)
    unnamed: Counter[str] = field(default_factory=Counter)
    newest: dict[str, ConsumerRecord] = field(default_factory=dict)
    orders: Counter[str] = field(default_factory=Counter)
    erased: int = 0
    forgotten: int = 0
    banned: set[str] = field(default_factory=set)
    marks: dict[bytes, Mark] = field(default_factory=dict)
    copies: list[OutboxRecord] = field(default_factory=list)
    returned: set[str] = field(default_factory=set)
    tombstones: int = 0
    stages: list[OutboxRecord] = field(default_factory=list)
    experiments: Counter[str] = field(default_factory=Counter)
    moves: Counter[tuple[str, str]] = field(default_factory=Counter)
    on_stage: Counter[int] = field(default_factory=Counter)
    unread: list[tuple[ConsumerRecord, InvalidEvent]] = field(default_factory=list)
    facts: Sequence[tuple[int, str, int]] = ()
    withdrawn: list[PublishedRecord] = field(default_factory=list)

    def is_above_high_water(self, source: bytes) -> bool:
        """Return whether a source position is new, and remember it as folded.

        Args:
            source: as in the header of intake's records (`workers.core.source_positions`). A position that cannot
                be read counts as new: a repeated event is still dropped by its id.
        """
        position = split_position(source)
        if position is None:
            return True
        source_partition, pair = position
        high_water = self.high_waters.get(source_partition)
        if high_water is None:
            high_water = self.meta.high_water(source_partition.decode(errors="replace"))
        if not is_above(pair, high_water):
            return False
        self.high_waters[source_partition] = pair
        return True

    def note_direct(self, record: ConsumerRecord, event_type: str) -> None:
        """Note a readable record of a direct producer."""
        newest = self.newest.get(event_type)
        if newest is None or record.timestamp > newest.timestamp:
            self.newest[event_type] = record

    def add(self, customer_id: str, decided: CustomerStep, *, is_new: bool) -> None:
        """Add what was decided for one customer."""
        self.activities[customer_id] = decided.stored
        self.due[customer_id] = decided.due_ms
        for event_type, at_ms in decided.waiting.items():
            self.waiting.setdefault(event_type, {})[customer_id] = at_ms
        self.records += decided.records
        self.stages += decided.stages
        if decided.moves:
            self.moves.update(decided.moves)
        if decided.stage_before != decided.stage_after:
            self.on_stage[decided.stage_before] -= 1
            self.on_stage[decided.stage_after] += 1
        self.folded += decided.folded
        self.duplicates += decided.duplicates
        self.customers += (decided.stored is not None) - (not is_new)
        if decided.forgotten:
            self.forgotten += decided.forgotten
            self.banned.add(customer_id)
        if decided.experiments:
            self.experiments.update(decided.experiments)
        if decided.not_understood:
            self.not_understood.update(decided.not_understood)
        if decided.unnamed:
            self.unnamed.update(decided.unnamed)
        if decided.left_out:
            topics = {
                (event.type, event.event_id): source_topic(record)
                for event, record in self.events[customer_id]
                if isinstance(event, DecodedEvent)
            }
            self.left_out.update(
                (topics[event_type, event_id], attribute, reason)
                for event_type, event_id, attribute, reason in decided.left_out
            )

    def new_actions(self) -> list[PublishedRecord]:
        """Return the actions to be published, in order, without retractions."""
        return [record for record in self.records if record.is_active]

    def hold_back(self, actions: Sequence[PublishedRecord], detail: str, because: Because) -> None:
        """Hold new actions of this step; publish a decision with this detail in place of each."""
        if not actions:
            return
        held_ids = {action.action_id for action in actions}
        self.held += [(action, because) for action in actions]
        self.records = [
            held_back(record, detail) if record.is_active and record.action_id in held_ids else record
            for record in self.records
        ]

    def withdraw(self, action: PublishedRecord, detail: str) -> None:
        """Hold an action of an earlier step that was not sent; if this step takes it back, it is only dropped."""
        self.unsent.append(action.rule)
        self.withdrawn.append(action)
        if (action.rule, action.action_id) not in self.released:
            self.held.append((action, "pause"))
            self.records.append(held_back(action, detail))

    def changes(self, trim: int) -> WriteSet:
        """Return what the step writes, and fill in `outgoing`, what it publishes.

        Args:
            trim: how many records at the head of the outbox Kafka has confirmed.
        """
        first, last = self.records, []
        if self.returned:
            first = [record for record in self.records if record.action_id not in self.returned]
            last = [record for record in self.records if record.action_id in self.returned]
        self.outgoing = [*self.dead_letters, *first, *self.copies, *last, *self.stages]
        fields: dict[str, str | int] = {}
        for source_partition, pair in self.high_waters.items():
            form, number = high_water_entry(pair)
            fields[high_water_field(source_partition.decode(errors="replace") + form)] = number
        for counter, increase in self._counts().items():
            if increase:
                fields[counter_field(counter)] = self.meta.counter(counter) + increase
        for code, increase in self.on_stage.items():
            if code and increase:
                fields[on_stage_field(code)] = self.meta.on_stage(code) + increase
        fields |= self._last_actions()
        fields |= dict.fromkeys(self.emptied, "")
        for action, because in self.held:
            name = held_field(action.rule, because)
            if because != "pace" and not fields.get(name, self.meta.fields.get(name)):
                fields[name] = "1"
        return WriteSet(
            fields=fields,
            activities=self.activities,
            due=self.due,
            waiting=self.waiting,
            outbox=[
                record.stored if isinstance(record, PublishedRecord) else encode_record(record)
                for record in self.outgoing
            ],
            trim=trim,
            held=[*(_held(action, because) for action, because in self.held), *self.deferred],
            released=self.released,
            missing=self.missing,
            experiments=self.experiments,
            marks={ref: None if mark.says_nothing else encode_mark(mark) for ref, mark in self.marks.items()},
        )

    def written_ms(self) -> dict[str, int]:
        """Return, by id of a new action, when the newest event of its customer in this step was written."""
        if not self.events:
            return {}
        return {
            record.action_id: self.events[record.customer_id][-1][1].timestamp
            for record in self.records
            if record.is_active and record.customer_id in self.events
        }

    def report(self) -> None:
        """Count the step in the metrics, once it is durable."""
        metrics.count_events(self.folded, self.duplicates, len(self.dead_letters), self.tombstones, self.erased)
        for order, number in self.orders.items():
            metrics.ORDERS.labels(order).inc(number)
        metrics.FORGOTTEN.inc(self.forgotten)
        metrics.count_left_out(self.left_out)
        metrics.count_not_understood(self.not_understood)
        actions: Counter[tuple[str, str, str]] = Counter()
        suppressed: Counter[tuple[str, str]] = Counter()
        for record in self.records:
            if record.is_action:
                actions[record.action, record.rule, record.status] += 1
            else:
                suppressed[record.rule, record.status] += 1
        for (came_from, stage), count in self.moves.items():
            metrics.STAGE_MOVES.labels(came_from, stage).inc(count)
        for labels, count in actions.items():
            metrics.ACTIONS.labels(*labels).inc(count)
        for reason, count in suppressed.items():
            metrics.SUPPRESSED.labels(*reason).inc(count)

    def _last_actions(self) -> dict[str, str | int]:
        latest: dict[str, str | int] = {}
        for record in (*self.records, *self.counted_only):
            if not record.is_active:
                continue
            name = last_action_field(record.rule)
            latest[name] = max(record.decided_ms, int(latest.get(name) or self.meta.fields.get(name) or 0))
        return latest

    def _counts(self) -> dict[str, int]:
        counts = {
            "events": self.folded,
            "duplicates": self.duplicates,
            "dead_letters": len(self.dead_letters),
            "customers": self.customers,
            "timers": self.timers,
            "erased": self.erased,
            "forgotten": self.forgotten,
            **{f"order:{name}": number for name, number in self.orders.items()},
        }
        for record in (*self.records, *self.counted_only):
            counter = f"{record.status}:{record.rule}"
            counts[counter] = counts.get(counter, 0) + 1
        for rule_id in self.unsent:
            counter = f"active:{rule_id}"
            counts[counter] = counts.get(counter, 0) - 1
        return counts


def source_topic(record: ConsumerRecord) -> str:
    """Return the source topic that an event comes from; for a direct producer, the activity topic."""
    for name, value in record.headers:
        if name == SOURCE_HEADER:
            return source_topic_of(value)
    return str(record.topic)


def _held(action: PublishedRecord, because: Because) -> Held:
    return Held(action.rule, action.action_id, action.decided_ms, action.stored, because)
