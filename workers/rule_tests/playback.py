"""Plays: one made-up customer's events, run through the production core in virtual time.

Events come one by one as a worker sees them, timers at their due times; nothing else moves the time on. Everything
counts as watched, completely, since long before the beginning, and nothing lags.

What is here must know no files and no terminal.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from schemas.actions import Action, Decision
from schemas.durations import duration_ms, write_duration
from schemas.events import BUILT_IN, InvalidEvent, build_event, encode_event
from schemas.rules import Example, Given, Rule, RuleBook, write_offset
from workers.core.coverage import Coverage
from workers.core.customer.activity import Activity
from workers.core.decisions.decide import decide
from workers.core.events.decoding import DecodedEvent, NotCanonical, decode_event
from workers.core.rules.rule_compiler import compile_rules
from workers.core.rules.rule_set import RuleSet
from workers.rule_files.problems import did_you_mean

CUSTOMER: Final = "example"
START: Final = datetime(2024, 1, 1, tzinfo=UTC)
WATCHED_AFTERWARDS: Final = timedelta(days=730)
"""How long an example is watched after its last event if it does not say so itself."""

LONGEST: Final = timedelta(days=3660)
"""No example goes on for longer; later moments could not be written."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
_LATEST: Final = datetime(9998, 1, 1, tzinfo=UTC)
_ENVELOPE: Final = frozenset({"event_id", "customer_id", "occurred_at", "type", "attributes"})
_PURCHASE: Final = {"amount": 10, "currency": "EUR"}

Path = tuple[str | int, ...]
"""Keys and indices that lead to a part of an example."""


class ImpossibleExample(Exception):
    """An example that cannot be run.

    Attributes:
        path: inside the example, what to look at.
    """

    def __init__(self, path: Path, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.path = path
        self.message = message
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Scenario:
    """Where examples are played.

    Attributes:
        rules: by id, all of them live.
        compiled: the same rules.
        types: every event type there is.
        keys: every series that is watched.
    """

    rules: dict[str, Rule]
    compiled: RuleSet
    types: tuple[str, ...]
    keys: tuple[str, ...]

    def observed(self, start_ms: int) -> Coverage:
        """Return that everything has been watched since long before a moment, and nothing lags."""
        return Coverage(dict.fromkeys(self.keys, start_ms - duration_ms(LONGEST)), complete=frozenset(self.keys))


def stage_of(book: RuleBook, rules: tuple[Rule, ...], types: tuple[str, ...]) -> Scenario:
    """Make rules ready for examples: live, whatever their status, and nobody held out.

    Args:
        book: where the rules are from, without problems.
        rules: those that are there; of others, nothing is known.
        types: every event type there is.
    """
    ids = {rule.id for rule in rules}
    live = tuple(
        rule.model_copy(
            update={
                "status": "live",
                "hold_out": None,
                "experiment": None,
                "instead_of": [name for name in rule.instead_of or () if name in ids] or None,
            }
        )
        for rule in rules
    )
    compiled = compile_rules(RuleBook(live, book.define, book.for_every_rule), types)
    return Scenario({rule.id: rule for rule in live}, compiled, types, tuple(plan.key for plan in compiled.plans()))


Happened = list[DecodedEvent | Action | Decision]
"""What happened, in its order: an event, and then what was decided because of it."""


class Step(NamedTuple):
    """What one event or one due time led to.

    Attributes:
        at_ms: its moment.
        until_ms: the moment of the next step; between them nothing changes.
        activity: what is known after it.
        happened: the event, if it was one, and what was decided.
    """

    at_ms: int
    until_ms: int
    activity: Activity | None
    happened: Happened


@dataclass(frozen=True, slots=True)
class Playback:
    """One example on its stage.

    Attributes:
        end_ms: until when it is watched.
    """

    stage: Scenario
    facts: list[DecodedEvent]
    observed: Coverage
    start_ms: int
    end_ms: int

    @classmethod
    def of(cls, example: Example, stage: Scenario) -> "Playback":
        """Make an example ready to be played."""
        start_ms = epoch_ms(example.start or START)
        if start_ms + duration_ms(LONGEST) > epoch_ms(_LATEST):
            raise ImpossibleExample(
                ("start",), f"starts less than {write_duration(LONGEST)} before {_LATEST:%Y-%m-%d}"
            )
        facts = _facts(example, start_ms, stage.types)
        last_ms = facts[-1].at_ms
        if example.watch_for is None:
            end_ms = min(last_ms + duration_ms(WATCHED_AFTERWARDS), start_ms + duration_ms(LONGEST))
        else:
            end_ms = start_ms + duration_ms(example.watch_for)
            if end_ms < last_ms:
                shown = f"something is given at {write_offset(_since(start_ms, last_ms))}"
                message = f"is watched for {write_duration(example.watch_for)} only, and {shown}"
                raise ImpossibleExample(("watch for",), message, "make it longer, or delete the line")
        return cls(stage, facts, stage.observed(start_ms), start_ms, end_ms)

    def steps(self) -> Iterator[Step]:
        """Play it from the beginning to its end; may be done again and again.

        A step's activity changes with the next step.
        """
        activity: Activity | None = None
        due_ms = 0
        for number in range(len(self.facts) + 1):
            # What is due at the moment of an event is decided before it; after the last one, all that is due.
            next_ms = self._moment_of(number)
            while 0 < due_ms <= min(next_ms, self.end_ms):
                now_ms = due_ms
                outcome = decide(CUSTOMER, activity, (), self.stage.compiled, self.observed, now_ms)
                activity, due_ms = outcome.activity, outcome.due_ms
                if 0 < due_ms <= now_ms:
                    raise RuntimeError(f"time does not move on at {_EPOCH + now_ms * _MILLISECOND}")
                yield Step(now_ms, min(due_ms or next_ms, next_ms), activity, list(outcome.decisions))
            if number < len(self.facts):
                fact, next_ms = self.facts[number], self._moment_of(number + 1)
                outcome = decide(CUSTOMER, activity, (fact,), self.stage.compiled, self.observed)
                activity, due_ms = outcome.activity, outcome.due_ms
                yield Step(fact.at_ms, min(due_ms or next_ms, next_ms), activity, [fact, *outcome.decisions])

    def _moment_of(self, number: int) -> int:
        return self.facts[number].at_ms if number < len(self.facts) else self.end_ms + 1

    def since_start(self, at: datetime | int) -> timedelta:
        """Return a moment, aware or in epoch milliseconds, as counted from the start."""
        return (at - self.moment(0)) if isinstance(at, datetime) else _since(self.start_ms, at)

    def moment_ms(self, since_start: timedelta) -> int:
        """Return a time since the start as a moment in epoch milliseconds."""
        return self.start_ms + duration_ms(since_start)

    def moment(self, since_start_ms: int) -> datetime:
        """Return a moment counted from the start as an aware UTC datetime."""
        return _EPOCH + (self.start_ms + since_start_ms) * _MILLISECOND


def epoch_ms(at: datetime) -> int:
    """Return an aware moment in whole epoch milliseconds."""
    return (at - _EPOCH) // _MILLISECOND


def _since(start_ms: int, at_ms: int) -> timedelta:
    return (at_ms - start_ms) * _MILLISECOND


# -- events ----------------------------------------------------------------------------------------------------


def _facts(example: Example, start_ms: int, types: Collection[str]) -> list[DecodedEvent]:
    """Return the events, in the order of time and of the file; refuses what the canonical schema refuses."""
    times = sorted(
        (given.at + (given.every or timedelta(0)) * repetition, number)
        for number, given in enumerate(example.given)
        for repetition in range(given.times or 1)
    )
    for number, given in enumerate(example.given):
        if given.event not in types:
            suggested = did_you_mean(given.event, types)
            hint = f"did you mean '{suggested}'?" if suggested else f"known are {', '.join(sorted(types))}"
            raise ImpossibleExample(("given", number, "event"), f"there is no event type '{given.event}'", hint)
    if times[-1][0] > LONGEST:
        raise ImpossibleExample(("given", times[-1][1]), f"goes on for longer than {write_duration(LONGEST)}")
    return [
        _fact(example.given[number], number, f"event-{serial}", start_ms, at, types)
        for serial, (at, number) in enumerate(times, 1)
    ]


def _fact(
    given: Given, number: int, event_id: str, start_ms: int, at: timedelta, types: Collection[str]
) -> DecodedEvent:
    model = BUILT_IN.get(given.event)
    own = frozenset() if model is None else frozenset(model.model_fields) - _ENVELOPE
    written = {**(_PURCHASE if given.event == "purchase" else {}), **given.with_}
    try:
        document = {
            "event_id": event_id,
            "type": given.event,
            "customer_id": CUSTOMER,
            "occurred_at": _EPOCH + start_ms * _MILLISECOND + at,
            "attributes": {name: value for name, value in written.items() if name not in own},
            **{name: value for name, value in written.items() if name in own},
        }
        return decode_event(encode_event(build_event(document, types=types, latest=_LATEST)), types)
    except InvalidEvent as error:
        raise ImpossibleExample(("given", number), f"there can be no such {given.event}: {error.detail}") from None
    except (NotCanonical, OverflowError):
        raise ImpossibleExample(("given", number), f"there can be no such {given.event}") from None
