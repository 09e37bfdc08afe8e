"""`decide()`: the only place where anything is decided.

Decisions for a customer depend only on the order of that customer's events. A timer is decided at its due time, never
at "now". An event is decided at its own time, but never before earlier decisions. So a replay makes the same
decisions, in other batches and at other polls.

A rule that begins to hold creates a candidate; `admission` admits or suppresses it, in time order.
docs/architecture.md explains episodes, candidates and the end of an episode.
"""

from collections.abc import Sequence
from typing import Final

from schemas.actions import Action, Decision
from schemas.stages import StageRecord
from workers.core.coverage import Coverage
from workers.core.customer.candidate import Candidate
from workers.core.customer.customer import Customer
from workers.core.customer.layout_3 import Waiting
from workers.core.customer.names import GroupOf3, NamedRule, Names
from workers.core.customer.standing import AS_ANYBODY, Standing
from workers.core.customer.stored import Stored
from workers.core.decisions.decided import CUSTOMER_SUPPRESSED, HELD, RETRACTED, RETRACTIONS, RULE_IS_UNKNOWN, Decided
from workers.core.decisions.program import ActiveRule, Program
from workers.core.decisions.published import PublishedRecord
from workers.core.decisions.records import Records
from workers.core.decisions.stage_records import StageContent, StageRecords
from workers.core.decisions.turn import Turn
from workers.core.decisions.wording import FormerRules, worded
from workers.core.events.decoding import DecodedEvent
from workers.core.events.plain import PlainEvent
from workers.core.events.scanner import Scanner
from workers.core.rules.rule_set import RuleSet

_SUPPRESSED: Final = Standing(True, 0)
_NO_RECORDS: Final[list[StageContent]] = []
LAYOUT: Final = 3
"""The layout that is written if none is asked for."""


class Outcome:
    """The result of `decide` for one customer.

    Attributes:
        stored: the new state; None if there is no state yet.
        folded, duplicates: number of new events, and of events that had been seen before.
        due_ms: the next due time, 0 for none.
        waiting: by event type, the earliest watermark that a rule waits for.
        not_understood: for each decision that is `opted_out` because the answer is neither yes nor no, the answer.
        answered_ms: when the customer last answered the question of consent with a yes or a no; 0 if no event of the
            turn can have changed that.
        says_yes: whether that answer is a yes.
        forgotten: how often the customer was forgotten; if nothing came after that, there is no state.
        left_out: for each value that its type could not read: the event's type and id, the attribute, the reason.
        is_unpublished: whether the stage is still to be published, because it is no move (`publish_stage`).
        experiments: what is to be added to the figures of experiments, by the name of the figure.
        stage_before, stage_after: code of the stage in the customer's newest record, before and after the turn; 0 for
            none.
        unnamed: for each action that waited and is dropped without a decision, the version of its rule: no one knows
            what that version says, and nothing shows which rule it was.
    """

    __slots__ = (
        "_decider",
        "_number",
        "_passed_ms",
        "answered_ms",
        "due_ms",
        "duplicates",
        "experiments",
        "folded",
        "forgotten",
        "is_unpublished",
        "left_out",
        "not_understood",
        "says_yes",
        "stage_after",
        "stage_before",
        "stored",
        "unnamed",
        "waiting",
    )

    _decider: "Decider"
    _number: int
    _passed_ms: int
    stored: bytes | None
    due_ms: int
    folded: int
    duplicates: int
    answered_ms: int
    forgotten: int
    says_yes: bool
    waiting: dict[str, int]
    not_understood: list[str]
    left_out: list[tuple[str, str, str, str]]
    unnamed: list[str]
    experiments: dict[str, int]
    is_unpublished: bool
    stage_before: int
    stage_after: int

    @property
    def decided(self) -> list[Decided]:
        """Return the rows of what was decided, in order; to be asked for before the next customer is decided.

        Raises:
            RuntimeError: if another customer was decided under the same rule set meanwhile.
        """
        self._check()
        return self._decider.turn.decisions.rows()

    def decisions(self) -> list[Action | Decision]:
        """Return what was decided as objects, in order: step by step, within a step by moment; see `decided`."""
        self._check()
        decider = self._decider
        return decider.records.contents(decider.turn.outcomes.customer_id, decider.turn.decisions)

    def records(self, topic_prefix: str) -> list[PublishedRecord]:
        """Return the records of what was decided, in order; see `decided`."""
        self._check()
        decider = self._decider
        return decider.records_for(topic_prefix).written(decider.turn.outcomes.customer_id, decider.turn.decisions)

    def stages(self) -> list[StageRecord | None]:
        """Return what is to be published of the customer's stages as objects, in order; see `decided`.

        None stands for a customer who is not known any longer.
        """
        self._check()
        turn, writer = self._decider.turn, self._decider.stage_records
        if writer is None or turn.moves is None:
            return []
        return writer.contents(turn.outcomes.customer_id, turn.moves.rows())

    def stage_records(self) -> list[StageContent]:
        """Return the same as records; see `decided`."""
        self._check()
        turn, writer = self._decider.turn, self._decider.stage_records
        if writer is None or turn.moves is None or not turn.moves.number:
            return _NO_RECORDS
        return writer.written(turn.outcomes.customer_id, turn.moves.rows())

    def moved(self) -> list[tuple[int, str | None, str]]:
        """Return the moves among it: since when, from which stage, and to which; see `decided`."""
        self._check()
        moves = self._decider.turn.moves
        return [] if moves is None else moves.moved()

    def stage(self) -> str | None:
        """Return the name of the customer's stage, as far as everything has been seen; None if it is not known.

        See `decided`.
        """
        self._check()
        moves = self._decider.turn.moves
        if moves is None or self.stored is None:
            return None
        stretch = moves.present(self._passed_ms)
        return moves.ladder.name(stretch.code) if stretch.is_known else None

    def _check(self) -> None:
        if self._number != self._decider.turns:
            raise RuntimeError("decisions must be read before the next customer is decided")


class Decider:
    """A rule set, ready to decide for one customer after the other.

    Attributes:
        program, turn, records, former: its parts.
        stage_records: writes what is published of stages; None without a ladder.
        names: what the stored bytes call the rules, and the customer.
        stored: reads and writes the customer.
        scanner: reads the events whose type has nothing but the plain series.
        turns: how many turns have begun.
        stage_before: code of the stage in the newest record of the customer, when the turn began; 0 for none.
    """

    def __init__(self, rules: RuleSet) -> None:
        self.program = Program(rules)
        self.turn = Turn(self.program)
        self.records = Records(self.program.rules, "")
        ladder = self.program.ladder
        self.stage_records = None if ladder is None else StageRecords(ladder)
        self.names = _names_of(self.program)
        self.stored = Stored(self.names)
        self.stored.layout_3.wording = self._worded
        self.former = FormerRules(self.program)
        self.kinds = list(self.program.types.values())
        plain = [kind.name for kind in self.kinds if kind.is_plain]
        self.scanner = Scanner([kind.name for kind in self.kinds], plain)
        self.turns = self.stage_before = 0
        self._records = {"": self.records}

    def read(self, stored: bytes) -> Customer:
        """Fill the objects with a stored customer, without deciding anything; valid until the next one is read.

        Raises:
            UnknownLayout: if the state cannot be read.
        """
        self.turns += 1
        self.program.begin()
        self.stored.read(stored)
        return self.program.customer

    def word_waiting(self) -> None:
        """Put the actions that wait for the customer that was read into words; one that cannot be stays numbers."""
        customer = self.program.customer
        for place in range(customer.waiting):
            candidate: Candidate = customer.candidates[place]
            if candidate.former:
                self.former.word(candidate)
            elif candidate.worded is None:
                candidate.worded = self._worded(candidate)

    def records_for(self, topic_prefix: str) -> Records:
        """Return what writes the records of topics with this prefix."""
        records = self._records.get(topic_prefix)
        if records is None:
            records = self._records[topic_prefix] = Records(self.program.rules, topic_prefix)
        return records

    def begin(self, customer_id: str, observed: Coverage, standing: Standing, stored: bytes | None = None) -> Turn:
        """Begin the turn of a customer, who is not known if nothing is stored, and return it.

        Raises:
            UnknownLayout: if the state cannot be read.
        """
        self.turns += 1
        self.turn.begin(customer_id, observed, standing)
        self.stage_before = 0
        if stored is not None:
            self.stored.read(stored)
            self.stage_before = self.program.customer.stage.published_code
            if self.program.customer.waiting:
                self._take_words(self.program.customer)
        return self.turn

    def decide(
        self,
        customer_id: str,
        stored: bytes | None,
        events: Sequence[DecodedEvent | PlainEvent],
        observed: Coverage,
        upto_ms: int,
        layout: int,
        standing: Standing = AS_ANYBODY,
    ) -> Outcome:
        """Decide for one customer; arguments as for the function."""
        turn = self.begin(customer_id, observed, standing, stored or None)
        for event in events:
            if isinstance(event, PlainEvent):
                plain: PlainEvent = event
                turn.fold_plain(self.kinds[plain.type_place], plain)
            else:
                turn.fold(event)
        if not self.program.customer.is_known:
            return self._outcome(None, 0)
        turn.adopt()
        if upto_ms:
            upto_ms = turn.fire(upto_ms)
        turn.release()
        return self._settled(upto_ms, layout)

    def publish_stage(
        self,
        customer_id: str,
        stored: bytes,
        observed: Coverage,
        upto_ms: int,
        layout: int,
        standing: Standing = AS_ANYBODY,
        published: tuple[str, int] | None = None,
    ) -> Outcome:
        """Decide what is due for a customer, and publish where they stand even if that is no move.

        Args:
            customer_id: the customer.
            stored: the state so far.
            observed: as for `decide`.
            upto_ms: as for `decide`.
            layout: of the new state.
            standing: what the customer's mark says.
            published: the stage in the customer's newest record, and since when; None if that is not known. What it
                says is not published again.
        """
        turn = self.begin(customer_id, observed, standing, stored)
        turn.adopt()
        fired_ms = turn.fire(upto_ms)
        turn.release()
        moves = turn.moves
        if moves is not None:
            if published is not None:
                moves.agree(published[0], published[1])
            passed_ms = max(fired_ms, turn.clock())
            moves.publish_present(passed_ms)
            turn.set_due()
        return self._settled(fired_ms, layout)

    def take_facts(self) -> list[tuple[int, str, int]]:
        """Return what was counted in the book since the last call: day, field, and by how much it grows."""
        return self.turn.bookkeeper.take()

    def drop_facts(self) -> None:
        """Drop what was counted in the book since it was taken last."""
        self.turn.bookkeeper.tally.clear()

    def run_on(self, customer_id: str, stored: bytes, observed: Coverage, upto_ms: int, standing: Standing) -> Turn:
        """Decide what time alone brings up to a moment; nothing is stored, the turn has what was decided.

        Args:
            customer_id: the customer.
            stored: the state so far.
            observed: as for `decide`.
            upto_ms: as for `decide`.
            standing: what the customer's mark says.

        Raises:
            UnknownLayout: if the state cannot be read.
        """
        turn = self.begin(customer_id, observed, standing, stored)
        turn.adopt()
        turn.fire(upto_ms)
        turn.release()
        return turn

    def forgotten_ms(self, stored: bytes) -> int:
        """Return the moment at which a customer is forgotten, as far as it is known now; FOREVER_MS for never.

        Raises:
            UnknownLayout: if the state cannot be read.
        """
        customer = self.read(stored)
        return customer.forgotten_ms(max(customer.at_ms, customer.fired_ms))

    def collect(
        self,
        customer_id: str,
        stored: bytes,
        observed: Coverage,
        upto_ms: int,
        layout: int,
        standing: Standing = AS_ANYBODY,
    ) -> Outcome:
        """Decide what is due for a customer, who is forgotten then if it is time and nothing waits.

        Args:
            customer_id: the customer.
            stored: the state so far.
            observed: as for `decide`.
            upto_ms: every type that is a sign of life has been seen until then. Timers are decided that are due
                before the moment at which the customer is forgotten.
            layout: of the new state, if there is one.
            standing: what the customer's mark says.
        """
        turn = self.begin(customer_id, observed, standing, stored)
        turn.adopt()
        fired_ms = turn.fire(upto_ms)
        turn.release()
        if turn.collects(upto_ms):
            return self._outcome(None, 0)
        return self._settled(fired_ms, layout)

    def _settled(self, upto_ms: int, layout: int) -> Outcome:
        """Return the outcome of a turn for a customer who stays."""
        turn, customer = self.turn, self.program.customer
        due_ms = turn.settle(upto_ms)
        if due_ms and customer.forget_after_ms and due_ms >= customer.forgotten_ms(turn.clock()):
            due_ms = 0  # what is due when they are forgotten is not decided
        return self._outcome(self.stored.write(layout), due_ms, upto_ms)

    def carry_out(
        self,
        customer_id: str,
        stored: bytes,
        observed: Coverage,
        order_ms: int,
        layout: int,
        standing: Standing,
        *,
        erases: bool,
    ) -> Outcome:
        """Take back what stands, because it was ordered that the customer is erased, or never written to.

        Args:
            customer_id: the customer.
            stored: the state so far.
            observed: as for `decide`.
            order_ms: when it was ordered.
            layout: of the new state.
            standing: what the customer's mark said before the order.
            erases: whether the customer is erased: then there is no new state.
        """
        turn = self.begin(customer_id, observed, standing, stored)
        self._take_back_of_gone_rules(order_ms)
        turn.carry_out(order_ms, erases)
        if erases or not self.program.customer.is_known:
            return self._outcome(None, 0)
        turn.admission.standing = _SUPPRESSED
        turn.release()
        return self._settled(0, layout)

    def _take_back_of_gone_rules(self, order_ms: int) -> None:
        """Retract the open actions of rules that are not in this set any more, if it is known what they were."""
        for code, episode in self.program.customer.other_episodes.items():
            if episode.open_until_ms <= order_ms or episode.is_silent:
                continue
            for rule in self.former.of_code(code):
                row = self.turn.decisions.another(RETRACTED, None, -1, episode.acted_ms, order_ms)
                row.expires_ms = episode.open_until_ms
                row.because = CUSTOMER_SUPPRESSED
                row.worded = Waiting(rule.id, episode.acted_ms, 0, rule.action, rule.version, {}, b"")
            episode.open_until_ms = 0

    def _outcome(self, stored: bytes | None, due_ms: int, upto_ms: int = 0) -> Outcome:
        """Return the outcome of a turn; made without `__init__`, because there is one for each turn."""
        outcome, turn = Outcome.__new__(Outcome), self.turn
        turn.keep_facts()
        outcome._decider = self
        outcome._number = self.turns
        outcome.stored = stored
        outcome.due_ms = due_ms
        outcome.folded = turn.folded
        outcome.duplicates = turn.duplicates
        outcome.waiting = turn.waiting
        outcome.forgotten = turn.forgotten
        outcome.answered_ms = 0
        outcome.says_yes = False
        if turn.has_answered:
            answer = turn.policy.answer(self.program.customer.attributes) or turn.answer
            if answer is not None:
                outcome.says_yes, outcome.answered_ms = answer
        outcome.not_understood = turn.admission.not_understood
        outcome.left_out = turn.left_out
        outcome.unnamed = turn.unnamed
        outcome.experiments = turn.outcomes.counts
        outcome._passed_ms, outcome.is_unpublished = 0, False
        outcome.stage_before = self.stage_before
        outcome.stage_after = 0 if stored is None else self.program.customer.stage.published_code
        moves = turn.moves
        if moves is not None and stored is not None:
            outcome._passed_ms = max(upto_ms, turn.clock())
            outcome.is_unpublished = moves.is_unpublished(outcome._passed_ms)
        return outcome

    def _take_words(self, customer: Customer) -> None:
        """Take over what is in words of the actions that wait, and word those of earlier versions of rules."""
        place = 0
        while place < customer.waiting:
            candidate: Candidate = customer.candidates[place]
            if candidate.former and not self.former.word(candidate):
                self._drop(candidate)
                customer.remove_candidate(place)
                continue
            if candidate.worded is not None:
                candidate.variables, candidate.known = candidate.worded.variables, candidate.worded.known
                if candidate.worded.because is not None:
                    candidate.because = RETRACTIONS.index(candidate.worded.because)
            place += 1
        self.turn.decisions.put_in_order(0)

    def _drop(self, candidate: Candidate) -> None:
        """Report that a waiting action cannot be worded, so it is not sent."""
        if candidate.withdrawn_ms:
            return
        named = self.former.named(candidate)
        if named is None:
            self.turn.unnamed = [*self.turn.unnamed, candidate.former]
            return
        row = self.turn.decisions.another(HELD, None, -1, candidate.start_ms, candidate.start_ms)
        row.worded = named
        row.explain(RULE_IS_UNKNOWN)

    def _worded(self, candidate: Candidate) -> Waiting:
        """Return an action that waits in words.

        Raises:
            ValueError: if no one knows the version of the rule that asked for it.
        """
        if not candidate.former:
            return worded(candidate, self.program)
        version = candidate.former
        if not self.former.word(candidate):
            raise ValueError(f"an action waits, and what version {version} of its rule says is not known any longer")
        waiting: Waiting = candidate.worded
        return waiting


def decider_of(rules: RuleSet) -> Decider:
    """Return the decider of a rule set; it is made on first use."""
    if not rules.deciders:
        rules.deciders.append(Decider(rules))
    decider: Decider = rules.deciders[0]
    return decider


def decide(
    customer_id: str,
    stored: bytes | None,
    events: Sequence[DecodedEvent | PlainEvent],
    rules: RuleSet,
    observed: Coverage,
    upto_ms: int = 0,
    layout: int = LAYOUT,
    standing: Standing = AS_ANYBODY,
) -> Outcome:
    """Fold the events of one customer, and decide everything that follows from them.

    Args:
        customer_id: the customer.
        stored: the state so far, None if there is none.
        events: new events in log order; duplicates of the latest ids are dropped. Plain ones come from the scanner of
            the rule set's decider.
        rules: the active rule set.
        observed: since when each type is watched, and up to when it has been seen.
        upto_ms: decide the timers due by then whose types have been seen far enough; 0 for none.
        layout: of the new state.
        standing: what the customer's mark says.

    Raises:
        UnknownLayout: if the state cannot be read.
        OverflowError: if a number leaves 64 bits.
    """
    return decider_of(rules).decide(customer_id, stored, events, observed, upto_ms, layout, standing)


def _names_of(program: Program) -> Names:
    """Return what the stored bytes call the rules of a program."""
    rules: list[ActiveRule] = program.rules
    groups = [
        GroupOf3(name, tuple(program.by_id[rule.id].place for rule in group), program.rule_set.requires[name])
        for name, group in program.rule_set.groups.items()
    ]
    named = [NamedRule(rule.id, rule.rule.version, rule.group.place) for rule in rules]
    return Names(program.customer, program.rule_set.generation, named, groups)
