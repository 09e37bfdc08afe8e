"""Laws of texts that are not YAML: the problem names the place and the probable slip."""

import pytest

from tests.unit.rule_files.yaml_texts import SYNTAX, at, changed, only_problem, place


@pytest.mark.parametrize(("text", "part", "message"), SYNTAX)
def test_what_is_no_yaml_is_reported_where_it_is_and_in_words(text: str, part: str, message: str) -> None:
    problem = only_problem(text)
    assert problem.code == "syntax"
    assert at(problem) == place(text, part)
    assert message in problem.message


def test_a_hidden_character_in_a_line_that_cannot_be_read_is_pointed_out() -> None:
    assert "non-breaking space" in str(only_problem(changed("template: we", "template:\u00a0we: x")).hint)
    assert "typographic" in str(only_problem(changed("template: we-miss-you", "template: a: “b”")).hint)
