"""Laws while there are two cores: a condition on numbers is as true as the one on objects, and says the same.

Histories that no customer can have are tried as well: what is stored may be anything that its layout can hold.
Goes with the core on objects.
"""

from typing import Any, Final

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import conditions as model
from schemas.attribute_types import AttributeType
from tests.property.test_condition_truth import CONDITIONS, ENDS, TYPES, spans_of
from tests.support.both_cores import KIND_OF, Looked
from tests.support.builders import DAY, START
from tests.support.examples import examples
from tests.support.looked_at import READ
from workers.core.coverage import FOREVER_MS, SETTLING_MS, Coverage
from workers.core.customer.specs import MAX_TOLD_APART, Specs
from workers.core.events.decoding import MAX_STORED
from workers.core.objects.customer.activity import Activity
from workers.core.objects.customer.series import Series, pack
from workers.core.rules import wording as phrases
from workers.core.rules.condition_compiler import compile_condition, most_events, required_events, types_of

HERE: Final = sorted(kind.word for kind in KIND_OF.values())
NOW: Final = START + 400 * DAY + 13 * 3_600_000
AMOUNT: Final = st.one_of(
    st.sampled_from([0, 50_000, 92_500, 400_001, 10_000, 1]),
    st.integers(-100_000, 500_000),
    st.sampled_from([0, 50_000, 1 << 50, MAX_STORED >> 11]),
)
KEPT: Final = st.one_of(
    st.sampled_from(
        [0, 5, 9, 9.5, -3, 40, "9", "5.0", "gold", "tin", "zinc", True, False, "true", 40.0001, "x" * 200]
    ),
    st.sampled_from([one for one in ENDS if not isinstance(one, float)]),
    st.integers(NOW - 50 * DAY, NOW + 50 * DAY),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
)
NUMBERS_OF_TYPES: Final[dict[str, AttributeType]] = {
    "nps.score": "number",
    "login.score": "number",
    "login.plan": "text",
    "login.ends": "moment",
    "purchase.amount": "number",
}


@st.composite
def facts(draw: st.DrawFn, has_sum: bool, has_values: bool) -> Series:
    today = NOW // DAY
    if has_values:
        days = sorted(draw(st.lists(st.integers(today - 60, today), max_size=MAX_TOLD_APART)))
        total = len(days) + draw(st.integers(0, 3))
        gone = draw(st.sampled_from([0, 0, today - 61, today - 20])) if days else 0
        return Series(NOW - 100 * DAY, NOW, total, 0, total, gone, b"", list(range(len(days))), days)
    longest = draw(st.sampled_from([3, 15, 90]))
    days = sorted(draw(st.sets(st.integers(today - longest, today), max_size=25)))
    counts = [draw(st.sampled_from([1, 1, 1, 2, 3, 300])) for _ in days]
    sums = [draw(AMOUNT) for _ in days] if has_sum else []
    if draw(st.booleans()):
        sums = [abs(amount) for amount in sums]
    total = sum(counts) + draw(st.sampled_from([0, 0, 1, 5]))
    total_sum = max(-MAX_STORED, min(MAX_STORED, sum(sums) + (draw(AMOUNT) if has_sum else 0)))
    gone = draw(st.sampled_from([0, 0, today - 91, *days[:1], today - longest // 2]))
    first_ms = NOW - draw(st.integers(0, 200 * DAY))
    return Series(first_ms, NOW, max(1, total), total_sum, len(days), gone, pack(days, counts, sums))


@st.composite
def customers(draw: st.DrawFn, specs: Specs) -> tuple[Activity, Coverage]:
    known = [one for spec in specs.facts_by_type().values() for one in spec.series]
    first_ms = NOW - draw(st.one_of(st.sampled_from([0, DAY, 12 * DAY, 60 * DAY]), st.integers(0, 400 * DAY)))
    activity = Activity(first_ms=first_ms, at_ms=NOW)
    since, complete = {}, set()
    for one in known:
        if one.type != "cancellation" and draw(st.integers(0, 3)):
            activity.series[one.key] = draw(facts(one.adds is not None, one.tells_apart is not None))
        if draw(st.integers(0, 5)):
            since[one.key] = draw(
                st.one_of(
                    st.sampled_from([first_ms, first_ms - SETTLING_MS, first_ms - SETTLING_MS + 1, NOW, NOW - DAY]),
                    st.integers(NOW - 800 * DAY, NOW + DAY),
                )
            )
        if draw(st.booleans()):
            complete.add(one.key)
    for reference in ("nps.score", "login.plan", "login.score", "cancellation.ends", "login.ends"):
        if draw(st.integers(0, 4)):
            activity.attributes[reference] = (draw(KEPT), NOW)
    return activity, Coverage(since=since, complete=frozenset(complete))


@st.composite
def written(draw: st.DrawFn, kind: str) -> Any:
    when = READ(draw(CONDITIONS[kind]))
    return model.Not(not_=when) if draw(st.booleans()) else when


def borders(when: Any, activity: Activity, observed: Coverage) -> list[int]:
    """Moments around everything that can change the truth."""
    part = when.not_ if isinstance(when, model.Not) else when
    spans = spans_of(part)
    today = NOW - NOW % DAY
    near = {NOW}
    for from_ms in {NOW, activity.first_ms, *observed.since.values()}:
        for span in spans:
            border = from_ms + span
            near |= {border, border - border % DAY, border - border % DAY + DAY}
    for value, _ in activity.attributes.values():
        if isinstance(value, int):
            near |= {value, *(value + way * span for span in spans for way in (-1, 1))}
    moments = {at for border in near for at in (border - 1, border, border + 1)}
    midnights = {today + day * DAY + step for day in range(1, 70) for step in (-1, 0)}
    return sorted(at for at in moments | midnights if at >= NOW)


@pytest.mark.parametrize("kind", HERE)
@given(data=st.data(), types=st.sampled_from([{}, NUMBERS_OF_TYPES]))
@examples(200)
def test_a_condition_on_numbers_is_true_when_that_on_objects_is_changes_when_it_does_and_says_the_same(
    kind: str, types: dict[str, AttributeType], data: st.DataObject
) -> None:
    when = data.draw(written(kind))
    specs = Specs(TYPES, types)
    before = compile_condition(when, specs)
    now = Looked(when, specs)
    for _ in range(3):  # one object for one customer after the other
        activity, observed = data.draw(customers(specs))
        now.take_over(activity, observed)
        for place, at_ms in enumerate(borders(when, activity, observed)):
            assert now.evaluate(at_ms) == before.evaluate(activity, at_ms, observed), at_ms - NOW
            if place % 5 == 0:
                (reason,) = before.reasons(activity, at_ms, observed)
                assert now.reason(at_ms) == msgspec.json.encode(reason)
        at_ms = NOW
        for _ in range(6):
            truth, flip_ms = now.evaluate(at_ms)
            assert (truth, flip_ms) == before.evaluate(activity, at_ms, observed)
            if flip_ms == FOREVER_MS:
                break
            assert now.evaluate(flip_ms - 1)[0] == truth
            assert now.evaluate(flip_ms)[0] != truth
            at_ms = flip_ms


@pytest.mark.parametrize("kind", HERE)
@given(data=st.data())
@examples(60)
def test_what_is_asked_of_a_written_condition_is_what_was_asked_of_the_compiled_one(
    kind: str, data: st.DataObject
) -> None:
    when = READ(data.draw(CONDITIONS[kind]))
    asked, compiled = KIND_OF[type(when)], compile_condition(when, Specs(TYPES))
    assert asked.types(when) == types_of(when) == compiled.types
    assert asked.can_turn_false(when) == compiled.can_turn_false
    assert asked.can_turn_true(when) == compiled.can_turn_true
    assert asked.least_events(when) == required_events(when)
    assert asked.most_events(when) == most_events(when)
    for holds in (True, False):
        assert asked.said(when, holds=holds) == phrases.said(when, holds=holds)
    assert asked.word == kind
    assert Looked(when, compiled_specs(when)).condition.cost == compiled.cost


def compiled_specs(when: Any) -> Specs:
    specs = Specs(TYPES)
    compile_condition(when, specs)
    return specs
