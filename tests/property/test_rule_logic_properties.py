"""Laws of what conditions say of one another: what is called a contradiction is never true of any customer."""

from itertools import combinations, permutations
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.property.test_condition_truth import CONDITIONS, Life, lives, spans_of, truth
from tests.support.builders import DAY
from tests.support.examples import examples
from tests.support.looked_at import READ
from workers.core.conditions.condition import FALSE, TRUE
from workers.rule_lint.logic import Literal, alternatives, conflict, follows

# Several of a kind, so that they speak of the same things.
LITERALS = st.sampled_from(sorted(CONDITIONS)).flatmap(
    lambda kind: st.lists(
        st.builds(
            lambda when, holds: Literal(READ(when), holds),
            CONDITIONS[kind] | CONDITIONS["none"] | CONDITIONS["count"] | CONDITIONS["last"],
            st.sampled_from([True, True, True, False]),
        ),
        min_size=4,
        max_size=10,
    )
)


def judged(literal: Literal, life: Life, at_ms: int) -> int:
    verdict = truth(literal.condition, life, at_ms)
    return verdict if literal.holds else TRUE - verdict


def moments(life: Life, *literals: Literal) -> list[int]:
    spans = {span for literal in literals for span in spans_of(literal.condition)} | {0}
    borders = {event.at_ms + span for event in life.events for span in spans}
    borders |= {border - border % DAY + DAY for border in borders}
    near = {border + step for border in borders for step in (-1, 0, 1)}
    return sorted(at_ms for at_ms in near if at_ms >= life.last_ms)


def conditions_of(*literals: Literal) -> Any:
    return READ({"all": [literal.condition for literal in literals]})


@examples(150)
@given(literals=LITERALS, data=st.data())
def test_what_excludes_each_other_is_never_true_together(literals: list[Literal], data: st.DataObject) -> None:
    for one, other in combinations(literals, 2):
        if conflict([one, other]) is None:
            continue
        life = data.draw(lives(conditions_of(one, other)))
        for at_ms in moments(life, one, other):
            assert (judged(one, life, at_ms), judged(other, life, at_ms)) != (TRUE, TRUE), (one, other, life, at_ms)
        return


@examples(150)
@given(literals=LITERALS, data=st.data())
def test_what_follows_is_never_false_where_the_other_is_true(literals: list[Literal], data: st.DataObject) -> None:
    for what, other in permutations(literals, 2):
        if what == other or not follows([what], [other]):
            continue
        life = data.draw(lives(conditions_of(what, other)))
        for at_ms in moments(life, what, other):
            if judged(other, life, at_ms) == TRUE:
                assert judged(what, life, at_ms) != FALSE, (what, other, life, at_ms)
        return


def test_there_is_something_to_try() -> None:
    never = Literal(READ({"count": "login", "at least": 1, "within": "2 days"}), True)
    silence = Literal(READ({"none": "login", "for": "5 days"}), True)
    assert conflict([never, silence]) == (never, silence)
    longer = Literal(READ({"none": "login", "for": "12 days"}), True)
    assert follows([silence], [longer])
    assert not follows([longer], [silence])


TREES = st.recursive(
    st.integers(0, 5),
    lambda parts: st.tuples(st.sampled_from(["all", "any"]), st.lists(parts, min_size=1, max_size=3)),
    max_leaves=8,
)


def holds(tree: Any, true: set[int]) -> bool:
    if isinstance(tree, int):
        return tree in true
    word, parts = tree
    return (all if word == "all" else any)(holds(part, true) for part in parts)


def as_tree(tree: Any) -> Any:
    return Literal(tree, True) if isinstance(tree, int) else (tree[0], [as_tree(part) for part in tree[1]])


@given(tree=TREES, true=st.sets(st.integers(0, 5)))
def test_a_tree_holds_just_if_one_of_its_alternatives_does(tree: Any, true: set[int]) -> None:
    ways = alternatives(as_tree(tree))
    if ways is not None:
        assert holds(tree, true) == any(all(literal.condition in true for literal in way) for way in ways)
