"""Laws of YAML files: nothing means what it does not say, and every mistake is told with its place."""

from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field

from schemas.rules import RuleFile
from schemas.sources import SourcesFile
from workers.rule_files.problems import Problem
from workers.rule_files.yaml_nodes import MAX_FILE_BYTES, parse_yaml, read_text
from workers.rule_files.yaml_validation import read_yaml, read_yaml_file

GOOD = """\
rules:
  - id: regular-gone-quiet
    title: A regular buyer has gone quiet
    status: live
    when:
      all:
        - count: purchase
          at least: 3
          within: 365 days
        - none: purchase
          for: 45 days
        - status: active
    action: at-risk
    template: we-miss-you
    expires after: 14 days
"""
GOOD_SOURCES = """\
sources:
  - topic: shop.orders
    event: login
    fields: {event_id: id, customer_id: who, occurred_at: at}
    only_when: {result: [ok, 1]}
    max_silence: 3 days
"""


def place(text: str, found: str, occurrence: int = 1) -> tuple[int, int]:
    """Line and column, from 1, of a part of the text."""
    index = -1
    for _ in range(occurrence):
        index = text.index(found, index + 1)
    line = text.count("\n", 0, index) + 1
    return line, index - text.rfind("\n", 0, index)


def changed(old: str, new: str, text: str = GOOD) -> str:
    assert text.count(old) >= 1
    return text.replace(old, new, 1)


def problems_of(text: str, model: type[BaseModel] = RuleFile) -> list[Problem]:
    value, problems = read_yaml("rules/a.yaml", text, model)
    assert (value is None) == bool(problems)
    return problems


def only_problem(text: str, model: type[BaseModel] = RuleFile) -> Problem:
    problems = problems_of(text, model)
    assert len(problems) == 1, [str(problem) for problem in problems]
    return problems[0]


def at(problem: Problem) -> tuple[int, int]:
    return problem.line, problem.column


class Anything(BaseModel):
    model_config = ConfigDict(extra="forbid")

    value: Any = None
    flag: Literal[True] | None = None
    switch: bool | None = None
    mood: Literal["good", "bad"] | None = None
    few: list[str] = Field(default_factory=list, max_length=2)


def value_of(written: str) -> Any:
    read, problems = read_yaml("a.yaml", f"value: {written}\n", Anything)
    assert problems == []
    assert read is not None
    return read.value


# --- values -----------------------------------------------------------------------------------------------------


def test_a_good_file_has_no_problems() -> None:
    rules, problems = read_yaml("a.yaml", GOOD, RuleFile)
    assert problems == []
    assert rules is not None
    assert rules.rules[0].id == "regular-gone-quiet"


@pytest.mark.parametrize(
    "word", ["yes", "no", "on", "off", "y", "n", "NO", "On", "2024-01-01", "12:30", "1_000", "0b1"]
)
def test_words_that_older_yaml_took_for_something_else_are_texts(word: str) -> None:
    assert value_of(word) == word


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("12", 12),
        ("-012", -12),
        ("0o17", 15),
        ("0xff", 255),
        ("1.5", 1.5),
        ("-.5e3", -500.0),
        ("1e3", 1000.0),
        (".inf", float("inf")),
        ("'true'", "true"),
        ('"12"', "12"),
        ("tRue", "tRue"),
    ],
)
def test_plain_values_mean_what_yaml_1_2_says(written: str, value: object) -> None:
    read = value_of(written)
    assert read == value
    assert type(read) is type(value)


@pytest.mark.parametrize("digits", [41, 5000])
def test_a_number_too_long_to_be_one_stays_text(digits: int) -> None:
    assert value_of("9" * digits) == "9" * digits


def test_a_truth_of_older_yaml_where_true_was_meant_gets_a_hint() -> None:
    problem = only_problem("flag: yes\n", Anything)
    assert at(problem) == (1, 7)
    assert problem.hint == "'yes' is a text here: write true"


# --- what YAML can do and a rule file cannot --------------------------------------------------------------------

REFUSED = [
    ("duplicate-key", changed("    template:", "    status: draft\n    template:"), "status: draft", "line 4"),
    ("anchor", changed("we-miss-you", "&a we-miss-you"), "&a", "'&a'"),
    ("alias", changed("we-miss-you", "*a"), "*a", "'*a'"),
    ("tag", changed("we-miss-you", "!!python/object/apply:os.system [ls]"), "!!python", "!!python/object/apply"),
    ("tag", changed("we-miss-you", "!secret x"), "!secret", "!secret"),
    ("tag", changed("we-miss-you", "!!str x"), "!!str", "!!str"),
    ("merge-key", changed("    action:", "    <<: {}\n    action:"), "<<", "'<<'"),
    ("several-documents", GOOD + "---\nrules: []\n", "---", "second document"),
    ("key-not-text", changed("    action:", "    1: x\n    action:"), "1: x", "found 1"),
    ("key-not-text", changed("    action:", "    true: x\n    action:"), "true: x", "found true"),
    ("key-not-text", changed("    action:", "    : x\n    action:"), ": x", "no key"),
    ("key-not-text", changed("    action:", "    [a, b]: x\n    action:"), "[a, b]", "must be a text"),
    ("key-not-text", changed("we-miss-you", "{{ template }}"), "{ template }", "must be a text"),
    ("empty-value", changed("within: 365 days", "within:"), "within", "'within' has no value"),
    ("smart-quotes", changed("we-miss-you", "“we-miss-you”"), "“", "typographic"),
    ("merge-conflict", changed("    action:", "<<<<<<< HEAD\n    action:"), "<<<<<<<", "merge conflict"),
    ("merge-conflict", changed("    action:", ">>>>>>> 1f2e\n    action:"), ">>>>>>>", "merge conflict"),
]


@pytest.mark.parametrize(("code", "text", "found", "said"), REFUSED)
def test_what_could_mean_something_else_than_it_says_is_refused(code: str, text: str, found: str, said: str) -> None:
    problem = only_problem(text)
    assert problem.code == code
    assert at(problem) == place(text, found)
    assert said in problem.message


def test_an_empty_entry_is_told_in_its_line() -> None:
    text = changed("- status: active", "-")
    problem = only_problem(text)
    assert (problem.code, problem.line) == ("empty-value", place(text, "-\n")[0])


def test_tags_in_a_file_are_never_obeyed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    problems_of(f"rules: !!python/object/apply:os.mkdir ['{victim}']\n")
    assert not victim.exists()


def test_entities_that_repeat_each_other_cost_nothing() -> None:
    laughs = "a: &a [x, x]\n" + "".join(
        f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n"
        for before, name in zip("abcdefgh", "bcdefghi", strict=True)
    )
    assert {problem.code for problem in problems_of(laughs)} == {"anchor", "alias", "unknown-key"}


def test_nesting_ends_at_32() -> None:
    assert parse_yaml("a.yaml", "[" * 32 + "]" * 32).problems == ()
    problem = only_problem("[" * 33 + "]" * 33)
    assert (problem.code, at(problem)) == ("too-deep", (1, 33))


def test_endless_nesting_is_refused_in_peace() -> None:
    for opening in ("[", "{a: ", "- ", "? "):
        assert "too-deep" in {problem.code for problem in problems_of(opening * 20_000)}


@pytest.mark.parametrize("text", ["", "\n\n", "# only a comment\n", "---\n", "null\n"])
def test_an_empty_file_says_so(text: str) -> None:
    problem = only_problem(text)
    assert (problem.code, at(problem)) == ("empty-file", (1, 1))


def test_byte_order_mark_and_line_ends_of_windows_change_no_place() -> None:
    text = changed("at least", "at leest")
    assert at(only_problem("\ufeff" + text.replace("\n", "\r\n"))) == place(text, "at leest")


# --- what is no YAML --------------------------------------------------------------------------------------------

SYNTAX = [
    (changed("    template", "\ttemplate"), "\ttemplate", "a tab is not possible in front of a line"),
    (changed("template: we", "template:\n\t- we"), "\t- we", "a tab"),
    (changed("    template", "\u00a0   template"), "\u00a0", "a non-breaking space is not possible"),
    (changed("we-miss-you", "'we-miss-you"), "'we", "never closed"),
    (changed("we-miss-you", '"we-miss-you'), '"we', "never closed"),
    (changed("we-miss-you", "[we, miss"), "[we", "never closed"),
    (changed("we-miss-you", "we: miss"), ": miss", "a second ':' in one line"),
    (changed("we-miss-you", "@we"), "@we", "cannot begin with this character"),
    (changed("we-miss-you", "%we"), "%we", "cannot begin with this character"),
    (changed("we-miss-you", "* we"), "* we", "'*'"),
    (changed("we-miss-you", '"c:\\dir"'), 'dir"', "'\\'"),
    (changed("template: we-miss-you", "template we-miss-you"), "template we", "no ':'"),
    (changed("    template:", "   template:"), "template:", "does not fit"),
    (changed("we-miss-you", "we\x07"), "\x07", "U+0007"),
]


@pytest.mark.parametrize(("text", "found", "said"), SYNTAX)
def test_what_is_no_yaml_is_told_where_and_in_words(text: str, found: str, said: str) -> None:
    problem = only_problem(text)
    assert problem.code == "syntax"
    assert at(problem) == place(text, found)
    assert said in problem.message


def test_a_hidden_character_in_a_line_that_cannot_be_read_is_pointed_out() -> None:
    assert "non-breaking space" in str(only_problem(changed("template: we", "template:\u00a0we: x")).hint)
    assert "typographic" in str(only_problem(changed("template: we-miss-you", "template: a: “b”")).hint)


# --- what the model refuses -------------------------------------------------------------------------------------

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
    (changed("rules:", "rule:"), "rule:", "unknown key 'rule'", "did you mean 'rules'?"),
]


@pytest.mark.parametrize(("text", "found", "message", "hint"), AT_KEYS)
def test_a_wrong_key_is_told_at_the_key_with_what_was_meant(text: str, found: str, message: str, hint: str) -> None:
    problem = only_problem(text)
    assert at(problem) == place(text, found)
    assert message in problem.message.replace("·", " ")
    assert hint in str(problem.hint)


AT_VALUES = [
    (changed("status: live", "status: livee"), "livee", "'livee' is none of 'draft'", "did you mean 'live'?"),
    (changed("status: active", "status: canceled"), "canceled", "none of 'active', 'cancelled'", "'cancelled'?"),
    (changed("action: at-risk", "action: winback"), "winback", "none of 'at-risk', 'win-back'", "'win-back'?"),
    (changed("count: purchase", "count: Purchase!"), "Purchase!", "is not possible here", "an event type"),
    (changed("id: regular-gone-quiet", "id: Regular"), "Regular", "is not possible here", "an id"),
    (changed("at least: 3", "at least: three"), "three", "expected a number, found 'three'", "write 3"),
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


@pytest.mark.parametrize(("text", "found", "message", "hint"), AT_VALUES)
def test_a_wrong_value_is_told_at_the_value_in_words(text: str, found: str, message: str, hint: str) -> None:
    problem = only_problem(text)
    assert at(problem) == place(text, found)
    assert message in problem.message
    assert hint in str(problem.hint)


@pytest.mark.parametrize("bound", ["1e30", "9" * 40])
def test_a_bound_however_large_is_a_number(bound: str) -> None:
    assert problems_of(changed("at least: 3", f"at least: {bound}")) == []


def test_missing_keys_are_told_together_where_their_mapping_begins() -> None:
    text = GOOD.replace("    action: at-risk\n", "").replace("    template: we-miss-you\n", "")
    problem = only_problem(text)
    assert at(problem) == place(text, "id:")
    assert problem.message == "'action', 'template' are missing"


def test_a_key_missing_in_a_condition_is_told_at_the_condition() -> None:
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


def test_filters_are_told_about_inside() -> None:
    where = "{plan: [gold, [x]], a: {at lest: 3}, b: {other then: 4}, c: null, 'd d': 1, e: {other than: [[1]]}}"
    text = changed("within: 365 days", f"where: {where}")
    found = ["[x]", "at lest", "other then", "null", "'d d'", "[1]"]
    assert [at(problem) for problem in problems_of(text)] == [place(text, part) for part in found]


def test_sources_are_told_about_in_the_same_way() -> None:
    text = (
        GOOD_SOURCES.replace("customer_id: who", "customer: who")
        .replace("occurred_at: at", "occurred_at: {path: a..b, key: yes, zone: Berlin, formt: iso}")
        .replace("result: [ok, 1]", "result: {a: b}, 'x y': 1")
        .replace("3 days", "3")
    )
    found = ["customer:", "a..b", "yes", "Berlin", "formt", "{a: b}", "'x y'", "3\n"]
    assert [at(problem) for problem in problems_of(text, SourcesFile)] == [place(text, part) for part in found]


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
    said = str(only_problem(text)).lower()
    assert not [word for word in JARGON if word in said]


def test_a_message_shows_no_more_than_the_beginning_of_what_was_found() -> None:
    for old, new in [("45 days", "x" * 9_999), ("we-miss-you", "1" * 9_999 + ".5"), ("at least", "k" * 9_999)]:
        assert len(str(only_problem(changed(old, new)))) < 500


def test_lists_may_be_too_long() -> None:
    assert only_problem("few: [a, b, c]\n", Anything).message == "expected at most 2 entries, found 3"


# --- files ------------------------------------------------------------------------------------------------------


def test_files_are_utf_8(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_bytes("title: é\nx: ".encode() + b"\xe9\n")
    _, problems = read_yaml_file(file, RuleFile)
    assert [(problem.code, *at(problem)) for problem in problems] == [("not-utf-8", 2, 4)]
    file.write_bytes(GOOD.encode("utf-16"))
    assert read_text(file)[1][0].code == "not-utf-8"


def test_files_end_at_256_kib(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(GOOD + "#" * (MAX_FILE_BYTES - len(GOOD)))
    assert read_yaml_file(file, RuleFile)[1] == []
    file.write_text(GOOD + "#" * (MAX_FILE_BYTES - len(GOOD) + 1))
    assert read_yaml_file(file, RuleFile)[1][0].code == "too-large"


def test_a_file_that_is_not_there_is_a_problem_and_no_error(tmp_path: Path) -> None:
    for path in (tmp_path / "missing.yaml", tmp_path):
        value, problems = read_yaml_file(path, RuleFile)
        assert value is None
        assert [problem.code for problem in problems] == ["cannot-read"]


def test_a_problem_sends_nothing_to_a_terminal() -> None:
    problem = only_problem('"\\e[2Jx": 1\n', Anything)
    assert str(problem).isprintable()


# --- whatever the text is ---------------------------------------------------------------------------------------

yaml_like = st.text(
    alphabet=st.sampled_from("ab:-?*&!|>[]{}#'\"%@`,~<=\\ \n\r\t\u00a0“”\u2028\x85\ufeff10.e\x00"), max_size=60
)
SLIPS = (
    "&a ¦*a¦!!str ¦<<: ¦---\n¦...\n¦%YAML 1.1\n¦\t¦“¦\u00a0¦- ¦: ¦? ¦|\n¦>-\n¦[¦]¦{¦}¦'¦\"¦#¦\\¦\n¦\r\n¦"
    "null¦yes¦1e999¦.nan¦0x¦1e30¦-1¦99999999999999999999999999999999999999999999¦\\ud800¦\\e¦days¦"
    "rules:¦all:¦not:¦count:¦none:¦where:¦other than:¦at least:¦status:¦path:¦constant:¦event_id:"
)
fragments = st.sampled_from(SLIPS.split("¦"))


def assert_lawful(text: str, model: type[BaseModel]) -> None:
    value, problems = read_yaml("a.yaml", text, model)
    assert (value is None) == bool(problems)
    lines = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    for problem in problems:
        assert 1 <= problem.line <= len(lines)
        assert 1 <= problem.column <= len(lines[problem.line - 1]) + 2
        assert str(problem).isprintable()
        assert len(str(problem)) < 1_000


@pytest.mark.parametrize("model", [RuleFile, SourcesFile, Anything])
@given(text=st.text(max_size=80) | yaml_like)
def test_no_text_is_a_traceback(model: type[BaseModel], text: str) -> None:
    assert_lawful(text, model)


@pytest.mark.parametrize(("good", "model"), [(GOOD, RuleFile), (GOOD_SOURCES, SourcesFile)])
@given(data=st.data())
def test_no_slip_in_a_good_file_is_a_traceback(good: str, model: type[BaseModel], data: st.DataObject) -> None:
    text = good
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(text)))
        end = min(len(text), start + data.draw(st.integers(0, 12)))
        text = text[:start] + data.draw(fragments | st.text(max_size=3)) + text[end:]
    assert_lawful(text, model)


words = st.text(st.characters(categories=["Ll", "Lu", "Lo"]), min_size=1, max_size=8).map("k".__add__)


@given(
    keys=st.lists(words, min_size=1, max_size=6, unique=True),
    indent=st.integers(0, 4),
    end=st.sampled_from(["\n", "\r\n"]),
)
def test_every_key_is_where_it_is(keys: list[str], indent: int, end: str) -> None:
    text = end.join(f"{' ' * indent}{key}: 漢字 {number}" for number, key in enumerate(keys))
    unknown = [problem for problem in problems_of(text, Anything) if problem.code == "unknown-key"]
    assert [at(problem) for problem in unknown] == [(number, indent + 1) for number in range(1, len(keys) + 1)]
