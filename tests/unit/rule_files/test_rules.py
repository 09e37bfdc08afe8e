"""Laws of rule files and of `sources.yaml`: all or nothing, every mistake at once, each in its place."""

from datetime import UTC, datetime
from pathlib import Path

import jsonschema  # type: ignore[import-untyped]
import orjson
import pytest

from schemas.conditions import Meets, expanded
from schemas.events import BUILT_IN
from schemas.rules import Rule
from tests.support.paths import ROOT
from workers.rule_files.known_names import event_attributes, known_names
from workers.rule_files.problems import Problem, render_problems
from workers.rule_files.rules import find_rule_files, load_book, read_book, read_texts, texts_of
from workers.rule_files.sources import load_sources, read_sources
from workers.rule_files.yaml_nodes import parse_yaml, plain_value
from workers.rule_lint.check import check_texts

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
        "rules/a.yaml:8:11: unknown key 'at leest' [unknown-key]\n"
        "    8 |           at leest: 3\n"
        "      |           ^ did you mean 'at least'?\n"
        "\n"
        "rules/a.yaml:11:16: 45 has no unit; write for example '45 days' [wrong-value]\n"
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


# --- names between files ----------------------------------------------------------------------------------------


def define(*definitions: str) -> str:
    return "define:\n" + "".join(f"  {definition}\n" for definition in definitions)


def codes(texts: dict[str, str]) -> list[tuple[str, int, str]]:
    return [(problem.file, problem.line, problem.code) for problem in read_book(texts)[1]]


REGULAR = "regular customer: {count: purchase, at least: 3}"


def test_all_files_share_their_definitions() -> None:
    texts = {"a.yaml": file_of(rule(when="{meets: regular customer}")), "b.yaml": define(REGULAR)}
    book, problems = read_book(texts)
    assert problems == []
    assert list(book.define) == ["regular customer"]
    (only,) = book.rules
    assert expanded(only.when, book.define).count == "purchase"


def test_a_name_is_written_out_however_deep_it_is() -> None:
    text = define(REGULAR, "good customer: {not: {any: [{meets: regular customer}, {status: active}]}}")
    book, _ = read_book({"a.yaml": text})
    written = expanded(Meets(meets="good customer"), book.define)
    assert written.not_.any[0].count == "purchase"


def test_a_name_that_nobody_defined_is_told_with_what_was_meant() -> None:
    texts = {"a.yaml": file_of(rule(when="{meets: regular costumer}")), "b.yaml": define(REGULAR)}
    _, problems = read_book(texts)
    assert [(problem.code, problem.hint) for problem in problems] == [
        ("unknown-definition", "did you mean 'regular customer'?")
    ]


def test_a_name_is_known_even_if_its_file_is_in_disorder() -> None:
    texts = {"a.yaml": file_of(rule(when="{meets: regular customer}")), "b.yaml": define(REGULAR, "other: {nix: 1}")}
    assert codes(texts) == [("b.yaml", 3, "unknown-kind")]


def test_a_name_that_two_files_define_names_both_places() -> None:
    _, problems = read_book({"a.yaml": define(REGULAR), "b.yaml": define(REGULAR)})
    assert [str(problem) for problem in problems] == [
        "b.yaml:2:3: 'regular customer' is defined already, at a.yaml:2:3 "
        "(all files share their definitions: choose another name, or delete one)"
    ]


def test_names_that_lead_back_to_themselves_are_told_once_where_the_circle_closes() -> None:
    first = define("one one: {meets: two two}", "two two: {all: [{meets: six six}, {status: active}]}")
    assert codes({"a.yaml": first, "b.yaml": define("six six: {not: {meets: one one}}")}) == [
        ("b.yaml", 2, "definition-of-itself")
    ]
    assert codes({"a.yaml": define("one one: {meets: one one}")}) == [("a.yaml", 2, "definition-of-itself")]


def test_what_is_too_large_once_names_are_written_out_is_told_where_it_becomes_so() -> None:
    twelve = ", ".join(["{status: active}"] * 12)
    texts = {
        "a.yaml": file_of(rule("fits", "{all: [{meets: twelve}, {meets: twelve}]}"), rule("thrice", "{meets: more}")),
        "b.yaml": define(f"twelve: {{any: [{twelve}]}}", "more: {any: [{meets: twelve}, {meets: twelve}]}"),
        "c.yaml": file_of(rule("too-many", "{all: [{meets: more}, {meets: twelve}]}")),
    }
    assert codes(texts) == [("c.yaml", 4, "too-large-condition")]


def test_what_is_nested_too_deep_once_names_are_written_out_is_told() -> None:
    texts = {
        "a.yaml": define("deep: {not: {not: {not: {not: {status: active}}}}}"),
        "b.yaml": file_of(rule("fits", "{not: {meets: deep}}"), rule("deeper", "{not: {not: {meets: deep}}}")),
    }
    assert codes(texts) == [("b.yaml", 10, "too-large-condition")]


def test_unless_counts_into_the_size_of_a_rule() -> None:
    many = f"many: {{any: [{', '.join(['{status: active}'] * 20)}]}}"
    texts = {
        "a.yaml": define(many),
        "b.yaml": file_of(rule(when="{meets: many}", more="    unless: {meets: many}\n")),
    }
    assert codes(texts) == [("b.yaml", 4, "too-large-condition")]


def test_only_one_file_says_what_holds_for_every_rule() -> None:
    every = "for every rule:\n  limits: [{at most: 2 actions, within: 7 days}]\n"
    _, problems = read_book({"a.yaml": every, "b.yaml": every})
    assert [(problem.file, problem.line, problem.code) for problem in problems] == [
        ("b.yaml", 2, "repeated-for-every-rule")
    ]
    book, problems = read_book({"a.yaml": file_of(rule()), "b.yaml": every})
    assert problems == []
    assert len(book.for_every_rule.limits) == 1


def test_instead_of_names_rules_of_any_file() -> None:
    texts = {"a.yaml": file_of(rule(more="    instead of: [other-rule]\n")), "b.yaml": file_of(rule("other-rule"))}
    assert codes(texts) == []
    _, problems = read_book({"a.yaml": texts["a.yaml"], "b.yaml": file_of(rule("othr-rule"))})
    assert [(problem.code, problem.hint) for problem in problems] == [("unknown-rule", "did you mean 'othr-rule'?")]


EVERYWHERE = [
    ("{last: puchase, at most: 3 days}", ""),
    ("{first: puchase, at most: 3 days}", ""),
    ("{average: puchase.amount, at least: 3}", ""),
    ("{distinct: puchase.category, at least: 3}", ""),
    ("{change: puchase, down by: 50%, within: 30 days, from at least: 6}", ""),
    ("{change: puchase.amount, down by: 50%, within: 30 days, from at least: 6}", ""),
    ("{overdue: puchase, by: 2 times, usual gap: 30 days, at least: 20 days}", ""),
    ("{after: puchase, then: login, within: 2 days}", ""),
    ("{after: login, then: {event: puchase, where: {amount: 3}}, within: 2 days}", ""),
    ("{after: login, without: puchase, for: 2 days}", ""),
    ("{latest: puchase.plan, is: gold}", ""),
    ("{date: puchase.ends, in the next: 3 days}", ""),
    ("{status: active}", "    unless: {none: puchase, for: 3 days}\n"),
    (
        "{status: active}",
        "    examples:\n      - {name: one, given: [{at: start, event: puchase}], expect: nothing}\n",
    ),
]


@pytest.mark.parametrize(("when", "more"), EVERYWHERE)
def test_an_unknown_type_is_told_in_every_kind_of_condition(when: str, more: str) -> None:
    _, problems = read_book({"a.yaml": file_of(rule(when=when, more=more))}, known_types=["purchase", "login"])
    assert [(problem.code, problem.hint) for problem in problems] == [("unknown-type", "did you mean 'purchase'?")]


@pytest.mark.parametrize(
    "every",
    [
        "consent: {from: profle.consent, opted out: [false]}",
        "time zone: {from: profle.zone}",
        "time zone: {country: profle.country, zones: {DE: Europe/Berlin}}",
    ],
)
def test_an_unknown_type_is_told_in_what_holds_for_every_rule(every: str) -> None:
    _, problems = read_book({"a.yaml": f"for every rule:\n  {every}\n"}, known_types=["profile"])
    assert [(problem.code, problem.hint) for problem in problems] == [("unknown-type", "did you mean 'profile'?")]


@pytest.mark.parametrize(
    ("when", "more"),
    [
        ("{sum: purchase.amout, at least: 3}", ""),
        ("{count: purchase, at least: 3, where: {amout: 3}}", ""),
        ("{after: login, then: {event: purchase, where: {amout: 3}}, within: 2 days}", ""),
        ("{status: active}", "    variables: {x: purchase.amout}\n"),
        (
            "{status: active}",
            "    examples:\n"
            "      - {name: one, given: [{at: start, event: purchase, with: {amout: 3}}], expect: nothing}\n",
        ),
    ],
)
def test_an_attribute_that_no_source_gives_is_told_wherever_it_is_named(when: str, more: str) -> None:
    text = file_of(rule(when=when, more=more))
    _, problems = read_book({"a.yaml": text}, ["purchase", "login"], {"purchase": ["amount"]})
    assert [(problem.code, problem.hint) for problem in problems] == [("unknown-attribute", "did you mean 'amount'?")]
    assert read_book({"a.yaml": text}, ["purchase", "login"])[1] == []


def test_files_of_tests_are_no_rule_files(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(file_of(rule()))
    (tmp_path / "a_test.yaml").write_text("tests: []\n")
    (tmp_path / "b_test.yml").write_text("tests: []\n")
    book, problems = load_book([tmp_path, tmp_path / "a_test.yaml"])
    assert (len(book.rules), problems) == (1, [])


# --- the shipped rules ------------------------------------------------------------------------------------------


def shipped() -> dict[str, Rule]:
    sources, problems = load_sources(ROOT / "sources.yaml")
    assert problems == []
    known = known_names(sources)
    book, problems = load_book([SHIPPED], known.types, known.attributes)
    assert problems == []
    return {rule.id: rule for rule in book.rules}


def test_the_shipped_rules_have_no_problems_and_some_are_live() -> None:
    rules = shipped()
    assert {"cancelled-exit-survey", "first-time-buyer", "logins-dried-up", "regular-gone-quiet"} <= set(rules)
    assert {rule.status for rule in rules.values()} == {"live", "draft"}


def test_the_shipped_rules_give_no_warning_either() -> None:
    sources, _ = load_sources(ROOT / "sources.yaml")
    texts, _ = read_texts([SHIPPED])
    found = check_texts(texts, sources, datetime(2024, 6, 1, tzinfo=UTC))
    assert [str(problem) for problem in (*found.mistakes, *found.warnings)] == []


def test_a_first_time_buyer_is_asked_once_and_never_again() -> None:
    assert shipped()["first-time-buyer"].again_after is None


@pytest.mark.parametrize("name", [path.name for path in find_rule_files([SHIPPED])[0]])
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


def test_sources_tell_which_attributes_events_have() -> None:
    text = (
        "event_types: {nps: {}, profile: {}}\nsources:\n"
        + source()
        + source("shop.members").replace("max_silence", "attributes: {tier: t}\n    max_silence")
        + "  - {topic: all, format: canonical, events: [profile], max_silence: 1 day}\n"
    )
    sources, problems = read_sources("sources.yaml", text)
    assert problems == []
    assert sources is not None
    assert event_attributes(sources) == {"login": {"tier"}}
    assert known_names(sources).attributes == {"login": {"tier"}}


def test_a_field_that_linger_has_can_be_named_before_a_source_fills_it() -> None:
    text = "sources:\n" + source(event="cancellation")
    sources, _ = read_sources("sources.yaml", text)
    assert known_names(sources).attributes == {"cancellation": {"what", "reason", "effective_at"}}
