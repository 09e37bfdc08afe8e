"""Laws of rule files and of `sources.yaml`: all or nothing, every mistake at once, each in its place."""

from pathlib import Path

import jsonschema  # type: ignore[import-untyped]
import orjson
import pytest

from schemas.events import BUILT_IN
from schemas.rules import Rule
from workers.problems import Problem, render_problems
from workers.rule_files import find_rule_files, load_book, read_book, texts_of
from workers.source_files import load_sources, read_sources
from workers.yaml_nodes import parse_yaml, plain_value

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "rules"


def rule(rule_id: str = "gone-quiet", when: str = "{none: purchase, for: 45 days}", more: str = "") -> str:
    return (
        f"  - id: {rule_id}\n    title: A rule\n    when: {when}\n    action: at-risk\n"
        f"    template: we-miss-you\n    expires after: 14 days\n{more}"
    )


def file_of(*rules: str) -> str:
    return "rules:\n" + "".join(rules)


def places(problems: list[Problem]) -> list[tuple[int, int]]:
    return [(problem.line, problem.column) for problem in problems]


def source(topic: str = "shop.logins", event: str = "login") -> str:
    fields = "{event_id: id, customer_id: who, occurred_at: at}"
    return f"  - topic: {topic}\n    event: {event}\n    fields: {fields}\n    max_silence: 1 day\n"


# --- one file, five different mistakes --------------------------------------------------------------------------

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
    book, problems = read_book({"rules/a.yaml": FIVE_MISTAKES}, known_types=BUILT_IN)
    assert book.rules == ()
    assert [(problem.line, problem.column, problem.code, problem.hint) for problem in problems] == [
        (7, 18, "unknown-type", "did you mean 'purchase'?"),
        (8, 11, "unknown-key", "did you mean 'at least'?"),
        (11, 16, "wrong-value", None),
        (13, 15, "smart-quotes", 'write "we-miss-you"'),
        (16, 9, "repeated-id", "an id names one rule for ever: choose another one"),
    ]


def test_problems_are_shown_with_their_line_and_a_caret_under_the_column() -> None:
    _, problems = read_book({"rules/a.yaml": FIVE_MISTAKES}, known_types=BUILT_IN)
    assert render_problems(problems[1:3], {"rules/a.yaml": FIVE_MISTAKES}) == (
        "rules/a.yaml:8:11: unknown key 'at leest'\n"
        "    8 |           at leest: 3\n"
        "      |           ^ did you mean 'at least'?\n"
        "\n"
        "rules/a.yaml:11:16: 45 has no unit; write for example '45 days'\n"
        "   11 |           for: 45\n"
        "      |                ^\n"
    )


# --- ids and types ----------------------------------------------------------------------------------------------


def test_an_id_that_two_files_use_names_both_places() -> None:
    texts = {"a.yaml": file_of(rule("first"), rule("second")), "b.yaml": file_of(rule("third"), rule("second"))}
    _, problems = read_book(texts)
    assert [problem.message for problem in problems] == ["the id 'second' is taken already, at a.yaml:8:9"]
    assert [(problem.file, *places([problem])[0]) for problem in problems] == [("b.yaml", 8, 9)]


def test_an_id_is_compared_even_if_its_rule_is_in_disorder() -> None:
    _, problems = read_book({"a.yaml": file_of(rule("same")), "b.yaml": file_of(rule("same", when="{nix: 1}"))})
    assert {problem.code for problem in problems} == {"repeated-id", "unknown-kind"}


@pytest.mark.parametrize(
    ("when", "column"),
    [
        ("{count: puchase, at least: 1}", 19),
        ("{none: puchase, for: 1 day}", 18),
        ("{sum: puchase.amount, at least: 1}", 17),
        ("{all: [{not: {any: [{none: puchase, for: 1 day}]}}]}", 38),
    ],
)
def test_an_unknown_type_is_told_wherever_it_is_named(when: str, column: int) -> None:
    _, problems = read_book({"a.yaml": file_of(rule(when=when))}, known_types=["purchase", "login"])
    assert places(problems) == [(4, column)]
    assert problems[0].hint == "did you mean 'purchase'?"


def test_variables_name_types_too() -> None:
    text = file_of(rule(more="    variables: {why: cancelation.reason}\n"))
    _, problems = read_book({"a.yaml": text}, known_types=BUILT_IN)
    assert places(problems) == [(8, 22)]


def test_a_word_like_no_known_type_is_answered_with_all_of_them() -> None:
    _, problems = read_book({"a.yaml": file_of(rule(when="{none: xyz, for: 1 day}"))}, known_types=BUILT_IN)
    assert problems[0].hint == "known are cancellation, login, purchase"


def test_types_are_not_checked_where_none_are_given() -> None:
    assert read_book({"a.yaml": file_of(rule(when="{none: xyz, for: 1 day}"))})[1] == []


def test_what_is_no_type_at_all_is_one_problem_not_two() -> None:
    _, problems = read_book({"a.yaml": file_of(rule(when="{none: Purchase!, for: 1 day}"))}, known_types=BUILT_IN)
    assert [problem.code for problem in problems] == ["wrong-value"]


# --- files and folders ------------------------------------------------------------------------------------------


def test_a_folder_stands_for_its_yaml_files_by_name(tmp_path: Path) -> None:
    for name in ("b.yml", "a.yaml", ".hidden.yaml", "notes.txt", "c.yaml~"):
        (tmp_path / name).write_text(file_of(rule(f"rule-{name[0].replace('.', 'x')}")))
    (tmp_path / "folder.yaml").mkdir()
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


# --- how problems are shown -------------------------------------------------------------------------------------


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
    assert render_problems([Problem("a", 1, 1, "x", "odd", "mend it")], {}) == "a:1:1: odd (mend it)\n"


def test_nothing_in_a_line_reaches_the_terminal_as_a_command() -> None:
    shown = render_problems([Problem("a", 1, 1, "x", "odd")], {"a": "\x1b[2Jx\u202e"})
    assert all(line.isprintable() for line in shown.splitlines())


# --- the shipped rules ------------------------------------------------------------------------------------------


def shipped() -> dict[str, Rule]:
    book, problems = load_book([SHIPPED], known_types=BUILT_IN)
    assert problems == []
    return {rule.id: rule for rule in book.rules}


def test_the_shipped_rules_are_live_and_without_problems() -> None:
    rules = shipped()
    assert sorted(rules) == ["cancelled-exit-survey", "first-time-buyer", "logins-dried-up", "regular-gone-quiet"]
    assert {rule.status for rule in rules.values()} == {"live"}


def test_a_first_time_buyer_is_asked_once_and_never_again() -> None:
    assert shipped()["first-time-buyer"].again_after is None


@pytest.mark.parametrize("name", [path.name for path in sorted(SHIPPED.glob("*.yaml"))])
def test_shipped_rules_keep_the_published_schema_and_name_it_for_editors(name: str) -> None:
    text = (SHIPPED / name).read_text()
    modeline = "# yaml-language-server: $schema=../schemas/json/rules.schema.json"
    assert text.splitlines()[0] == modeline
    assert_keeps_schema(text, "rules.schema.json")


def test_the_shipped_sources_keep_the_published_schema() -> None:
    assert_keeps_schema((ROOT / "sources.yaml").read_text(), "sources.schema.json")


def assert_keeps_schema(text: str, name: str) -> None:
    """What an editor checks with the generated schema and what the models check have to agree."""
    document = parse_yaml(name, text)
    assert document.root is not None
    schema = orjson.loads((ROOT / "schemas" / "json" / name).read_bytes())
    jsonschema.Draft202012Validator(schema).validate(plain_value(document.root))


# --- sources ----------------------------------------------------------------------------------------------------


def test_good_sources_have_no_problems() -> None:
    sources, problems = read_sources("sources.yaml", "sources:\n" + source())
    assert problems == []
    assert sources is not None
    assert sources.sources[0].topic == "shop.logins"


def test_a_topic_that_is_there_twice_is_told_at_the_second_place() -> None:
    sources, problems = read_sources("sources.yaml", "sources:\n" + source() + source())
    assert sources is None
    assert [str(problem) for problem in problems] == [
        "sources.yaml:6:12: the topic 'shop.logins' is a source already, in line 2 (one topic is one source)"
    ]


def test_a_type_that_is_not_declared_is_told_at_its_place() -> None:
    _, problems = read_sources("sources.yaml", "event_types: {complaint: {}}\nsources:\n" + source(event="complain"))
    assert [(*places([problem])[0], problem.hint) for problem in problems] == [(4, 12, "did you mean 'complaint'?")]


def test_a_built_in_type_cannot_be_declared_again() -> None:
    _, problems = read_sources("sources.yaml", "event_types: {login: {}}\nsources:\n" + source())
    assert [(problem.code, *places([problem])[0]) for problem in problems] == [("built-in-type", 1, 15)]


def test_mistakes_of_one_source_do_not_hide_those_between_sources() -> None:
    text = "sources:\n" + source() + source(event="lgin").replace("max_silence", "max_silense")
    _, problems = read_sources("sources.yaml", text)
    assert [problem.code for problem in problems] == ["repeated-topic", "unknown-type", "unknown-key"]


@pytest.mark.parametrize("written", ["20240101", "2024-13-01", "soon", "true", "[2024]"])
def test_only_a_day_says_since_when_a_topic_is_complete(written: str) -> None:
    text = "sources:\n" + source() + f"    complete_since: {written}\n"
    _, problems = read_sources("sources.yaml", text)
    assert places(problems) == [(6, 21)]


@pytest.mark.parametrize("written", ["2024-01-01", "2024-01-01T00:00:00", "2024-01-01T01:00:00+01:00"])
def test_a_day_without_a_zone_is_one_of_utc(written: str) -> None:
    sources, _ = read_sources("sources.yaml", "sources:\n" + source() + f"    complete_since: {written}\n")
    assert sources is not None
    assert str(sources.sources[0].complete_since) == "2024-01-01 00:00:00+00:00"


def test_missing_sources_are_a_problem(tmp_path: Path) -> None:
    sources, problems = load_sources(tmp_path / "sources.yaml")
    assert sources is None
    assert [problem.code for problem in problems] == ["cannot-read"]
