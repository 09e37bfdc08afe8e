"""Laws of how problems are shown: the caret is where it belongs, and nothing in a file is obeyed."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.rule_files.problems import (
    Problem,
    Replacement,
    add_elsewhere,
    as_document,
    github_commands,
    in_order,
    render_problems,
)

ODD = Problem("a.yaml", 3, 7, "odd-thing", "is odd", "do this")


# --- as text ------------------------------------------------------------------------------------------------------


def test_a_problem_reads_as_place_message_and_hint() -> None:
    assert str(ODD) == "a.yaml:3:7: is odd (do this)"
    assert str(Problem("a.yaml", 3, 7, "x", "is odd")) == "a.yaml:3:7: is odd"


def test_a_problem_is_shown_with_its_line_and_a_caret_and_its_code() -> None:
    assert render_problems([ODD], {"a.yaml": "one\ntwo\nthree four\n"}) == (
        "a.yaml:3:7: is odd [odd-thing]\n    3 | three four\n      |       ^ do this\n"
    )


def test_a_warning_says_that_it_is_one() -> None:
    warning = Problem("a.yaml", 1, 1, "x", "is odd", None, "warning")
    assert (
        render_problems([warning], {"a.yaml": "one"}) == "a.yaml:1:1: warning: is odd [x]\n    1 | one\n      | ^\n"
    )


def caret_column(line: str, column: int) -> int:
    shown = render_problems([Problem("a", 1, column, "x", "odd")], {"a": line})
    return shown.splitlines()[2].index("^") - len("      | ")


def test_the_caret_stands_under_wide_and_combined_letters() -> None:
    assert caret_column("abc", 3) == 2
    assert caret_column("漢字x", 3) == 4
    assert caret_column("e\u0301x", 3) == 1
    assert caret_column("\tx", 2) == 1
    assert caret_column("abc", 4) == 3


def test_of_a_long_line_only_the_part_round_the_column_is_shown() -> None:
    shown = render_problems([Problem("a", 1, 5_001, "x", "odd")], {"a": "x" * 5_000 + "!" + "x" * 5_000})
    line, caret = shown.splitlines()[1:]
    assert len(line) < 200
    assert line[caret.index("^")] == "!"


def test_a_problem_without_a_text_is_shown_without_its_line() -> None:
    assert render_problems([Problem("a", 1, 1, "x", "odd", "fix it")], {}) == "a:1:1: odd [x]\n      | fix it\n"


def test_nothing_in_a_line_reaches_the_terminal_as_a_command() -> None:
    shown = render_problems([Problem("a", 1, 1, "x", "odd")], {"a": "\x1b[2Jx\u202e"})
    assert all(line.isprintable() for line in shown.splitlines())


# --- for machines -------------------------------------------------------------------------------------------------


def test_a_problem_as_a_document_has_all_that_it_knows() -> None:
    assert as_document(ODD) == {
        "file": "a.yaml",
        "line": 3,
        "column": 7,
        "severity": "error",
        "code": "odd-thing",
        "message": "is odd",
        "hint": "do this",
        "replacement": None,
    }
    replacement = Replacement(3, 7, "odd", "even", (("at least", "3"),))
    assert as_document(replace(ODD, replacement=replacement))["replacement"] == {
        "line": 3,
        "column": 7,
        "old": "odd",
        "new": "even",
        "below": [{"at least": "3"}],
    }


def test_github_gets_a_command_for_each_problem() -> None:
    warning = Problem("b.yaml", 1, 2, "x", "odd", None, "warning")
    assert github_commands([ODD, warning]) == (
        "::error file=a.yaml,line=3,col=7,title=linger%3A odd-thing::is odd%0Ado this\n"
        "::warning file=b.yaml,line=1,col=2,title=linger%3A x::odd\n"
    )


def test_what_means_something_in_a_command_is_escaped() -> None:
    odd = Problem("a,b:c%.yaml", 1, 1, "x", "50%, ::warning::", "one\ntwo\r")
    assert github_commands([odd]) == (
        "::error file=a%2Cb%3Ac%25.yaml,line=1,col=1,title=linger%3A x::50%25, ::warning::%0Aone·two·\n"
    )


@given(text=st.text(), hint=st.none() | st.text(min_size=1))
def test_any_text_of_a_problem_is_one_command_in_one_line(text: str, hint: str | None) -> None:
    written = github_commands([Problem(f"{text}.yaml", 1, 1, "x", text, hint)])
    assert written.count("\n") == 1
    assert written.startswith("::error file=")
    assert written.rstrip("\n").isprintable()
    assert [part.partition("=")[0] for part in written[len("::error ") :].partition("::")[0].split(",")] == [
        *("file", "line", "col", "title")
    ]


# --- several ------------------------------------------------------------------------------------------------------


def test_problems_come_by_file_line_and_column_each_once() -> None:
    early, late = Problem("a", 1, 9, "x", "odd"), Problem("a", 2, 1, "x", "odd")
    other = Problem("b", 1, 1, "x", "odd")
    assert in_order([other, late, early, late]) == [early, late, other]


@pytest.mark.parametrize(("file", "kept"), [("a.yaml", 1), ("b.yaml", 2)])
def test_one_mistake_is_one_problem_but_places_of_other_files_are_other_places(file: str, kept: int) -> None:
    assert len(add_elsewhere([ODD], [Problem(file, 3, 7, "other", "also odd")])) == kept
