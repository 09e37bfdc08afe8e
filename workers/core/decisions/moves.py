"""Moves: what is to be published of the stages of the customer who is looked at, and where the customer stands.

A move is published once it is decided: with the event that caused it, or when time did and every type that the ladder
reads has been seen. A stage that is no move waits (`Moves.is_unpublished`) until `publish_present` asks for it.
"""

from workers.core.conditions.ladder import ActiveLadder, Stretch
from workers.core.customer.customer import Customer
from workers.core.customer.stage import NO_MOVE, Stage, code_of_stage
from workers.core.decisions.known import Carried
from workers.core.decisions.stage_records import BY_EVENT, BY_LADDER, BY_LATE_EVENT, BY_TIME, FIRST_KNOWN, StageRow


class Moves:
    """Follows the stage of one customer after the other.

    Attributes:
        ladder: on which the customer stands.
        customer, stage: the customer.
        value: reads what the customer is worth; None where no file says it.
        is_silent: whether nothing is published, as in a rebuild: then every stage stays to be published.
        number: of the rows that are to be published; they are used again for the next customer.
    """

    def __init__(self, ladder: ActiveLadder, carried: Carried) -> None:
        self.ladder = ladder
        self.customer: Customer = ladder.customer
        self.stage: Stage = ladder.stage
        self.place = self.customer.groups - 1
        self.value = next((part for part in carried.parts if part.key == "value"), None)
        self.is_silent = False
        self.number = 0
        self._rows: list[StageRow] = []

    def begin(self) -> None:
        """Begin with another customer, or without what was to be published."""
        self.number = 0

    def rows(self) -> list[StageRow]:
        """Return what is to be published, in order; valid until the next customer."""
        return self._rows[: self.number]

    def moved(self) -> list[tuple[int, str | None, str]]:
        """Return the moves among it: since when, from which stage, and to which."""
        name = self.ladder.name
        rows = [row for row in self.rows() if row.code and row.direction != NO_MOVE]
        return [(row.since_ms, name(row.from_code), str(name(row.code))) for row in rows]

    def pass_time(self, upto_ms: int) -> None:
        """Publish the moves up to a moment that are not published yet.

        Args:
            upto_ms: not before the latest event; every event up to then is known, or counts as late.
        """
        ladder, stage = self.ladder, self.stage
        if stage.published_code and stage.published_since_ms > upto_ms:
            upto_ms = stage.published_since_ms
        stretch: Stretch = ladder.first_from(self.customer.at_ms)
        while True:
            if stretch.direction != NO_MOVE and self._is_news(stretch):
                self._publish(stretch, BY_TIME if stretch.by_time else BY_EVENT)
            if stretch.until_ms > upto_ms:
                break
            stretch = ladder.at(stretch.until_ms)
        if stage.published_code and (
            stage.published_code != stretch.code or stage.published_since_ms != stretch.since_ms
        ):
            if stage.published_since_ms > stretch.since_ms:
                self._correct(stretch)
            else:
                stage.note_published(0, stage.published_since_ms)

    def _is_news(self, stretch: Stretch) -> bool:
        """Return whether a stage began after the one that was published last."""
        stage = self.stage
        if stretch.since_ms != stage.published_since_ms:
            return stretch.since_ms > stage.published_since_ms
        return stretch.code != stage.published_code

    def _correct(self, stretch: Stretch) -> None:
        """Publish where the customer stands, because an event came late and disproved what was published."""
        stage = self.stage
        from_code = stretch.from_code if stage.published_code == stretch.code else stage.published_code
        self._add(stretch, stage.published_since_ms, from_code, NO_MOVE, BY_LATE_EVENT)

    def _publish(self, stretch: Stretch, because: int) -> None:
        """Publish a stage."""
        self._add(stretch, stretch.since_ms, stretch.from_code, stretch.direction, because)

    def _add(self, stretch: Stretch, id_ms: int, from_code: int, direction: int, because: int) -> None:
        if self.is_silent:
            return
        assert stretch.code, "a stage that is published is known"
        at_ms = stretch.since_ms if stretch.since_ms > self.customer.at_ms else self.customer.at_ms
        row = self._another()
        row.code, row.since_ms, row.id_ms = stretch.code, stretch.since_ms, id_ms
        row.from_code, row.direction, row.because = from_code, direction, because
        row.step = self.ladder.step_of(stretch.code)
        if row.step is not None:
            row.step.look(at_ms)
            row.evidence.clear()
            row.step.note(row.evidence, at_ms)
        row.value = None if self.value is None else self.value.read(at_ms)
        self.stage.note_published(stretch.code, stretch.since_ms)

    def _another(self) -> StageRow:
        """Return the next row."""
        if self.number == len(self._rows):
            self._rows.append(StageRow(self.ladder.most_conditions))
        row = self._rows[self.number]
        self.number += 1
        return row

    # -- events --------------------------------------------------------------------------------------------

    def arrive(self, at_ms: int) -> None:
        """Let time pass up to a new event, or an order: what it changes comes after it.

        Args:
            at_ms: later than the latest event so far. The caller sets it as that of the latest event.
        """
        if self.customer.flips[self.place] > at_ms and self.stage.is_published():
            return
        ladder = self.ladder
        self.pass_time(at_ms)
        ladder.keep(ladder.at(at_ms))
        self.set_time(at_ms)
        ladder.is_stale = True

    def follow(self) -> None:
        """Take over what an event changed that was just folded."""
        ladder = self.ladder
        ladder.keep(ladder.start(False))
        self.pass_time(self.customer.at_ms)
        self.set_time(self.customer.at_ms)

    def set_time(self, at_ms: int) -> None:
        """Keep when time alone changes the stage next, after a moment up to which it was published."""
        published_ms = self.stage.published_since_ms
        self.customer.flips[self.place] = self.ladder.next_change_ms(published_ms if published_ms > at_ms else at_ms)

    # -- time ----------------------------------------------------------------------------------------------

    def fire(self, upto_ms: int) -> None:
        """Publish what time has changed up to a moment."""
        flip_ms = self.customer.flips[self.place]
        if flip_ms <= upto_ms:
            if self.stage.is_published():
                self.ladder.resume(flip_ms)
            self.pass_time(upto_ms)
            self.set_time(upto_ms)

    def adopt(self, generation: int) -> None:
        """Take over where a customer stands who was decided under an older rule set.

        Args:
            generation: of that rule set.
        """
        ladder, stage = self.ladder, self.stage
        ladder.is_stale = True
        is_other = ladder.since_generation > generation
        ladder.keep(ladder.start(is_other))
        if is_other and stage.published_code:
            stretch: Stretch = ladder.at(max(stage.published_since_ms, self.customer.at_ms))
            if stretch.code != stage.published_code or stretch.since_ms != stage.published_since_ms:
                stage.note_published(0, stage.published_since_ms)
        self.set_time(self.customer.at_ms)

    def present(self, upto_ms: int) -> Stretch:
        """Return where the customer stands now: as far as everything has been seen.

        Args:
            upto_ms: up to when time has passed.
        """
        at_ms = min(upto_ms, self.ladder.decided_until_ms)
        return self.ladder.at(max(at_ms, self.customer.at_ms))

    def is_unpublished(self, upto_ms: int) -> bool:
        """Return whether it is known where the customer stands, and is not published; argument as of `present`."""
        return not self.stage.published_code and self.present(upto_ms).code != 0

    def publish_present(self, upto_ms: int) -> None:
        """Publish where the customer stands, if that is not published; moves were published before.

        Args:
            upto_ms: as of `present`.
        """
        stretch = self.present(upto_ms)
        if self.stage.published_code or not stretch.code:
            return
        if stretch.direction == NO_MOVE:
            self._publish(stretch, BY_LADDER if stretch.from_code else FIRST_KNOWN)
        else:
            self._publish(stretch, BY_TIME if stretch.by_time else BY_EVENT)
        self.set_time(min(upto_ms, self.ladder.decided_until_ms))

    def agree(self, name: str, since_ms: int) -> None:
        """Take over what the newest record says. What is later is still to be published, and nothing else.

        The record can be later than what has been seen now: then time has brought its stage, or will.

        Args:
            name: the stage in it.
            since_ms: since when.
        """
        at_ms = max(since_ms, self.customer.at_ms)
        stretch = self.ladder.at(at_ms)
        if stretch.code == code_of_stage(name):
            self.stage.note_published(stretch.code, stretch.since_ms)
        else:
            self.stage.note_published(0, since_ms)
        self.set_time(at_ms)

    def forget(self) -> None:
        """Publish that the customer is not known any longer."""
        if not self.is_silent:
            self._another().code = 0
