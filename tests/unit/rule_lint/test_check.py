"""Laws of `linger rules check` over many broken files: the right line, a useful word, never a traceback."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.sources import SourcesFile
from tests.support.paths import ROOT
from workers.rule_files.files import find_rule_files, read_text
from workers.rule_files.problems import Problem, as_document, github_commands, render_problems
from workers.rule_lint.check import check_texts
from workers.rule_lint.codes import EXPLANATIONS
from workers.rule_lint.lint import LINTS
from workers.source_files.reading import load_sources

FOLDER: Final = ROOT / "tests" / "data" / "broken-rules"
SHIPPED: Final = ROOT / "rules"
NOW: Final = datetime(2024, 6, 1, tzinfo=UTC)
PATIENCE: Final = 10.0
"""Seconds of CPU time; wall-clock time depends on the load of the machine."""
JARGON: Final = (
    "input should",
    "pydantic",
    "literal",
    "discriminator",
    "tagged",
    "regex",
    "traceback",
    "none of none",
)


class Expected(NamedTuple):
    line: int
    code: str
    says: str


def table() -> Iterator[tuple[str, Expected]]:
    for row in (FOLDER / "README.md").read_text().splitlines():
        cells = [cell.strip() for cell in row.strip("|").split("|")]
        if len(cells) == 4 and cells[1].isdigit():
            yield cells[0], Expected(int(cells[1]), cells[2], cells[3])


EXPECTED: Final[dict[str, list[Expected]]] = {}
for _name, _row in table():
    EXPECTED.setdefault(_name, []).append(_row)


def sources() -> SourcesFile:
    sources, problems = load_sources(FOLDER / "sources" / "sources.yaml")
    assert problems == []
    assert sources is not None
    return sources


SOURCES: Final = sources()


def check(text: str) -> tuple[list[Problem], list[Problem]]:
    report = check_texts({"rules/a.yaml": text}, SOURCES, NOW)
    return list(report.mistakes), list(report.warnings)


def problems_of(name: str) -> tuple[list[Problem], list[Problem]]:
    text, unread = read_text(FOLDER / f"{name}.yaml")
    return (unread, []) if text is None else check(text)


def test_there_are_many_of_them_and_the_table_names_each() -> None:
    assert len(EXPECTED) >= 200
    assert sorted(EXPECTED) == sorted(path.stem for path in FOLDER.glob("*.yaml"))


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_a_mistake_is_reported_in_its_line_and_with_what_helps(name: str) -> None:
    mistakes, warnings = problems_of(name)
    for line, code, says in EXPECTED[name]:
        there = [problem for problem in (*mistakes, *warnings) if (problem.line, problem.code) == (line, code)]
        assert any(says in f"{problem.message} {problem.hint}" for problem in there), [*mistakes, *warnings]


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_nothing_is_called_a_mistake_that_is_none(name: str) -> None:
    mistakes, _ = problems_of(name)
    wanted = sorted((line, code) for line, code, _ in EXPECTED[name] if code not in LINTS)
    assert sorted((problem.line, problem.code) for problem in mistakes) == wanted


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_what_is_said_is_in_plain_words_and_its_code_is_explained(name: str) -> None:
    for problems in problems_of(name):
        for problem in problems:
            assert problem.code in EXPLANATIONS
            assert EXPLANATIONS[problem.code].is_warning == (problem.severity == "warning")
            assert not [word for word in JARGON if word in f"{problem.message} {problem.hint}".lower()]


def test_every_code_that_a_rule_file_can_give_is_among_them() -> None:
    elsewhere = {
        # These need a folder, several files or sources; see tests/unit/rule_files/test_rules.py.
        *("cannot-read", "file-left-out", "no-files", "too-large", "repeated-definition", "repeated-for-every-rule"),
        *("repeated-value", "repeated-book"),
        *("repeated-topic", "built-in-type", "unknown-pack", "unknown-case"),
        # This needs a history; see test_unseen.py.
        "unseen-value",
        # This needs an attribute that sources call personal; see test_personal.py.
        *("personal-value", "value-of-personal"),
        # And this one, `forget after`; see test_conditions.py.
        "beyond-memory",
        # These need a ladder; see tests/unit/rule_files/test_ladders.py and test_newcomers.py.
        *("repeated-ladder", "stage-circle", "unknown-stage", "no-ladder", "late-stage"),
        # And these are in the explanations; see test_codes.py.
        *("too-deep", "tag", "merge-key", "too-large-condition", "impossible-example"),
        *("no-value", "no-threshold", "no-cost-of-winning", "impossible-bounds"),
    }
    assert set(EXPLANATIONS) - {row.code for rows in EXPECTED.values() for row in rows} == elsewhere


# --- any content of a file ----------------------------------------------------------------------------------------


def good_texts() -> list[str]:
    files, _ = find_rule_files([SHIPPED])
    texts = [read_text(path)[0] for path in [*files, *sorted(FOLDER.glob("*.yaml"))]]
    return [text for text in texts if text is not None]


TEXTS: Final = good_texts()
LINES: Final = sorted({line for text in TEXTS for line in text.splitlines()})
WORDS: Final = sorted({word for line in LINES for word in line.split()})


def assert_lawful(text: str) -> None:
    began = time.process_time()
    mistakes, warnings = check(text)
    all_problems = [*mistakes, *warnings]
    lines = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    for problem in all_problems:
        assert problem.code in EXPLANATIONS
        assert 1 <= problem.line <= len(lines)
        assert 1 <= problem.column <= len(lines[problem.line - 1]) + 2
        assert len(str(problem)) < 1_500
    shown = render_problems(all_problems, {"rules/a.yaml": text})
    assert shown.count("\n") >= len(all_problems)
    assert github_commands(all_problems).count("\n") == len(all_problems)
    assert len([as_document(problem) for problem in all_problems]) == len(all_problems)
    assert time.process_time() - began < PATIENCE


@given(text=st.text(max_size=200) | st.lists(st.sampled_from(LINES), max_size=25).map("\n".join))
def test_no_text_is_a_traceback(text: str) -> None:
    assert_lawful(text)


@given(data=st.data())
def test_no_slip_in_a_rule_file_is_a_traceback(data: st.DataObject) -> None:
    text = data.draw(st.sampled_from(TEXTS))
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(text)))
        end = min(len(text), start + data.draw(st.integers(0, 12)))
        put = st.sampled_from(WORDS) | st.sampled_from(LINES).map("\n{}\n".format) | st.text(max_size=3)
        text = text[:start] + data.draw(put) + text[end:]
    assert_lawful(text)


@given(data=st.data())
def test_no_line_in_the_wrong_place_is_a_traceback(data: st.DataObject) -> None:
    lines = data.draw(st.sampled_from(TEXTS)).splitlines()
    for _ in range(data.draw(st.integers(1, 4))):
        place, other = (data.draw(st.integers(0, len(lines) - 1)) for _ in range(2))
        lines[place], lines[other] = lines[other], " " * data.draw(st.integers(0, 8)) + lines[place].strip()
    assert_lawful("\n".join(lines))


EITHER: Final = "{any: [{status: active}, {none: login, for: 3 days}]}"
HUGE: Final = {
    "names that lead to one another": "define:\n" + "".join(f"  n{i}: {{meets: n{i + 1}}}\n" for i in range(9_000)),
    "names that are not defined": "define:\n" + "".join(f"  n{i}: {{meets: m{i}}}\n" for i in range(9_000)),
    "names that double": "define:\n"
    + "".join(f"  name {i}: {{all: [{{meets: name {i + 1}}}, {{meets: name {i + 1}}}]}}\n" for i in range(90))
    + "  name 90: {status: active}\n",
    "unknown types": "rules:\n"
    + "".join(f"  - {{id: r{i}, when: {{none: t{i}x, for: 1 day}}}}\n" for i in range(4_000)),
    "unknown keys": "rules:\n  - {" + ", ".join(f"k{i}: {i}" for i in range(15_000)) + "}\n",
    "rules with one id": "rules:\n" + "  - {id: same, title: Same, instead of: [same, other]}\n" * 4_000,
    "alternatives": "rules:\n  - id: many\n    title: Many\n    when:\n      all:\n"
    + "        - any: [{count: login, exactly: 1}, {count: login, exactly: 2}]\n" * 16
    + "    action: at-risk\n    template: a\n    expires after: 1 day\n",
    "rules that outrank each other": "rules:\n"
    + "".join(
        f"  - {{id: rule-{i}, title: abc, when: {{all: [{EITHER}, {EITHER}, {EITHER}, {EITHER}, {EITHER}]}}, "
        f"priority: {i % 100 + 1}, action: at-risk, template: a, expires after: 1 day}}\n"
        for i in range(500)
    ),
    "one long line": "rules: [" + "a " * 120_000 + "]\n",
    "brackets": "[" * 200_000,
    "quotes": "a: '" + "x'y" * 60_000,
}


@pytest.mark.parametrize("what", HUGE)
def test_no_file_takes_long_however_large_it_is(what: str) -> None:
    assert_lawful(HUGE[what])
