"""Laws of rule tests for any made-up customer: nothing passes by chance, and every decision can be expected."""

from typing import Any, Final

from hypothesis import given
from hypothesis import strategies as st

from schemas.rules import RuleBook
from tests.support.builders import TYPES, rule
from workers.rule_files.yaml_nodes import parse_yaml, plain_value
from workers.rule_tests.runner import ExampleResult, run_examples
from workers.rule_tests.timelines import as_text, instead_of, timeline_of

CONDITIONS: Final[list[Any]] = [
    {"none": "purchase", "for": "20 days"},
    {"all": [{"count": "login", "at least": 2, "within": "10 days"}, {"none": "purchase", "for": "3 days"}]},
    {"any": [{"status": "cancelled"}, {"not": {"count": "purchase", "at least": 1, "within": "30 days"}}]},
    {"sum": "purchase.amount", "at least": 50, "within": "7 days"},
]
OFFSETS: Final = st.integers(0, 60 * 24).map(lambda hours: f"{hours // 24} days {hours % 24} hours")
EVENTS: Final = st.lists(
    st.fixed_dictionaries({"at": OFFSETS, "event": st.sampled_from(TYPES)}), min_size=1, max_size=8
)
EXPECTED: Final = st.lists(
    st.one_of(
        st.fixed_dictionaries({"at": OFFSETS, "action": st.sampled_from(["at-risk", "win-back"])}),
        st.fixed_dictionaries({"at": OFFSETS, "retracted": st.sampled_from(["customer_returned", "late_event"])}),
        st.fixed_dictionaries({"at": OFFSETS, "decision": st.sampled_from(["cooling_down", "capped"])}),
    ),
    max_size=4,
).map(lambda entries: entries or "nothing")


def run(when: Any, events: list[Any], expect: Any) -> ExampleResult:
    examples = [{"name": "an example", "given": events, "expect": expect}]
    variables = {"reason": "cancellation.reason"}
    one = rule("one", when=when, again_after="12 days", variables=variables, examples=examples)
    return run_examples(RuleBook((one,)), TYPES)[0]


def pasted(result: ExampleResult) -> Any:
    root = parse_yaml("pasted.yaml", instead_of(result)).root
    assert root is not None
    value: dict[str, Any] = plain_value(root)
    return value["expect"]


@given(st.sampled_from(CONDITIONS), EVENTS, EXPECTED)
def test_what_is_offered_to_paste_passes(when: Any, events: list[Any], expect: Any) -> None:
    result = run(when, events, expect)
    assert result.passed or as_text(timeline_of(result))
    assert run(when, events, pasted(result)).passed


@given(st.sampled_from(CONDITIONS), EVENTS, st.data())
def test_a_passing_example_fails_without_any_one_of_its_actions(when: Any, events: list[Any], data: Any) -> None:
    right = pasted(run(when, events, "nothing"))
    if right == "nothing":
        return
    left_out = data.draw(st.integers(0, len(right) - 1))
    wrong = right[:left_out] + right[left_out + 1 :]
    result = run(when, events, wrong or "nothing")
    assert [entry.mark for entry in result.timeline].count("unexpected") == 1
    assert run(when, events, [*right, right[left_out]]).passed is False


@given(st.sampled_from(CONDITIONS), EVENTS, EXPECTED)
def test_a_timeline_is_in_the_order_of_time_and_holds_everything(when: Any, events: list[Any], expect: Any) -> None:
    timeline = run(when, events, expect).timeline
    assert [entry.at for entry in timeline] == sorted(entry.at for entry in timeline)
    assert sum(entry.event is not None for entry in timeline) == len(events)
    expected = [] if expect == "nothing" else expect
    assert sum(entry.mark in ("met", "missing") for entry in timeline) == len(expected)
