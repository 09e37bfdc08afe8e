"""Laws of what a model refuses: the problem is at the key or value, in plain words."""

import pytest

from schemas.sources import SourcesFile
from tests.unit.rule_files.yaml_texts import (
    GOOD,
    GOOD_SOURCES,
    REFUSED,
    SYNTAX,
    Anything,
    at,
    changed,
    only_problem,
    place,
    problems_of,
)


def test_a_truth_of_older_yaml_where_true_was_meant_gets_a_hint() -> None:
    problem = only_problem("flag: yes\n", Anything)
    assert at(problem) == (1, 7)
    assert problem.hint == "'yes' is a text here: write true"


AT_KEYS = [
    (changed("at least", "at leest"), "at leest", "unknown key 'at leest'", "did you mean 'at least'?"),
    (changed("at least", "at_least"), "at_least", "unknown key 'at_least'", "did you mean 'at least'?"),
    (changed("at least", "At Least"), "At Least", "unknown key 'At Least'", "did you mean 'at least'?"),
    (changed("at least", "at\u00a0least"), "at\u00a0least", "unknown key", "non-breaking space"),
    (changed("template:", "temlpate:"), "temlpate", "unknown key 'temlpate'", "did you mean 'template'?"),
    (changed("    title", "    qqq: 1\n    title"), "qqq", "unknown key 'qqq'", "possible are 'id', 'title'"),
    (changed("count:", "cuont:"), "cuont", "'cuont' is no condition", "did you mean 'count'?"),
    (
        changed("          for:", "          at most: 1\n          for:"),
        "at most",
        "cannot stand beside 'none'",
        "'for'",
    ),
    (
        changed("status: active", "status: active\n          count: x"),
        "count: x",
        "cannot stand beside 'status'",
        "all:",
    ),
    (
        changed("count:", "visits:"),
        "visits",
        "'visits' is no condition",
        "possible are count, sum,",
    ),
    (changed("rules:", "rule:"), "rule:", "unknown key 'rule'", "did you mean 'rules'?"),
]


@pytest.mark.parametrize(("text", "part", "message", "hint"), AT_KEYS)
def test_a_wrong_key_is_reported_at_the_key_with_what_was_meant(
    text: str, part: str, message: str, hint: str
) -> None:
    problem = only_problem(text)
    assert at(problem) == place(text, part)
    assert message in problem.message.replace("·", " ")
    assert hint in str(problem.hint)


AT_VALUES = [
    (changed("status: live", "status: livee"), "livee", "'livee' is none of 'draft'", "did you mean 'live'?"),
    (changed("status: active", "status: canceled"), "canceled", "none of 'active', 'cancelled'", "'cancelled'?"),
    (changed("action: at-risk", "action: at_risk"), "at_risk", "is not possible here", "did you mean 'at-risk'?"),
    (changed("count: purchase", "count: Purchase!"), "Purchase!", "is not possible here", "an event type"),
    (changed("id: regular-gone-quiet", "id: Regular"), "Regular", "is not possible here", "an id"),
    (changed("at least: 3", "at least: three"), "three", "expected a number, found 'three'", "write 3"),
    (
        changed("at least: 3", "at least: 30% of a.b"),
        "30% of a.b",
        "expected a measurement",
        "'30% of latest a.b'",
    ),
    (changed("at least: 3", "at least: profile.cac"), "profile.cac", "expected a number", "'latest profile.cac'"),
    (changed("at least: 3", "exactly: profile.cac"), "profile.cac", "expected a number", "another measurement"),
    (changed("at least: 3", "at least: 1,000"), "1,000", "expected a number", "nothing between thousands"),
    (changed("at least: 3", "at least: 2.5"), "2.5", "whole numbers", "None"),
    (changed("at least: 3", "at least: [3]"), "[3]", "expected a number, found a list", "one value"),
    (changed("45 days", "45"), "45", "45 has no unit", "None"),
    (changed("45 days", "2 months"), "2 months", "write '60 days'", "None"),
    (changed("45 days", "800 days"), "800 days", "730 days long at most", "None"),
    (changed("365 days", "36 hours"), "36 hours", "whole days", "None"),
    (changed("we-miss-you", "123"), "123", "expected a text, found '123'", 'write "123"'),
    (changed("we-miss-you", '""'), '""', "at least 1 character", "None"),
    (changed("A regular", "A" * 200 + " regular"), "AAA", "at most 120 characters", "None"),
    (changed("- status: active", "- cancelled"), "cancelled", "expected a condition", "'status: cancelled'"),
    (changed("    when:\n      all:\n", "    when:\n"), "- count", "found a list", "write 'all:' or 'any:'"),
    ("rules: {a: 1}\n", "{a", "expected a list, found keys with values", "'- '"),
    ("rules: []\n", "[]", "expected at least 1 entry, found an empty list", "None"),
    ("just a text\n", "just", "expected keys with values, found 'just a text'", "None"),
]


@pytest.mark.parametrize(("text", "part", "message", "hint"), AT_VALUES)
def test_a_wrong_value_is_reported_at_the_value_in_words(text: str, part: str, message: str, hint: str) -> None:
    problem = only_problem(text)
    assert at(problem) == place(text, part)
    assert message in problem.message
    assert hint in str(problem.hint)


@pytest.mark.parametrize("bound", ["1e30", "9" * 40])
def test_a_bound_however_large_is_a_number(bound: str) -> None:
    assert problems_of(changed("at least: 3", f"at least: {bound}")) == []


def test_missing_keys_are_reported_together_where_their_mapping_begins() -> None:
    text = GOOD.replace("    action: at-risk\n", "").replace("    template: we-miss-you\n", "")
    problem = only_problem(text)
    assert at(problem) == place(text, "id:")
    assert problem.message == "'action', 'template' are missing"


def test_a_key_missing_in_a_condition_is_reported_at_the_condition() -> None:
    text = GOOD.replace("          for: 45 days\n", "")
    assert at(only_problem(text)) == place(text, "none:")
    assert only_problem(text).message == "'for' is missing"


def test_nothing_is_called_missing_where_something_could_not_be_read() -> None:
    assert only_problem(changed("    template: we", "    *template : we")).code == "alias"


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_tags_of_nested_conditions_lead_no_place_astray(depth: int) -> None:
    nested = "{not: " * depth + "{none: login, fro: 3 days}" + "}" * depth
    text = changed("- status: active", f"- {nested}")
    assert at(only_problem(text)) == place(text, "fro:")


def test_filters_are_reported_inside() -> None:
    first = "plan: [gold, [x]], a: {at lest: 3}, b: {other then: 4}"  # codespell:ignore lest
    where = f"{{{first}, c: null, 'd d': 1, e: {{other than: [[1]]}}}}"
    text = changed("within: 365 days", f"where: {where}")
    parts = ["[x]", "at lest", "other then", "null", "'d d'", "[1]"]  # codespell:ignore lest
    assert [at(problem) for problem in problems_of(text)] == [place(text, part) for part in parts]


def test_sources_are_reported_in_the_same_way() -> None:
    text = (
        GOOD_SOURCES.replace("customer_id: who", "customer: who")
        .replace("occurred_at: at", "occurred_at: {path: a..b, key: yes, zone: Berlin, formt: iso}")
        .replace("result: [ok, 1]", "result: {a: b}, 'x y': 1")
        .replace("3 days", "3")
    )
    parts = ["customer:", "a..b", "yes", "Berlin", "formt", "a: b}", "'x y'", "3\n"]
    assert [at(problem) for problem in problems_of(text, SourcesFile)] == [place(text, part) for part in parts]


JARGON = (
    "input should",
    "extra_forbidden",
    "value error",
    "pydantic",
    "literal",
    "union",
    "tag:",
    "regex",
    "pattern",
)


@pytest.mark.parametrize("text", [text for text, *_ in AT_KEYS + AT_VALUES + SYNTAX] + [row[1] for row in REFUSED])
def test_no_message_speaks_the_language_of_its_makers(text: str) -> None:
    message = str(only_problem(text)).lower()
    assert not [word for word in JARGON if word in message]


def test_a_message_shows_no_more_than_the_beginning_of_what_was_found() -> None:
    for old, new in [("45 days", "x" * 9_999), ("we-miss-you", "1" * 9_999 + ".5"), ("at least", "k" * 9_999)]:
        assert len(str(only_problem(changed(old, new)))) < 500


def test_lists_may_be_too_long() -> None:
    assert only_problem("few: [a, b, c]\n", Anything).message == "expected at most 2 entries, found 3"


def test_a_mapping_in_place_of_a_text_is_not_shown_as_python_writes_it() -> None:
    text = changed("    template: we-miss-you", "    template: we-miss-you\n    pace: {at most: 5}")
    problem = only_problem(text)
    assert problem.message == "expected a pace such as 'at most 500 per hour', found keys with values"
    assert at(problem) == place(text, "{at most: 5}")


def test_entries_that_do_not_fit_together_are_reported_at_the_first_of_them() -> None:
    text = changed("at least: 3", "at most: 2\n          at least: 3")
    assert at(only_problem(text)) == place(text, "at most")


def test_a_bound_that_is_no_whole_number_is_reported_at_the_bound() -> None:
    text = changed("at least: 3", "at least: 2.5")
    assert at(only_problem(text)) == place(text, "2.5")
