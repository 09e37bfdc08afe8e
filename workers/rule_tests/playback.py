"""Playbacks: the events of one made-up customer, run through the production core in virtual time.

Events arrive one by one as a worker sees them, and timers fire at their due times; nothing else advances the time.
Coverage is complete since long before the start, and no source lags.

This module must never know files and terminals.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from schemas.actions import Action, Decision
from schemas.durations import duration_ms, write_duration
from schemas.events import BUILT_IN, InvalidEvent, build_event, encode_event
from schemas.rules import Example, Given, Rule, RuleBook, write_offset
from schemas.stages import StageRecord
from workers.core.coverage import Coverage
from workers.core.decisions.decide import decide, decider_of
from workers.core.decisions.program import Program
from workers.core.events.decoding import DecodedEvent, NotCanonical, decode_event
from workers.core.rules.rule_compiler import compile_rules
from workers.core.rules.rule_set import RuleSet
from workers.rule_files.hints.likeness import did_you_mean

CUSTOMER: Final = "example"
START: Final = datetime(2024, 1, 1, tzinfo=UTC)
WATCHED_AFTERWARDS: Final = timedelta(days=730)
"""How long an example is watched after its last event by default."""

LONGEST: Final = timedelta(days=3660)
"""The length of the longest example; later times could not be written."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
_LAYOUT: Final = 4
"""Of the bytes between steps: it keeps the actions that wait as they are."""
_LATEST: Final = datetime(9998, 1, 1, tzinfo=UTC)
_ENVELOPE: Final = frozenset({"event_id", "customer_id", "occurred_at", "history_until", "type", "attributes"})
_PURCHASE: Final = {"amount": 10, "currency": "EUR"}

Path = tuple[str | int, ...]
"""Keys and indices that lead to a part of an example."""


class ImpossibleExample(Exception):
    """An example that cannot be run.

    Attributes:
        path: the part of the example that is impossible.
        message: why it cannot be run.
        hint: what was probably meant.
    """

    def __init__(self, path: Path, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.path = path
        self.message = message
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Scenario:
    """The rules with which examples are played.

    Attributes:
        rules: by id; all of them are live.
        compiled: the same rules, compiled.
        types: all event types.
        keys: the series that the rules need.
    """

    rules: dict[str, Rule]
    compiled: RuleSet
    types: tuple[str, ...]
    keys: tuple[str, ...]

    def coverage(self, start_ms: int) -> Coverage:
        """Return complete coverage of every series since long before a time in epoch milliseconds."""
        since = dict.fromkeys(self.keys, start_ms - duration_ms(LONGEST))
        return Coverage(since, complete=frozenset(self.keys), all_remembered=True)

    def program_of(self, stored: bytes, coverage: Coverage) -> Program:
        """Return the rules, bound to a stored customer; valid until another one is decided or read."""
        decider = decider_of(self.compiled)
        decider.read(stored)
        decider.program.observe(coverage)
        return decider.program


def scenario_of(book: RuleBook, rules: tuple[Rule, ...], types: tuple[str, ...]) -> Scenario:
    """Prepare rules for examples: all of them count as live, and no customer is held out.

    Args:
        book: the book of the rules, without problems.
        rules: the rules to play; other rules of the book do not exist for the examples.
        types: all event types.
    """
    ids = {rule.id for rule in rules}
    live = tuple(
        rule.model_copy(
            update={
                "status": "live",
                "hold_out": None,
                "experiment": None,
                "instead_of": [other for other in rule.instead_of or () if other in ids] or None,
            }
        )
        for rule in rules
    )
    # The customers of examples are invented: their values are shown, also those of personal attributes.
    every = book.for_every_rule.model_copy(update={"hold_out": None})
    compiled = compile_rules(replace(book, rules=live, for_every_rule=every, personal=frozenset()), types)
    return Scenario({rule.id: rule for rule in live}, compiled, types, tuple(spec.key for spec in compiled.specs()))


Happened = list[DecodedEvent | Action | Decision | StageRecord]
"""An event, if there was one, then the decisions that it caused, and then the stages."""


class PlaybackStep(NamedTuple):
    """The result of one event or one due time.

    Attributes:
        at_ms: its time, in epoch milliseconds.
        until_ms: the time of the next step; nothing changes before it.
        stored: the state of the customer after the step.
        happened: the event, if it was one, and the decisions.
    """

    at_ms: int
    until_ms: int
    stored: bytes | None
    happened: Happened


@dataclass(frozen=True, slots=True)
class Playback:
    """One example, ready to be played.

    Attributes:
        scenario: the rules.
        events: the given events, by time and then in the order of the file.
        coverage: complete since long before the start.
        start_ms: the start, in epoch milliseconds.
        end_ms: the end of the watched time, in epoch milliseconds.
        with_stages: whether the steps say on which stages the customer comes to stand.
    """

    scenario: Scenario
    events: list[DecodedEvent]
    coverage: Coverage
    start_ms: int
    end_ms: int
    with_stages: bool

    @classmethod
    def of(cls, example: Example, scenario: Scenario) -> "Playback":
        """Prepare an example.

        Raises:
            ImpossibleExample: if it cannot be run.
        """
        start_ms = epoch_ms(example.start or START)
        if start_ms + duration_ms(LONGEST) > epoch_ms(_LATEST):
            raise ImpossibleExample(
                ("start",), f"starts less than {write_duration(LONGEST)} before {_LATEST:%Y-%m-%d}"
            )
        events = _decoded_events(example, start_ms, scenario.types)
        last_ms = events[-1].at_ms
        if example.watch_for is None:
            end_ms = min(last_ms + duration_ms(WATCHED_AFTERWARDS), start_ms + duration_ms(LONGEST))
        else:
            end_ms = start_ms + duration_ms(example.watch_for)
            if end_ms < last_ms:
                last = f"something is given at {write_offset(_since(start_ms, last_ms))}"
                message = f"is watched for {write_duration(example.watch_for)} only, and {last}"
                raise ImpossibleExample(("watch for",), message, "make it longer, or delete the line")
        with_stages = any(expected.is_stage for expected in example.expectations())
        return cls(scenario, events, scenario.coverage(start_ms), start_ms, end_ms, with_stages)

    def steps(self) -> Iterator[PlaybackStep]:
        """Play the example from its start to its end. It can be played several times.

        Raises:
            RuntimeError: if a due time is not in the future: a bug in the core.
        """
        stored: bytes | None = None
        due_ms = 0
        for index in range(len(self.events) + 1):
            # A timer that is due at the time of an event is decided before it. After the last event, all timers are.
            next_ms = self._time_of(index)
            while 0 < due_ms <= min(next_ms, self.end_ms):
                now_ms = due_ms
                stored, due_ms, happened = self._decide(stored, (), now_ms)
                if 0 < due_ms <= now_ms:
                    raise RuntimeError(f"time does not move on at {_EPOCH + now_ms * _MILLISECOND}")
                yield PlaybackStep(now_ms, min(due_ms or next_ms, next_ms), stored, happened)
            if index < len(self.events):
                event, next_ms = self.events[index], self._time_of(index + 1)
                stored, due_ms, happened = self._decide(stored, (event,), 0)
                yield PlaybackStep(event.at_ms, min(due_ms or next_ms, next_ms), stored, [event, *happened])

    def _decide(
        self, stored: bytes | None, events: Sequence[DecodedEvent], upto_ms: int
    ) -> tuple[bytes | None, int, Happened]:
        """Return the new state, when it is due, and what was decided; arguments as for `decide`."""
        rules, coverage = self.scenario.compiled, self.coverage
        outcome = decide(CUSTOMER, stored, events, rules, coverage, upto_ms, _LAYOUT)
        happened: Happened = [*outcome.decisions()]
        if self.with_stages:
            happened += [record for record in outcome.stages() if record is not None]
            if outcome.is_unpublished and outcome.stored is not None:
                outcome = decider_of(rules).publish_stage(CUSTOMER, outcome.stored, coverage, upto_ms, _LAYOUT)
                happened += [record for record in outcome.stages() if record is not None]
        return outcome.stored, outcome.due_ms, happened

    def program_after(self, stored: bytes) -> Program:
        """Return the rules, bound to the customer as a step left them; valid until another step is played or read."""
        return self.scenario.program_of(stored, self.coverage)

    def _time_of(self, index: int) -> int:
        return self.events[index].at_ms if index < len(self.events) else self.end_ms + 1

    def since_start(self, at: datetime | int) -> timedelta:
        """Return an aware datetime, or epoch milliseconds, as a time since the start."""
        return (at - self.moment(0)) if isinstance(at, datetime) else _since(self.start_ms, at)

    def moment_ms(self, since_start: timedelta) -> int:
        """Return a time since the start in epoch milliseconds."""
        return self.start_ms + duration_ms(since_start)

    def moment(self, since_start_ms: int) -> datetime:
        """Return a time since the start as an aware UTC datetime."""
        return _EPOCH + (self.start_ms + since_start_ms) * _MILLISECOND


def epoch_ms(at: datetime) -> int:
    """Return an aware datetime in whole epoch milliseconds."""
    return (at - _EPOCH) // _MILLISECOND


def _since(start_ms: int, at_ms: int) -> timedelta:
    return (at_ms - start_ms) * _MILLISECOND


# -- events ----------------------------------------------------------------------------------------------------


def _decoded_events(example: Example, start_ms: int, types: Collection[str]) -> list[DecodedEvent]:
    """Return the events by time and then in the order of the file.

    Raises:
        ImpossibleExample: for an event that the canonical schema refuses.
    """
    times = sorted(
        (given.at + (given.every or timedelta(0)) * repetition, index)
        for index, given in enumerate(example.given)
        for repetition in range(given.times or 1)
    )
    for index, given in enumerate(example.given):
        if given.event not in types:
            suggested = did_you_mean(given.event, types)
            hint = f"did you mean '{suggested}'?" if suggested else f"known are {', '.join(sorted(types))}"
            raise ImpossibleExample(("given", index, "event"), f"there is no event type '{given.event}'", hint)
    if times[-1][0] > LONGEST:
        raise ImpossibleExample(("given", times[-1][1]), f"goes on for longer than {write_duration(LONGEST)}")
    return [
        _decoded_event(example.given[index], index, f"event-{number}", start_ms + duration_ms(at), types)
        for number, (at, index) in enumerate(times, 1)
    ]


def _decoded_event(given: Given, index: int, event_id: str, at_ms: int, types: Collection[str]) -> DecodedEvent:
    model = BUILT_IN.get(given.event)
    own = frozenset() if model is None else frozenset(model.model_fields) - _ENVELOPE
    written = {**(_PURCHASE if given.event == "purchase" else {}), **given.with_}
    try:
        document = {
            "event_id": event_id,
            "type": given.event,
            "customer_id": CUSTOMER,
            "occurred_at": _EPOCH + at_ms * _MILLISECOND,
            "attributes": {name: value for name, value in written.items() if name not in own},
            **{name: value for name, value in written.items() if name in own},
        }
        event = build_event(document, types=types, latest=_LATEST)
        for name, reason in event.left_out():  # a worker would go on without it, but the author meant it
            raise InvalidEvent(reason, f"'{name}' would be cut or left out ({reason})")
        return decode_event(encode_event(event), types)
    except InvalidEvent as error:
        raise ImpossibleExample(("given", index), f"there can be no such {given.event}: {error.detail}") from None
    except (NotCanonical, OverflowError):
        raise ImpossibleExample(("given", index), f"there can be no such {given.event}") from None
