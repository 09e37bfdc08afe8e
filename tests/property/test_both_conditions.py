"""Laws of the core of numbers: each condition says of a customer what the core on objects says, to the byte.

Goes with the core on objects.
"""

from collections.abc import Iterator
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import conditions as model
from tests.property.test_condition_truth import CONDITIONS, TYPES, Life, lives, moments, spans_of
from tests.support.builders import DAY, START
from tests.support.compared_conditions import Both
from tests.support.examples import examples
from tests.support.looked_at import READ
from tests.support.on_objects import as_stored
from workers.core.coverage import FOREVER_MS, Coverage
from workers.core.objects.customer import activity as activities
from workers.core.objects.customer.activity import Activity
from workers.core.objects.customer.series import Series
from workers.core.rules import condition_compiler, whole_conditions
from workers.core.rules import wording as phrases
from workers.core.rules.kinds import KINDS, kind_of

WRITTEN: Final = {name: strategy for name, strategy in CONDITIONS.items() if name in KINDS}
TREES: Final = st.recursive(
    st.one_of(*WRITTEN.values()),
    lambda parts: st.one_of(
        st.lists(parts, min_size=1, max_size=4).map(lambda several: {"all": several}),
        st.lists(parts, min_size=1, max_size=4).map(lambda several: {"any": several}),
        parts.map(lambda part: {"not": part}),
    ),
    max_leaves=8,
)


class Compared:
    """A condition in both cores, with the life of a customer folded event by event."""

    def __init__(self, when: Any, life: Life) -> None:
        self.when, self.life = when, life
        self.both = Both(when, TYPES)
        specs_by_type = self.both.specs.facts_by_type()
        keys = {series.key: name for name, spec in specs_by_type.items() for series in spec.series}
        self.observed = Coverage(
            since={key: life.since[name] for key, name in keys.items() if name in life.since},
            complete=frozenset(key for key, name in keys.items() if name in life.whole),
        )
        self.specs_by_type = specs_by_type

    def activities(self) -> Iterator[Activity]:
        """Yield the activity after each event."""
        activity = Activity(first_ms=self.life.first_ms)
        for event in self.life.events:
            activity.at_ms = max(activity.at_ms, event.at_ms)
            activities.fold_facts(activity, event, self.specs_by_type[event.type])
            activity = as_stored(activity)
            yield activity

    def __repr__(self) -> str:
        return f"{self.when!r} of {self.life!r}"

    # `moments` asks for these names.
    @property
    def borders(self) -> list[int]:
        from_ms = self.life.last_ms
        return moments(self, from_ms, from_ms + 900 * DAY)  # type: ignore[arg-type]

    def agree(self, activity: Activity, at_ms: int) -> int:
        """Compare at a moment, and return when the truth changes."""
        by_objects = self.both.by_objects(activity, self.observed, at_ms)
        assert self.both.by_numbers(at_ms) == by_objects, at_ms - START
        return by_objects[1]

    def check(self) -> None:
        """Compare after each event, and at the end at every border and every change."""
        activity = Activity()
        for activity in self.activities():
            self.both.fill(activity, self.observed)
            self.agree(activity, activity.at_ms)
        for at_ms in self.borders:
            self.agree(activity, at_ms)
        at_ms = activity.at_ms
        for _ in range(6):
            flip_ms = self.agree(activity, at_ms)
            if flip_ms == FOREVER_MS:
                return
            for near_ms in (flip_ms - 1, flip_ms, flip_ms + 1):
                if near_ms >= activity.at_ms:
                    self.agree(activity, near_ms)
            at_ms = flip_ms


@st.composite
def compared(draw: st.DrawFn, written: st.SearchStrategy[dict[str, Any]]) -> Compared:
    when = READ(draw(written))
    return Compared(when, draw(lives(when, draw(st.booleans()))))


@pytest.mark.parametrize("kind", WRITTEN)
@given(data=st.data())
@examples(150)
def test_a_kind_says_the_same_in_both_cores(kind: str, data: st.DataObject) -> None:
    data.draw(compared(WRITTEN[kind])).check()


@pytest.mark.parametrize("kind", WRITTEN)
@given(data=st.data())
@examples(60)
def test_so_does_its_opposite(kind: str, data: st.DataObject) -> None:
    data.draw(compared(WRITTEN[kind].map(lambda when: {"not": when}))).check()


@given(compared(TREES))
@examples(400)
def test_so_does_a_combination(both: Compared) -> None:
    both.check()


# --- states that no short history reaches ---------------------------------------------------------------------------

MOMENT: Final = st.one_of(
    st.sampled_from([START, START + 1, START + DAY, START + DAY - 1, START + 5 * DAY, 1, 253_402_300_799_999]),
    st.integers(START - 40 * DAY, START + 60 * DAY),
    st.integers(0, 253_402_300_799_999),
)


@st.composite
def states(draw: st.DrawFn, both: Both, spans: list[int]) -> tuple[Activity, Coverage]:
    """Any activity that rules of this condition may find, however it came about."""
    spans = [0, 1, *spans]
    near = st.builds(
        lambda at_ms, span, step: max(0, at_ms + span + step),
        st.sampled_from([START, START + DAY, START + 7 * DAY]),
        st.sampled_from([*spans, *(-span for span in spans)]),
        st.sampled_from([-1, 0, 0, 1]),
    )
    moment = st.one_of(near, near, MOMENT)
    activity = Activity(first_ms=draw(moment))
    facts = both.specs.facts_by_type().values()
    for one in (series for spec in facts for series in spec.series):
        if draw(st.integers(0, 3)):
            first_ms, last_ms = sorted((draw(moment), draw(moment)))
            active_days = draw(st.sampled_from([0, 1, 2, 3, 40, 4_000_000]))
            activity.series[one.key] = Series(first_ms, last_ms, total=1, active_days=active_days)
    for pair in (pair for spec in facts for pair in spec.pairs):
        if draw(st.booleans()):
            first = activity.series.get(pair.first)
            first_ms = draw(moment) if first is None else draw(st.sampled_from([first.last_ms, first.last_ms, 5]))
            activity.pairs[pair.key] = [first_ms, draw(st.one_of(st.sampled_from([0, -1]), near))]
    keys = [series.key for spec in facts for series in spec.series]
    observed = Coverage(
        since={key: draw(moment) for key in keys if draw(st.integers(0, 4))},
        complete=frozenset(key for key in keys if draw(st.booleans())),
    )
    activity.at_ms = max([activity.first_ms, *(one.last_ms for one in activity.series.values())])
    return activity, observed


@given(data=st.data())
@examples(1500)
def test_whatever_is_known_of_a_customer_both_cores_say_the_same(data: st.DataObject) -> None:
    when = READ(data.draw(st.one_of(*WRITTEN.values(), TREES)))
    both = Both(when, TYPES)
    activity, observed = data.draw(states(both, sorted(spans_of(when))))
    both.fill(activity, observed)
    at_ms = activity.at_ms
    for _ in range(6):
        by_objects = both.by_objects(activity, observed, at_ms)
        assert both.by_numbers(at_ms) == by_objects
        if by_objects[1] >= FOREVER_MS:
            return
        before = both.by_objects(activity, observed, by_objects[1] - 1)
        assert both.by_numbers(by_objects[1] - 1) == before
        at_ms = by_objects[1]


# --- what the rest asks ---------------------------------------------------------------------------------------------


def elementary(when: Any) -> list[Any]:
    parts = model.parts_of(when)
    return [one for part in parts for one in elementary(part)] if parts else [when]


@given(TREES.map(READ), st.booleans())
@examples(400)
def test_what_is_asked_of_a_condition_is_answered_as_before(when: Any, can_reactivate: bool) -> None:
    declared = TYPES if can_reactivate else tuple(name for name in TYPES if name != "reactivation")
    both = Both(when, declared)
    assert whole_conditions.types_of(when, declared) == both.of_objects.types
    assert whole_conditions.can_turn_false(when, declared) == both.of_objects.can_turn_false
    assert whole_conditions.can_turn_true(when, declared) == both.of_objects.can_turn_true
    assert whole_conditions.types_of(when) == condition_compiler.types_of(when)
    assert whole_conditions.least_events(when) == condition_compiler.required_events(when)
    assert whole_conditions.most_events(when) == condition_compiler.most_events(when)
    assert whole_conditions.reads_tenure(when) == condition_compiler.reads_tenure(when)
    for one in elementary(when):
        for holds in (True, False):
            assert kind_of(one).said(one, holds=holds) == phrases.said(one, holds=holds)
