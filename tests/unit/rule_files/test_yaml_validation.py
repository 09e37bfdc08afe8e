"""Laws of validated YAML files: a value or problems, for any text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from schemas.rules import RuleFile
from schemas.sources import SourcesFile
from tests.unit.rule_files.yaml_texts import GOOD, GOOD_SOURCES, Anything, only_problem
from workers.rule_files.yaml_validation import read_yaml


def test_a_good_file_has_no_problems() -> None:
    rules, problems = read_yaml("a.yaml", GOOD, RuleFile)
    assert problems == []
    assert rules is not None
    assert rules.rules[0].id == "regular-gone-quiet"


def test_a_problem_sends_nothing_to_a_terminal() -> None:
    problem = only_problem('"\\e[2Jx": 1\n', Anything)
    assert str(problem).isprintable()


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
