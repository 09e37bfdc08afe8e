"""Laws of stages: where a customer stands, and every move, is what the whole history says, to the millisecond.

A second implementation follows the log as plainly as possible: it judges every step of the ladder from the list of
all events at every moment that could matter, and remembers nothing but the stage. Batches, timers, types that lag
and repeated events make no difference.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any, Final

from hypothesis import assume, example, given
from hypothesis import strategies as st

from schemas.ladders import Ladder
from schemas.rules import RuleBook
from schemas.stages import StageRecord, encode_stage
from tests.property.test_condition_truth import CONDITIONS, TYPES, Life, histories, spans_of, truth
from tests.support.builders import DAY, START, event, rule, watched
from tests.support.decided import LAYOUTS, facts_in, stored_of
from tests.support.examples import examples
from workers.core.conditions.condition import FALSE, TRUE
from workers.core.coverage import Coverage
from workers.core.decisions import decide as core
from workers.core.decisions.decide import decider_of
from workers.core.events.decoding import DecodedEvent, epoch_ms
from workers.core.rules.rule_compiler import compile_rules
from workers.core.rules.rule_set import LADDER, RuleSet
from workers.customer_facts.facts import decode_facts, encode_facts

END: Final = START + 400 * DAY
ALL_MS: Final = 1 << 60


# --- the naive judge ------------------------------------------------------------------------------------------------


@dataclass
class Climbed:
    """A customer's way along a ladder.

    Attributes:
        steps, names: the conditions of the steps, and all stages, from the top.
        stage, since_ms, came_from, direction: where the customer stands, as it was known last.
        is_known: whether it is known now.
        moves: moments, stages before and after, of all real moves.
        spells: from when on which stage was known: (moment, stage or None while unknown).
    """

    steps: list[Any]
    names: tuple[str, ...]
    stage: str | None = None
    since_ms: int = 0
    came_from: str | None = None
    direction: str = "none"
    is_known: bool = False
    moves: list[tuple[int, str, str]] = field(default_factory=list)

    def judge(self, life: Life, at_ms: int) -> None:
        place: int | None = len(self.steps)
        for number, when in enumerate(self.steps):
            verdict = truth(when, life, at_ms)
            if verdict == FALSE:
                continue
            place = number if verdict == TRUE else None
            break
        self.is_known = place is not None
        if place is None or self.names[place] == self.stage:
            return
        self.came_from, self.stage, self.since_ms = self.stage, self.names[place], at_ms
        self.direction = "none"
        if self.came_from is not None:
            self.direction = "up" if place < self.names.index(self.came_from) else "down"
            self.moves.append((at_ms, self.came_from, self.stage))


def borders(steps: Sequence[Any], life: Life, from_ms: int, until_ms: int) -> list[int]:
    """Return the moments later than one, up to another, at which time alone could change a step."""
    near: set[int] = set()
    starts = {event.at_ms for event in life.events} | set(life.since.values())
    spans = set[int]().union(*map(spans_of, steps))
    for start_ms in starts:
        for span_ms in spans:
            border = start_ms + span_ms
            near |= {border, border - border % DAY, border - border % DAY + DAY}
    midnights = range(from_ms - from_ms % DAY, min(until_ms, from_ms + 90 * DAY) + DAY, DAY)
    found = {border + step for border in {*near, *midnights} for step in (0, 1)}
    return sorted(at_ms for at_ms in found if from_ms < at_ms <= until_ms)


def climbed(ladder: Ladder, events: Sequence[DecodedEvent], since: dict[str, int], whole: frozenset[str]) -> Climbed:
    """Follow the log."""
    one = Climbed([step.when for step in ladder.steps], ladder.stages())
    at_ms = 0
    for number, following in enumerate(events):
        if number and following.at_ms > at_ms:
            life = Life(list(events[:number]), since, whole)
            for moment_ms in borders(one.steps, life, at_ms, following.at_ms):
                one.judge(life, moment_ms)
        at_ms = max(at_ms, following.at_ms)
        one.judge(Life(list(events[: number + 1]), since, whole), at_ms)
    life = Life(list(events), since, whole)
    for moment_ms in borders(one.steps, life, at_ms, END):
        one.judge(life, moment_ms)
    return one


# --- the core -------------------------------------------------------------------------------------------------------


class Followed:
    """One customer whom the core follows, stored and read again between any two turns."""

    def __init__(self, rules: RuleSet) -> None:
        self.rules = rules
        self.stored: bytes | None = None
        self.records: list[StageRecord] = []
        self.outcome: Any = None
        self.turns = 0

    def turn(self, events: Sequence[DecodedEvent], observed: Coverage, upto_ms: int = 0) -> None:
        self.turns += 1
        layout = LAYOUTS[self.turns % len(LAYOUTS)]
        self.outcome = core.decide("ada", self.stored, events, self.rules, observed, upto_ms, layout)
        self._take()

    def publish(self, observed: Coverage, upto_ms: int) -> None:
        if self.stored is not None:
            self.outcome = core.decider_of(self.rules).publish_stage(
                "ada", self.stored, observed, upto_ms, LAYOUTS[-1]
            )
            self._take()

    def _take(self) -> None:
        for content, record in zip(self.outcome.stage_records(), self.outcome.stages(), strict=True):
            if record is not None:
                assert content.value == encode_stage(record)  # what is written piece by piece is in the same form
                self.records.append(record)
        self.stored = self.outcome.stored

    @property
    def moves(self) -> list[tuple[int, str | None, str]]:
        """The real moves, each once."""
        once = {record.stage_id: record for record in self.records if record.direction != "none"}
        assert len(once) == sum(record.direction != "none" for record in self.records)
        return [(epoch_ms(one.since), one.came_from, one.stage) for one in once.values()]


def compiled(ladder: Ladder, *rules: Any) -> RuleSet:
    return compile_rules(RuleBook(rules, ladders=(ladder,)), TYPES)


def coverage(rules: RuleSet, since: dict[str, int], whole: frozenset[str]) -> Coverage:
    keys = {series.key: name for name, spec in rules.facts.items() for series in spec.series}
    return Coverage(
        since={key: since[name] for key, name in keys.items() if name in since},
        complete=frozenset(key for key, name in keys.items() if name in whole),
    )


NOT_FOLLOWED: Final = {"after then", "date", "overdue"}
"""What follows a late event may be unknown, and the judge does not find the moments of the other two."""
STEP: Final = st.one_of(*(CONDITIONS[name] for name in CONDITIONS if name not in NOT_FOLLOWED))
STEPS: Final = st.lists(
    st.one_of(
        STEP, STEP, STEP.map(lambda one: {"not": one}), st.tuples(STEP, STEP).map(lambda two: {"all": list(two)})
    ),
    min_size=1,
    max_size=4,
)


def ladder_of(steps: Sequence[Any], name: str = "drawn", otherwise: str = "lowest") -> Ladder:
    return Ladder.model_validate(
        {
            "name": name,
            "status": "live",
            "steps": [{"stage": f"step-{number}", "when": when} for number, when in enumerate(steps)],
            "otherwise": otherwise,
        }
    )


def as_read(events: Sequence[DecodedEvent], rules: RuleSet) -> list[DecodedEvent]:
    """Return events as the rules read them: what is no value of an attribute's type is none."""
    return [
        replace(one, attributes=read_as(one.attributes, dict(rules.attribute_types.get(one.type, ()))))
        for one in events
    ]


def read_as(attributes: dict[str, Any], kinds: dict[str, str]) -> dict[str, Any]:
    values = {name: AS[kinds[name]](value) if name in kinds else value for name, value in attributes.items()}
    return {name: value for name, value in values.items() if value is not None}


def as_number(value: Any) -> Any:
    if isinstance(value, str):
        return float(value) if value.isdigit() else None  # the judge draws no other number in a text
    return None if isinstance(value, bool) else value


def as_truth(value: Any) -> Any:
    return {"true": True, "1": True, "1.0": True, "false": False, "0": False, "0.0": False}.get(str(value).lower())


def as_text(value: Any) -> Any:
    return str(value).lower() if isinstance(value, bool) else None if value is None else str(value)


AS: Final[dict[str, Callable[[Any], Any]]] = {"number": as_number, "true/false": as_truth, "text": as_text}


@st.composite
def drawn(draw: st.DrawFn, late: bool) -> tuple[Ladder, list[DecodedEvent], dict[str, int], frozenset[str]]:
    ladder = ladder_of(draw(STEPS))
    whens = [step.when for step in ladder.steps]
    types = [name for name in TYPES if any(name in str(when) for when in whens)] * 8 + list(TYPES)
    spans = {span for when in whens for span in spans_of(when) if span <= 60 * DAY}
    events = draw(histories(types, spans, late))
    starts = st.sampled_from([*(-400 * DAY,) * 4, -DAY, 20 * DAY])
    since = {name: START + draw(starts) for name in TYPES}
    return ladder, events, since, frozenset(name for name in TYPES if draw(st.booleans()))


WATCHED_LONG: Final = dict.fromkeys(TYPES, START - 400 * DAY)
ASKS_TRUE: Final = ladder_of([{"latest": "nps.score", "is": True}])
ASKED_TRUE: Final = ladder_of([{"latest": "nps.score", "was": True}, {"count": "purchase", "at least": 0}])


@given(drawn(late=False), st.lists(st.integers(0, 14), max_size=5))
@example((ASKS_TRUE, [event("nps", 0, score=5)], WATCHED_LONG, frozenset()), [])  # 5 is neither true nor false
@example((ASKS_TRUE, [event("nps", 0, score=1), event("nps", 1, score=0)], WATCHED_LONG, frozenset()), [1])
@examples(300)
def test_every_move_and_the_stage_are_what_the_whole_history_says(
    one: tuple[Ladder, list[DecodedEvent], dict[str, int], frozenset[str]], cuts: list[int]
) -> None:
    check(*one, cuts)


@given(drawn(late=True), st.lists(st.integers(0, 14), max_size=5))
@example((ASKED_TRUE, [event("nps", 2, score=0), event("nps", 1, score=5)], WATCHED_LONG, frozenset()), [1])
@examples(300)
def test_so_they_are_when_events_come_late(
    one: tuple[Ladder, list[DecodedEvent], dict[str, int], frozenset[str]], cuts: list[int]
) -> None:
    check(*one, cuts)


def check(
    ladder: Ladder, events: list[DecodedEvent], since: dict[str, int], whole: frozenset[str], cuts: list[int]
) -> None:
    rules = compiled(ladder)
    naive = climbed(ladder, as_read(events, rules), since, whole)
    observed = coverage(rules, since, whole)
    customer = Followed(rules)
    for start, end in pairwise(sorted({0, *cuts, len(events)})):
        customer.turn(events[start:end], observed)
    customer.turn([], observed, END)
    assert customer.moves == naive.moves
    assert customer.outcome.stage() == (naive.stage if naive.is_known else None)
    customer.publish(observed, END)
    newest = customer.records[-1] if customer.records else None
    if naive.stage is None:
        assert newest is None
        return
    assert newest is not None
    said = (newest.stage, epoch_ms(newest.since), newest.came_from, newest.direction)
    assert said == (naive.stage, naive.since_ms, naive.came_from, naive.direction)
    published = len(customer.records)
    customer.publish(observed, END)
    assert len(customer.records) == published


# --- rules that read a ladder: the laws of deciding hold -----------------------------------------------------------

SIMPLE: Final = Ladder.model_validate(
    {
        "name": "simple",
        "status": "live",
        "steps": [
            {
                "stage": "regular",
                "when": {
                    "all": [
                        {"count": "purchase", "at least": 3, "within": "60 days"},
                        {"not": {"none": "purchase", "for": "9 days"}},
                    ]
                },
            },
            {"stage": "lost", "when": {"none": "purchase", "for": "40 days"}},
            {"stage": "quiet", "when": {"none": "purchase", "for": "9 days"}},
        ],
        "otherwise": "newcomer",
    }
)
RULES: Final = compile_rules(
    RuleBook(
        (
            rule("fell", when={"moved": "down", "within": "5 days"}, again_after="20 days"),
            rule("rose", when={"all": [{"moved": "up", "from": ["quiet", "lost"]}, {"status": "active"}]}),
            rule("stays", when={"all": [{"stage": "quiet"}, {"in stage for": "12 days"}]}),
            rule("regular-logs-in", when={"all": [{"stage": "regular"}, {"count": "login", "at least": 2}]}),
            rule("not-regular", when={"not": {"stage": ["regular", "newcomer"]}}, for_="3 days"),
            rule("new-and-quiet", when={"all": [{"stage": "newcomer"}, {"none": "login", "for": "4 days"}]}),
            rule("plain", when={"none": "login", "for": "6 days"}),
        ),
        ladders=(SIMPLE,),
    ),
    ("purchase", "login", "cancellation"),
)
OBSERVED: Final = watched(RULES)

HISTORIES: Final = st.lists(
    st.tuples(
        st.sampled_from(["purchase", "purchase", "login", "login", "cancellation"]),
        st.one_of(st.floats(min_value=0.001, max_value=12), st.floats(min_value=0.001, max_value=40)),
        st.floats(min_value=0, max_value=6),
    ),
    min_size=1,
    max_size=14,
)


def history(steps: list[tuple[str, float, float]], late: bool) -> list[DecodedEvent]:
    events, at_day = [], 1.0
    for serial, (kind, gap, lateness) in enumerate(steps):
        at_day += gap
        shown = max(0.5, at_day - lateness) if late and serial % 3 == 2 else at_day
        events.append(event(kind, shown, event_id=f"id{serial}"))
    return events


class Decided(Followed):
    """The same customer, and what rules that read the ladder ask for."""

    def __init__(self) -> None:
        super().__init__(RULES)
        self.asked: dict[str, str] = {}

    def _take(self) -> None:
        super()._take()
        for one in self.outcome.decisions():
            status = getattr(one, "status", "")
            if status and self.asked.get(one.action_id) != "retracted":
                self.asked[one.action_id] = status

    def final(self) -> tuple[Any, ...]:
        self.turn([], OBSERVED, END)
        self.publish(OBSERVED, END)
        assert self.stored is not None
        decider_of(RULES).read(self.stored)
        written = decider_of(RULES).stored.write(LAYOUTS[-1])
        # What a state file says of the customer is the same customer.
        assert stored_of(decode_facts(encode_facts(facts_in(written, RULES))), RULES) == written
        newest = self.records[-1] if self.records else None
        standing = newest and (newest.stage_id, newest.stage, newest.since)
        active = sorted(name for name, status in self.asked.items() if status == "active")
        return written, sorted(self.moves), standing, active


def oracle(events: list[DecodedEvent]) -> tuple[Any, ...]:
    customer = Decided()
    customer.turn(events, OBSERVED)
    return customer.final()


@given(HISTORIES, st.booleans(), st.lists(st.integers(0, 14), max_size=6))
@examples(300)
def test_the_borders_of_batches_change_nothing(
    steps: list[tuple[str, float, float]], late: bool, cuts: list[int]
) -> None:
    events = history(steps, late)
    customer = Decided()
    for start, end in pairwise(sorted({0, *cuts, len(events)})):
        customer.turn(events[start:end], OBSERVED)
    assert customer.final() == oracle(events)


@given(HISTORIES, st.booleans(), st.lists(st.integers(0, 10_000), min_size=14, max_size=14))
@examples(500)
def test_it_does_not_matter_when_timers_are_looked_at(
    steps: list[tuple[str, float, float]], late: bool, lags: list[int]
) -> None:
    events = history(steps, late)
    customer = Decided()
    for serial, next_event in enumerate(events):
        customer.turn([next_event], OBSERVED)
        rest = [later.at_ms for later in events[serial + 1 :]]
        upto_ms = min(rest, default=END) - 1 - lags[serial] * 1000
        if lags[serial] % 2 and upto_ms > START:
            customer.turn([], OBSERVED, upto_ms)
            if lags[serial] % 5 == 0:
                customer.publish(OBSERVED, upto_ms)
    assert customer.final() == oracle(events)


@given(HISTORIES, st.booleans(), st.lists(st.integers(0, 10_000), min_size=42, max_size=42))
@examples(800)
def test_types_that_lag_delay_moves_and_change_none(
    steps: list[tuple[str, float, float]], late: bool, lags: list[int]
) -> None:
    events = history(steps, late)
    customer = Decided()
    for serial, next_event in enumerate(events):
        until = {}
        for place, name in enumerate(("purchase", "login", "cancellation")):
            rest = [later.at_ms for later in events[serial + 1 :] if later.type == name]
            lag_ms = lags[serial * 3 + place] ** 2 * 10
            until[name] = max(START, min(rest, default=END) - 1 - lag_ms)
        observed = replace(OBSERVED, until=until)
        customer.turn([next_event], observed)
        customer.turn([], observed, max(until.values()))
        if lags[serial] % 5 == 0:
            customer.publish(observed, max(until.values()))
    assert customer.final() == oracle(events)


@given(HISTORIES, st.booleans(), st.data())
@examples(200)
def test_a_repeated_event_changes_nothing(
    steps: list[tuple[str, float, float]], late: bool, data: st.DataObject
) -> None:
    events = history(steps, late)
    doubled = []
    for serial, next_event in enumerate(events):
        doubled.append(next_event)
        if data.draw(st.booleans()):
            doubled.append(events[max(0, serial - data.draw(st.integers(0, 3)))])
    assert oracle(doubled) == oracle(events)


@given(HISTORIES, st.booleans())
@examples(200)
def test_between_now_and_its_due_time_no_rule_that_reads_a_stage_changes_its_mind(
    steps: list[tuple[str, float, float]], late: bool
) -> None:
    events = history(steps, late)
    stored = core.decide("ada", None, events, RULES, OBSERVED, 0, LAYOUTS[-1]).stored
    decider, latest_ms = decider_of(RULES), max(one.at_ms for one in events)
    assert stored is not None
    for one in RULES.rules:
        decider.read(stored)
        decider.program.observe(OBSERVED)
        condition, at_ms = decider.program.by_id[one.id].condition, latest_ms
        for _ in range(4):
            before = condition.look(at_ms)
            flip_ms = condition.flip_ms
            assert flip_ms > at_ms
            until_ms = min(flip_ms, at_ms + 100 * DAY)
            for asked_ms in [*range(at_ms, until_ms, max(1, (until_ms - at_ms) // 37)), until_ms - 1]:
                assert condition.look(max(asked_ms, at_ms)) == before
            if flip_ms > END:
                break
            assert condition.look(flip_ms) != before
            at_ms = flip_ms


# --- other ladders --------------------------------------------------------------------------------------------------


@given(HISTORIES, st.booleans(), STEPS, st.floats(min_value=0, max_value=60), st.integers(0, 14))
@examples(300)
def test_another_ladder_moves_nobody_and_then_counts_as_if_it_had_been_there(
    steps: list[tuple[str, float, float]], late: bool, other: list[Any], later: float, cut: int
) -> None:
    """From the moment it goes live on, moves are those of the new ladder."""
    events = history(steps, late)
    before, after = events[:cut], events[cut:]
    assume(before)
    ladder = ladder_of(other)
    # What it reads is read by rules before: what nothing reads is not kept, so it cannot count afterwards.
    readers = [
        rule(f"reads-{number}").model_copy(update={"when": step.when}) for number, step in enumerate(ladder.steps)
    ]
    customer = Followed(compiled(SIMPLE, *readers))
    observed = watched(customer.rules)
    customer.turn(before, observed)
    live_ms = max(one.at_ms for one in before) + round(later * DAY)
    assume(all(one.at_ms > live_ms for one in after))
    customer.turn([], observed, live_ms)
    customer.publish(observed, live_ms)
    published = len(customer.records)
    changed = compile_rules(RuleBook((), ladders=(ladder,)), TYPES)
    customer.rules = changed.as_activated(1, {LADDER: (1, live_ms)})
    observed = watched(customer.rules)
    customer.turn([], observed, live_ms)
    assert len(customer.records) == published  # no move
    customer.publish(observed, live_ms)
    assert all(record.direction == "none" for record in customer.records[published:])
    for one in after:
        customer.turn([one], observed)
    customer.turn([], observed, END)
    customer.publish(observed, END)
    # Where the customer stands is what the ladder says now, wherever they stood before.
    fresh = Followed(changed)
    fresh.turn(events, observed)
    fresh.turn([], observed, END)
    assert customer.outcome.stage() == fresh.outcome.stage()
    newest = {record.stage for record in customer.records[published:][-1:]}
    if fresh.outcome.stage() is not None:
        assert newest == {fresh.outcome.stage()}
    for record in customer.records[published:]:
        if record.direction != "none":
            assert epoch_ms(record.since) >= live_ms
