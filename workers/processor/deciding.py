"""One customer, from stored bytes to stored bytes: where a worker calls the core.

It knows in which layout a partition is written; nothing above it does.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from schemas.stages import STAGES
from workers.core.coverage import Coverage
from workers.core.customer.standing import AS_ANYBODY, Standing
from workers.core.customer.stored import OtherLayout
from workers.core.decisions.decide import Outcome, decider_of
from workers.core.decisions.published import PublishedRecord
from workers.core.events.decoding import UNIT, DecodedEvent
from workers.core.events.plain import PlainEvent
from workers.core.rules.rule_set import RuleSet
from workers.errors import LingerError
from workers.kafka.records import OutboxRecord
from workers.processor.partition import OwnedPartition
from workers.state.keys import STAGE_TO_PUBLISH, list_of, listed_score

Event = DecodedEvent | PlainEvent


@dataclass(slots=True)
class CustomerStep:
    """What a step says of one customer.

    Attributes:
        stored: the new state, None for a customer who was erased or forgotten.
        due_ms: the next due time, 0 for none.
        records: to be published, in the order in which they were decided.
        answered_ms, says_yes: as in `decide.Outcome`, and so is everything below but `stages`.
        stages: what is to be published of the customer's stage, in order.
        moves: from which stage to which the customer moved, in order.
    """

    stored: bytes | None
    due_ms: int
    records: list[PublishedRecord]
    answered_ms: int
    says_yes: bool
    waiting: dict[str, int]
    folded: int
    duplicates: int
    left_out: list[tuple[str, str, str, str]]
    not_understood: list[str]
    unnamed: list[str]
    forgotten: int = 0
    stages: Sequence[OutboxRecord] = ()
    is_unpublished: bool = False
    experiments: Mapping[str, int] = field(default_factory=dict)
    stage_before: int = 0
    stage_after: int = 0
    moves: Sequence[tuple[str, str]] = ()

    def after(self, earlier: "CustomerStep") -> None:
        """Add what an earlier step of the same customer said; this one continues it."""
        self.records[:0] = earlier.records
        self.stages = (*earlier.stages, *self.stages)
        self.moves = (*earlier.moves, *self.moves)
        self.stage_before = earlier.stage_before
        if not self.answered_ms:
            self.answered_ms, self.says_yes = earlier.answered_ms, earlier.says_yes
        # What an erasure removes stays removed, unless the customer waits again.
        self.waiting = {**{name: 0 for name, at_ms in earlier.waiting.items() if not at_ms}, **self.waiting}
        self.folded += earlier.folded
        self.duplicates += earlier.duplicates
        self.left_out = earlier.left_out + self.left_out
        self.not_understood = earlier.not_understood + self.not_understood
        self.unnamed = earlier.unnamed + self.unnamed
        self.forgotten += earlier.forgotten
        added = Counter(earlier.experiments)
        added.update(self.experiments)
        self.experiments = added


class Deciding:
    """Decides for the customers of one partition, within one step.

    Attributes:
        partition: its number.
    """

    __slots__ = (
        "_coverage",
        "_decider",
        "_generation",
        "_layout",
        "_listed",
        "_lists",
        "_topic_prefix",
        "partition",
    )

    def __init__(self, partition: OwnedPartition, rules: RuleSet, coverage: Coverage, topic_prefix: str) -> None:
        """Set up for one step.

        Args:
            partition: of the customers.
            rules: the active rule set.
            coverage: what has been watched in the partition, and up to when.
            topic_prefix: of the topics of actions and decisions.
        """
        self._decider = decider_of(rules)
        self._decider.drop_facts()  # of a step that was not taken
        self._generation = rules.generation
        self._coverage = coverage
        self.partition = partition.number
        self._layout = partition.layout
        self._topic_prefix = topic_prefix
        self._listed = frozenset() if rules.ladder is None else rules.ladder.listed
        self._lists = dict.fromkeys(map(list_of, partition.listed(rules)), 0)

    def fold(
        self, customer_id: str, raw: bytes | None, events: Sequence[Event], standing: Standing = AS_ANYBODY
    ) -> CustomerStep | None:
        """Fold events of a customer, and decide.

        Args:
            customer_id: whose they are.
            raw: what is stored of the customer, None if nothing is.
            events: at least one.
            standing: what the customer's mark says.

        Raises:
            LingerError: if the customer is stored in a layout that this release does not know.
        """
        return self._decide(customer_id, raw, events, 0, standing)

    def fire(
        self, customer_id: str, raw: bytes, upto_ms: int, standing: Standing = AS_ANYBODY
    ) -> CustomerStep | None:
        """Decide what is due for a customer.

        Args:
            customer_id: the customer.
            raw: what is stored.
            upto_ms: due times until then are decided; 0 for none.
            standing: what the customer's mark says.

        Raises:
            LingerError: as `fold`.
        """
        return self._decide(customer_id, raw, (), upto_ms, standing)

    def collect(
        self, customer_id: str, raw: bytes, upto_ms: int, standing: Standing = AS_ANYBODY
    ) -> CustomerStep | None:
        """Forget a customer for whom it is time, after what is due before that was decided.

        Args:
            customer_id: the customer.
            raw: what is stored.
            upto_ms: every type that is a sign of life has been seen until then.
            standing: what the customer's mark says.

        Returns:
            None for a customer for whom it is not time. One who still waits for something stays, and is decided.

        Raises:
            LingerError: as `fold`.
        """
        try:
            if self._decider.forgotten_ms(raw) > upto_ms:
                return None
            outcome = self._decider.collect(customer_id, raw, self._coverage, upto_ms, self._layout, standing)
        except OtherLayout as error:
            raise LingerError(str(error)) from error
        return self._step_of(customer_id, outcome, upto_ms)

    def publish_stage(
        self,
        customer_id: str,
        raw: bytes,
        upto_ms: int,
        standing: Standing = AS_ANYBODY,
        published: tuple[str, int] | None = None,
    ) -> CustomerStep:
        """Publish where a customer stands, after what is due was decided.

        Args:
            customer_id: the customer.
            raw: what is stored.
            upto_ms: due times until then are decided.
            standing: what the customer's mark says.
            published: the stage in the newest record, and since when, if that is known.

        Raises:
            LingerError: as `fold`.
        """
        try:
            outcome = self._decider.publish_stage(
                customer_id, raw, self._coverage, upto_ms, self._layout, standing, published
            )
        except OtherLayout as error:
            raise LingerError(str(error)) from error
        step = self._step_of(customer_id, outcome, upto_ms)
        step.waiting = {STAGE_TO_PUBLISH: 0, **step.waiting}
        return step

    def carry_out(
        self, customer_id: str, raw: bytes, order_ms: int, standing: Standing, *, erases: bool
    ) -> CustomerStep:
        """Take back what stands of a customer, because it was ordered to erase or to suppress the customer.

        Args:
            customer_id: the customer.
            raw: what is stored.
            order_ms: when it was ordered.
            standing: what the customer's mark said before.
            erases: whether nothing stays stored.

        Raises:
            LingerError: as `fold`.
        """
        try:
            outcome = self._decider.carry_out(
                customer_id, raw, self._coverage, order_ms, self._layout, standing, erases=erases
            )
        except OtherLayout as error:
            raise LingerError(str(error)) from error
        return self._step_of(customer_id, outcome)

    def take_facts(self) -> list[tuple[int, str, int]]:
        """Return what the customers of this step add to the book: day, field, number."""
        return self._decider.take_facts()

    def look(self, raw: bytes) -> tuple[bool, tuple[bool, int] | None]:
        """Return whether a customer was last decided by older rules, and their latest answer about consent.

        The answer is whether it is a yes, and when it was given (ms); None without one.

        Raises:
            LingerError: as `fold`.
        """
        try:
            customer = self._decider.read(raw)
        except OtherLayout as error:
            raise LingerError(str(error)) from error
        return customer.generation < self._generation, self._decider.turn.policy.answer(customer.attributes)

    def _decide(
        self, customer_id: str, raw: bytes | None, events: Sequence[Event], upto_ms: int, standing: Standing
    ) -> CustomerStep | None:
        try:
            outcome: Outcome = self._decider.decide(
                customer_id, raw, events, self._coverage, upto_ms, self._layout, standing
            )
        except OtherLayout as error:
            raise LingerError(str(error)) from error
        return None if outcome.stored is None else self._step_of(customer_id, outcome, upto_ms)

    def _step_of(self, customer_id: str, outcome: Outcome, upto_ms: int = 0) -> CustomerStep:
        step = CustomerStep(
            outcome.stored,
            outcome.due_ms,
            outcome.records(self._topic_prefix),
            outcome.answered_ms,
            outcome.says_yes,
            outcome.waiting,
            outcome.folded,
            outcome.duplicates,
            outcome.left_out,
            outcome.not_understood,
            outcome.unnamed,
            outcome.forgotten,
            experiments=outcome.experiments,
        )
        if self._lists:
            step.waiting = {**self._lists, **step.waiting}
            stage = outcome.stage()
            if stage is not None and stage in self._listed:
                step.waiting[list_of(stage)] = self._score(upto_ms)
        contents = outcome.stage_records()
        if contents:
            topic, key = f"{self._topic_prefix}.{STAGES}", customer_id.encode()
            step.stages = [OutboxRecord(topic, key, one.value, one.headers) for one in contents]
            step.waiting = {STAGE_TO_PUBLISH: 0, **step.waiting}
            step.moves = [(came_from or "", stage) for _, came_from, stage in outcome.moved()]
        step.is_unpublished = outcome.is_unpublished
        step.stage_before, step.stage_after = outcome.stage_before, outcome.stage_after
        if step.is_unpublished:
            step.waiting = {**step.waiting, STAGE_TO_PUBLISH: 1}
        return step

    def _score(self, upto_ms: int) -> int:
        """Return by what the customer who was just decided, up to a moment, is in the list of the stage."""
        program, turn = self._decider.program, self._decider.turn
        assert program.ladder is not None
        assert turn.moves is not None
        at_ms = max(turn.clock(), min(upto_ms, program.ladder.decided_until_ms))
        if program.worth is None:
            return listed_score(turn.moves.present(at_ms).since_ms, None)
        return listed_score(0, program.worth.amount_at(at_ms) // (UNIT // 100))
