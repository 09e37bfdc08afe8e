"""Laws of the names that rules share: ids, event types, attributes and definitions, across all files."""

import pytest

from schemas.conditions import Meets, expanded
from schemas.events import BUILT_IN
from tests.unit.rule_files.rule_texts import file_of, places, rule
from workers.rule_files.known_names import KnownNames
from workers.rule_files.rules import read_book


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
def test_an_unknown_type_is_reported_wherever_it_is_named(when: str, column: int) -> None:
    _, problems = read_book({"a.yaml": file_of(rule(when=when))}, KnownNames(["purchase", "login"]))
    assert places(problems) == [(4, column)]
    assert problems[0].hint == "did you mean 'purchase'?"


def test_variables_name_types_too() -> None:
    text = file_of(rule(more="    variables: {why: cancelation.reason}\n"))
    _, problems = read_book({"a.yaml": text}, KnownNames(BUILT_IN))
    assert places(problems) == [(8, 22)]


def test_a_word_like_no_known_type_is_answered_with_all_of_them() -> None:
    _, problems = read_book({"a.yaml": file_of(rule(when="{none: xyz, for: 1 day}"))}, KnownNames(BUILT_IN))
    assert problems[0].hint == "known are cancellation, login, purchase"


def test_types_are_not_checked_where_none_are_given() -> None:
    assert read_book({"a.yaml": file_of(rule(when="{none: xyz, for: 1 day}"))})[1] == []


def test_what_is_no_type_at_all_is_one_problem_not_two() -> None:
    _, problems = read_book({"a.yaml": file_of(rule(when="{none: Purchase!, for: 1 day}"))}, KnownNames(BUILT_IN))
    assert [problem.code for problem in problems] == ["wrong-value"]


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


def test_an_undefined_name_is_reported_with_what_was_meant() -> None:
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


def test_names_that_lead_back_to_themselves_are_reported_once_where_the_circle_closes() -> None:
    first = define("one one: {meets: two two}", "two two: {all: [{meets: six six}, {status: active}]}")
    assert codes({"a.yaml": first, "b.yaml": define("six six: {not: {meets: one one}}")}) == [
        ("b.yaml", 2, "definition-of-itself")
    ]
    assert codes({"a.yaml": define("one one: {meets: one one}")}) == [("a.yaml", 2, "definition-of-itself")]


def test_what_is_too_large_once_names_are_written_out_is_reported_where_it_becomes_so() -> None:
    twelve = ", ".join(["{status: active}"] * 12)
    texts = {
        "a.yaml": file_of(rule("fits", "{all: [{meets: twelve}, {meets: twelve}]}"), rule("thrice", "{meets: more}")),
        "b.yaml": define(f"twelve: {{any: [{twelve}]}}", "more: {any: [{meets: twelve}, {meets: twelve}]}"),
        "c.yaml": file_of(rule("too-many", "{all: [{meets: more}, {meets: twelve}]}")),
    }
    assert codes(texts) == [("c.yaml", 4, "too-large-condition")]


def test_what_is_nested_too_deep_once_names_are_written_out_is_reported() -> None:
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
def test_an_unknown_type_is_reported_in_every_kind_of_condition(when: str, more: str) -> None:
    _, problems = read_book({"a.yaml": file_of(rule(when=when, more=more))}, KnownNames(["purchase", "login"]))
    assert [(problem.code, problem.hint) for problem in problems] == [("unknown-type", "did you mean 'purchase'?")]


@pytest.mark.parametrize(
    "every",
    [
        "consent: {from: profle.consent, opted out: [false]}",
        "time zone: {from: profle.zone}",
        "time zone: {country: profle.country, zones: {DE: Europe/Berlin}}",
    ],
)
def test_an_unknown_type_is_reported_in_what_holds_for_every_rule(every: str) -> None:
    _, problems = read_book({"a.yaml": f"for every rule:\n  {every}\n"}, KnownNames(["profile"]))
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
def test_an_attribute_that_no_source_gives_is_reported_wherever_it_is_named(when: str, more: str) -> None:
    text = file_of(rule(when=when, more=more))
    _, problems = read_book({"a.yaml": text}, KnownNames(["purchase", "login"], {"purchase": ["amount"]}))
    assert [(problem.code, problem.hint) for problem in problems] == [("unknown-attribute", "did you mean 'amount'?")]
    assert read_book({"a.yaml": text}, KnownNames(["purchase", "login"]))[1] == []
