"""Laws of timelines: a failure shows why, and what it offers to paste makes the example pass."""

from typing import Any, Final

import pytest

from schemas.rules import RuleBook
from tests.support.builders import rule
from tests.support.paths import ROOT
from tests.unit.rule_tests.example_rules import ACTS, FIRST, QUIET, TYPES, example, run_one, run_test, text_of
from workers.rule_files.known_names import KnownNames
from workers.rule_files.rules import read_documents
from workers.rule_files.yaml_nodes import parse_yaml, plain_value
from workers.rule_tests.entries import words_of
from workers.rule_tests.locations import SourceLocations
from workers.rule_tests.runner import run_examples
from workers.rule_tests.timelines import as_rich, as_text, instead_of, timeline_of, title_of

DATA: Final = ROOT / "tests" / "data" / "rule-tests"
CASES: Final = sorted(path.stem for path in DATA.glob("*.yaml") if not path.stem.endswith("_test"))


@pytest.mark.parametrize("case", CASES)
def test_a_failing_example_is_shown_so_that_one_sees_why(case: str) -> None:
    """Each case is a rule file with failing examples; the expected output is beside it."""
    parsed = read_documents({f"{case}.yaml": (DATA / f"{case}.yaml").read_text()}, KnownNames(TYPES))
    assert parsed.problems == ()
    results = run_examples(parsed.book, TYPES, SourceLocations(parsed.documents).locate)
    assert not any(result.passed for result in results)
    shown = "\n".join(as_text([title_of(result), *timeline_of(result)]) for result in results)
    assert shown == (DATA / f"{case}.txt").read_text()


def test_there_are_failures_of_every_sort_to_look_at() -> None:
    assert len(CASES) >= 6


WRONG: Final[list[tuple[Any, dict[str, Any]]]] = [
    ("nothing", {}),
    ([{"at": "44 days", "action": "at-risk"}], {}),
    ([*ACTS, *ACTS], {}),
    ([{"at": "1 day", "retracted": "late_event"}], {"given": [{"at": "start", "event": "login"}]}),
    (ACTS, {"given": [{"at": "start", "event": "purchase", "every": "50 days", "times": 3}]}),
    (
        [{"at": "1 day", "decision": "held_out"}],
        {"given": [{"at": "start", "event": "purchase", "every": "50 days", "times": 3}], "again_after": "never"},
    ),
    ([{**ACTS[0], "variables": {"x": 1}}], {"variables": {"price": "purchase.amount", "shop": "purchase.shop"}}),
    (
        [{**ACTS[0], "variables": {}}],
        {
            "variables": {"shop": "purchase.shop"},
            "given": [{"at": "start", "event": "purchase", "with": {"shop": 'a: "b" # c\n- yes'}}],
        },
    ),
    (
        [{**ACTS[0], "not before": "start"}],
        {"policy": {"quiet hours": {"from": "21:00", "until": "08:00"}}},
    ),
    (
        [{**ACTS[0], "variables": {"price": 10}}],
        {
            "given": [{"at": "start", "event": "purchase", "every": "50 days", "times": 2}],
            "variables": {"price": "purchase.amount"},
        },
    ),
    ("nothing", {"when": {"not": {"last": "purchase", "at most": "7 days ago"}}}),
]


@pytest.mark.parametrize(("expect", "content"), WRONG)
def test_what_is_offered_to_paste_makes_a_failing_example_pass(expect: Any, content: dict[str, Any]) -> None:
    content = dict(content)
    given = content.pop("given", None)
    failed = run_one(expect, given, **content)
    assert not failed.passed
    document = parse_yaml("pasted.yaml", instead_of(failed))
    assert document.root is not None
    assert document.problems == ()
    pasted: Any = plain_value(document.root)
    assert run_one(pasted["expect"], given, **content).passed
    assert all(line.strip() in text_of(failed) for line in instead_of(failed).splitlines())


def test_what_is_offered_keeps_what_the_example_compares() -> None:
    given = [{"at": "start", "event": "purchase", "every": "50 days", "times": 2}]
    failed = run_one([{**ACTS[0], "variables": {"price": 10}}], given, variables={"price": "purchase.amount"})
    assert instead_of(failed) == (
        "expect:\n"
        "  - at: 45 days\n"
        "    action: at-risk\n"
        '    variables: {"price":"10"}\n'
        "  - at: 50 days\n"
        "    retracted: customer_returned\n"
        "  - at: 95 days\n"
        "    action: at-risk\n"
        '    variables: {"price":"10"}\n'
    )


def test_many_events_alike_in_a_row_are_shown_as_the_first_and_the_last() -> None:
    given = [{"at": "start", "event": "login", "every": "1 day", "times": 40}]
    shown = text_of(run_one("nothing", given, watch_for="40 days")).splitlines()
    assert [line.split()[0] for line in shown] == ["start", "…", "39"]
    assert "38 more like this" in shown[1]


def test_a_name_cannot_control_the_terminal() -> None:
    one = rule("quiet", when=QUIET, examples=[{**example(), "name": "red \x1b[31m alert"}])
    result = run_examples(RuleBook((one,)), TYPES)[0]
    assert "\x1b" not in as_text([title_of(result)])
    assert "\x1b" not in as_rich([title_of(result)]).plain


def test_with_several_rules_each_line_says_which() -> None:
    result = run_test({"expect": "nothing"}, FIRST, rule("other", when=QUIET))
    assert "first: action at-risk" in text_of(result)
    assert "rule: other" in text_of(result)
    only = next(entry.expected for entry in result.timeline if entry.expected)
    assert words_of(only, False) == "action at-risk"
