"""Laws of running on: what is forecast for a customer is what a worker decides that looks again and again."""

from collections import Counter
from dataclasses import replace
from random import Random
from typing import Final

from hypothesis import given
from hypothesis import strategies as st

from schemas.durations import DAY_MS
from schemas.ladders import Ladder
from schemas.rules import RuleBook
from tests.support.builders import day, event, rule, watched
from tests.support.examples import examples
from tests.support.stories import TYPES, TurnOfStory, story
from workers.core.coverage import Coverage
from workers.core.decisions.decide import decide
from workers.core.decisions.decided import ACTIVE, RETRACTED, SUPPRESSIONS, UNKNOWN
from workers.core.events.decoding import epoch_ms
from workers.core.rules.rule_compiler import compile_rules
from workers.scan.lines import PartitionLine, StoredCustomer
from workers.scan.running_on import RuleCounts, Run

Found = Counter[tuple[str, str, int]]


def lived(turns: list[TurnOfStory]) -> tuple[bytes | None, int]:
    """Return what is stored of a customer after some turns, and the moment up to which anything was decided."""
    stored, at_ms = None, 1
    for turn in turns:
        outcome = decide("ada", stored, turn.events, turn.rules, turn.observed, turn.upto_ms, 4)
        stored = outcome.stored
        at_ms = max([at_ms, turn.upto_ms, *(event.at_ms for event in turn.events)])
    return stored, at_ms


def seen_by_a_worker(
    turn: TurnOfStory, stored: bytes, at_ms: int, upto_ms: int, gaps: list[int]
) -> tuple[Found, Counter[str]]:
    """Return what a worker decides that looks again after some gaps.

    By rule, what it is, and its day; and by rule, how often it cannot be known.
    """
    found, unknown = Counter[tuple[str, str, int]](), Counter[str]()
    now_ms = at_ms
    while True:
        observed = replace(turn.observed, until=dict.fromkeys(TYPES, now_ms))
        outcome = decide("ada", stored, (), turn.rules, observed, now_ms, 4)
        for row in outcome.decided:
            if row.rule is None:
                continue
            if row.kind == UNKNOWN:
                unknown[row.rule.id] += 1
                continue
            what = {ACTIVE: "sent", RETRACTED: "taken back"}.get(row.kind, str(SUPPRESSIONS[row.kind]))
            on = 0 if row.kind == RETRACTED else max(row.start_ms, at_ms) // DAY_MS
            found[row.rule.id, what, on] += 1
        assert outcome.stored is not None
        stored = outcome.stored
        if now_ms == upto_ms:
            return found, unknown
        now_ms = min(upto_ms, now_ms + gaps[now_ms % len(gaps)])


def line_of(observed: Coverage, at_ms: int) -> PartitionLine:
    return PartitionLine(
        partition=0,
        at=at_ms,
        offset=0,
        layout=4,
        generation=0,
        rules="",
        since=dict(observed.since),
        until={},
        complete=sorted(observed.complete),
        meant=dict(observed.meant),
    )


def as_found(counts: dict[str, RuleCounts]) -> Found:
    found = Counter[tuple[str, str, int]]()
    for rule_id, one in counts.items():
        for what, by_day in {"sent": one.sent, **one.not_sent}.items():
            for on, number in by_day.items():
                found[rule_id, what, on] += number
        if one.taken_back:
            found[rule_id, "taken back", 0] = one.taken_back
    return found


@given(st.integers(0, 1 << 48), st.lists(st.integers(DAY_MS // 7, 40 * DAY_MS), min_size=1, max_size=5))
@examples(400)
def test_a_forecast_is_what_a_worker_decides_later_on_if_nothing_happens(seed: int, gaps: list[int]) -> None:
    *turns, last = story(Random(seed))
    stored, at_ms = lived(turns)
    if stored is None:
        return
    upto_ms = (at_ms // DAY_MS + 200) * DAY_MS - 1
    run = Run(last.rules, {}, at_ms, upto_ms)
    run.run([(line_of(last.observed, at_ms), StoredCustomer(id="ada", stored=stored))])
    assert run.counts.customers == 1
    found, unknown = seen_by_a_worker(last, stored, at_ms, upto_ms, gaps)
    assert as_found(run.counts.rules) == found
    assert {rule_id: one.not_observable for rule_id, one in run.counts.rules.items() if one.not_observable} == unknown


LADDER: Final = Ladder.model_validate(
    {
        "name": "simple",
        "status": "live",
        "steps": [
            {"stage": "regular", "when": {"count": "purchase", "at least": 3, "within": "30 days"}},
            {"stage": "lost", "when": {"none": "purchase", "for": "45 days"}},
            {
                "stage": "quiet",
                "when": {"all": [{"none": "purchase", "for": "9 days"}, {"none": "login", "for": "5 days"}]},
            },
        ],
        "otherwise": "active",
    }
)
ON_LADDER: Final = compile_rules(
    RuleBook((rule("met", when={"stage": ["quiet", "lost"]}),), ladders=(LADDER,)), ("purchase", "login")
)


@given(
    st.lists(st.tuples(st.sampled_from(["purchase", "login"]), st.floats(0.01, 12)), min_size=1, max_size=9),
    st.floats(0, 40),
    st.lists(st.integers(DAY_MS // 7, 40 * DAY_MS), min_size=1, max_size=5),
)
@examples(300)
def test_who_moves_along_the_ladder_on_each_day_is_what_a_worker_publishes_later_on(
    steps: list[tuple[str, float]], rest: float, gaps: list[int]
) -> None:
    at_day, events = 1.0, []
    for kind, gap in steps:
        at_day += gap
        events.append(event(kind, at_day))
    observed, at_ms = watched(ON_LADDER), day(at_day + rest)
    stored = decide("ada", None, events, ON_LADDER, observed, at_ms, 4).stored
    assert stored is not None
    upto_ms = (at_ms // DAY_MS + 90) * DAY_MS - 1
    run = Run(ON_LADDER, {}, at_ms, upto_ms)
    run.run([(line_of(observed, at_ms), StoredCustomer(id="ada", stored=stored))])
    published: Counter[tuple[str | None, str, int]] = Counter()
    now_ms = at_ms
    while True:
        outcome = decide("ada", stored, (), ON_LADDER, observed, now_ms, 4)
        for record in outcome.stages():
            if record is not None and record.direction != "none":
                published[record.came_from, record.stage, epoch_ms(record.since) // DAY_MS] += 1
        assert outcome.stored is not None
        stored = outcome.stored
        if now_ms == upto_ms:
            break
        now_ms = min(upto_ms, now_ms + gaps[now_ms % len(gaps)])
    forecast = {
        (came_from, stage, on): number
        for (came_from, stage), by_day in run.counts.moves.items()
        for on, number in by_day.items()
    }
    assert forecast == published
