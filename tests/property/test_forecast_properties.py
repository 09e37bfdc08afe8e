"""Laws of running on: what is forecast for a customer is what a worker decides that looks again and again."""

from collections import Counter
from dataclasses import replace
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from schemas.durations import DAY_MS
from tests.support.examples import examples
from tests.support.stories import TYPES, TurnOfStory, story
from workers.core.decisions.decide import decide
from workers.core.decisions.decided import ACTIVE, RETRACTED, SUPPRESSIONS, UNKNOWN
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
            day = 0 if row.kind == RETRACTED else max(row.start_ms, at_ms) // DAY_MS
            found[row.rule.id, what, day] += 1
        assert outcome.stored is not None
        stored = outcome.stored
        if now_ms == upto_ms:
            return found, unknown
        now_ms = min(upto_ms, now_ms + gaps[now_ms % len(gaps)])


def as_found(counts: dict[str, RuleCounts]) -> Found:
    found = Counter[tuple[str, str, int]]()
    for rule_id, one in counts.items():
        for what, by_day in {"sent": one.sent, **one.not_sent}.items():
            for day, number in by_day.items():
                found[rule_id, what, day] += number
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
    observed = last.observed
    partition = PartitionLine(
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
    run = Run(last.rules, {}, at_ms, upto_ms)
    run.run([(partition, StoredCustomer(id="ada", stored=stored))])
    assert run.counts.customers == 1
    found, unknown = seen_by_a_worker(last, stored, at_ms, upto_ms, gaps)
    assert as_found(run.counts.rules) == found
    assert {rule_id: one.not_observable for rule_id, one in run.counts.rules.items() if one.not_observable} == unknown
