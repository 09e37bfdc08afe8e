"""Laws of parsed YAML: nothing means something else than it says, and every node knows its place."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.rules import RuleFile
from tests.unit.rule_files.yaml_texts import GOOD, REFUSED, Anything, at, changed, only_problem, place, problems_of
from workers.rule_files.files import MAX_FILE_BYTES, read_text
from workers.rule_files.yaml_nodes import parse_yaml
from workers.rule_files.yaml_validation import read_yaml, read_yaml_file


def value_of(written: str) -> Any:
    read, problems = read_yaml("a.yaml", f"value: {written}\n", Anything)
    assert problems == []
    assert read is not None
    return read.value


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


@pytest.mark.parametrize(("code", "text", "part", "message"), REFUSED)
def test_what_could_mean_something_else_than_it_says_is_refused(
    code: str, text: str, part: str, message: str
) -> None:
    problem = only_problem(text)
    assert problem.code == code
    assert at(problem) == place(text, part)
    assert message in problem.message


def test_an_empty_entry_is_reported_in_its_line() -> None:
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
