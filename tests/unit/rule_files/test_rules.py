"""Laws of rule files: a folder is one set of rules, and every problem names its place."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from schemas.events import BUILT_IN
from schemas.rules import Rule
from tests.support.paths import ROOT
from tests.unit.rule_files.rule_texts import assert_keeps_schema, file_of, rule
from workers.rule_files.files import find_rule_files, read_texts, texts_of
from workers.rule_files.known_names import KnownNames, known_names
from workers.rule_files.problems import render_problems
from workers.rule_files.rules import load_book, read_book
from workers.rule_lint.check import check_texts
from workers.source_files.reading import load_sources

SHIPPED = ROOT / "rules"
FIVE_MISTAKES = """\
rules:
  - id: regular-gone-quiet
    title: A regular buyer has gone quiet
    status: live
    when:
      all:
        - count: puchase
          at leest: 3
          within: 365 days
        - none: purchase
          for: 45
    action: at-risk
    template: “we-miss-you”
    expires after: 14 days

  - id: regular-gone-quiet
    title: A second one
    when: {status: active}
    action: win-back
    template: x
    expires after: 1 day
"""


def test_five_mistakes_in_one_file_are_five_problems_each_in_its_place() -> None:
    book, problems = read_book({"rules/a.yaml": FIVE_MISTAKES}, KnownNames(BUILT_IN))
    assert book.rules == ()
    assert [(problem.line, problem.column, problem.code, problem.hint) for problem in problems] == [
        (7, 18, "unknown-type", "did you mean 'purchase'?"),
        (8, 11, "unknown-key", "did you mean 'at least'?"),
        (11, 16, "wrong-value", None),
        (13, 15, "smart-quotes", 'write "we-miss-you"'),
        (16, 9, "repeated-id", "an id permanently names one rule: choose another one"),
    ]


def test_problems_are_shown_with_their_line_and_a_caret_under_the_column() -> None:
    _, problems = read_book({"rules/a.yaml": FIVE_MISTAKES}, KnownNames(BUILT_IN))
    assert render_problems(problems[1:3], {"rules/a.yaml": FIVE_MISTAKES}) == (
        "rules/a.yaml:8:11: unknown key 'at leest' [unknown-key]\n"
        "    8 |           at leest: 3\n"
        "      |           ^ did you mean 'at least'?\n"
        "\n"
        "rules/a.yaml:11:16: 45 has no unit; write for example '45 days' [wrong-value]\n"
        "   11 |           for: 45\n"
        "      |                ^\n"
    )


def test_a_folder_stands_for_its_yaml_files_by_name(tmp_path: Path) -> None:
    for name in ("b.yml", "a.yaml", ".hidden.yaml", "notes.txt", "c.yaml~"):
        (tmp_path / name).write_text(file_of(rule(f"rule-{name[0].replace('.', 'x')}")))
    (tmp_path / "empty").mkdir()
    book, problems = load_book([tmp_path])
    assert problems == []
    assert [rule.id for rule in book.rules] == ["rule-a", "rule-b"]


def test_a_file_named_twice_is_read_once(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(file_of(rule()))
    book, problems = load_book([file, tmp_path])
    assert (len(book.rules), problems) == (1, [])


def test_a_path_that_stands_for_no_rules_is_a_problem(tmp_path: Path) -> None:
    _, problems = load_book([tmp_path, tmp_path / "missing.yaml"])
    assert {problem.code for problem in problems} == {"no-files", "cannot-read"}
    assert find_rule_files([])[1] == []


def test_problems_of_several_files_come_by_file_and_line(tmp_path: Path) -> None:
    (tmp_path / "b.yaml").write_text(file_of(rule("one-rule", when="{nix: 1}"), rule("Two")))
    (tmp_path / "a.yaml").write_text("rules: [x\n")
    _, problems = load_book([tmp_path / "b.yaml", tmp_path / "a.yaml"])
    assert [(Path(problem.file).name, problem.line) for problem in problems] == [
        ("a.yaml", 1),
        ("b.yaml", 4),
        ("b.yaml", 8),
    ]
    assert render_problems(problems, texts_of(problems)).count("^") == 3


def test_files_of_tests_are_no_rule_files(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(file_of(rule()))
    (tmp_path / "a_test.yaml").write_text("tests: []\n")
    (tmp_path / "b_test.yml").write_text("tests: []\n")
    book, problems = load_book([tmp_path, tmp_path / "a_test.yaml"])
    assert (len(book.rules), problems) == (1, [])


def shipped() -> dict[str, Rule]:
    sources, problems = load_sources(ROOT / "sources.yaml")
    assert problems == []
    known = known_names(sources)
    book, problems = load_book([SHIPPED], known)
    assert problems == []
    return {rule.id: rule for rule in book.rules}


def test_the_shipped_rules_have_no_problems_and_some_are_live() -> None:
    rules = shipped()
    assert {"cancelled-exit-survey", "first-time-buyer", "logins-dried-up", "regular-gone-quiet"} <= set(rules)
    assert {rule.status for rule in rules.values()} == {"live", "draft"}


def test_the_shipped_rules_give_no_warning_either() -> None:
    sources, _ = load_sources(ROOT / "sources.yaml")
    texts = read_texts([SHIPPED])
    report = check_texts(texts.own, sources, datetime(2024, 6, 1, tzinfo=UTC))
    assert [str(problem) for problem in (*report.mistakes, *report.warnings)] == []


def test_a_first_time_buyer_is_asked_once_and_never_again() -> None:
    assert shipped()["first-time-buyer"].again_after is None


@pytest.mark.parametrize("name", [path.name for path in find_rule_files([SHIPPED])[0]])
def test_shipped_rules_keep_the_published_schema_and_name_it_for_editors(name: str) -> None:
    text = (SHIPPED / name).read_text()
    modeline = "# yaml-language-server: $schema=../schemas/json/rules.schema.json"
    assert text.splitlines()[0] == modeline
    assert_keeps_schema(text, "rules.schema.json")
