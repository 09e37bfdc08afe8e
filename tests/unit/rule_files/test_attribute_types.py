"""Laws of the types that rules need: an attribute has one, for all rules and all files."""

import pytest

from schemas.attribute_types import AttributeType
from tests.unit.rule_files.rule_texts import file_of, places, rule
from workers.core.rules.attribute_types import types_of_attributes
from workers.rule_files.known_names import KnownNames
from workers.rule_files.problems import Problem
from workers.rule_files.rules import read_book

AT_MOST = "{latest: nps.score, at most: 6}"
TEXT = '{latest: nps.score, is: "9"}'


def problems_of(texts: dict[str, str], **types: AttributeType) -> list[Problem]:
    declared = {name.replace("__", "."): kind for name, kind in types.items()}
    return read_book(texts, KnownNames(attribute_types=declared))[1]


def test_rules_of_two_files_that_need_two_types_are_one_problem_that_names_both_places() -> None:
    texts = {"a.yaml": file_of(rule("one", when=AT_MOST)), "b.yaml": file_of(rule("two", when=TEXT))}
    (problem,) = problems_of(texts)
    assert (problem.file, places([problem]), problem.code) == ("b.yaml", [(4, 20)], "attribute-type")
    assert problem.message == "nps.score is compared with the text '9' here, but used as a number at a.yaml:4"


def test_a_rule_that_needs_another_type_than_the_declared_one_is_one_problem_in_a_draft_too() -> None:
    text = file_of(rule("one", when=TEXT, more="    status: draft\n"))
    (problem,) = problems_of({"a.yaml": text}, nps__score="number")
    assert (problem.code, problem.message) == ("impossible-value", "nps.score is a number, and never the text '9'")
    assert problem.hint == "write 'is: 9'"
    assert problems_of({"a.yaml": text}, nps__score="text") == []


@pytest.mark.parametrize(
    ("written", "kind"),
    [
        ("[true, 'yes', 1]", "true/false"),
        ("[0, false]", "true/false"),
        ("[7, '7']", "number"),
        ("['7.5', 8]", "number"),
    ],
)
def test_one_value_in_the_spellings_of_several_producers_needs_one_type(written: str, kind: str) -> None:
    for when in ("{latest: nps.score, is: %s}", "{count: nps, at least: 1, where: {score: {other than: %s}}}"):
        book, problems = read_book({"a.yaml": file_of(rule("one", when=when % written))})
        assert problems == []
        assert types_of_attributes(book, with_drafts=True)["nps.score"] == kind


@pytest.mark.parametrize("written", ["[true, gold]", "[7, many]", "[true, 7]"])
def test_values_that_no_one_type_has_are_a_problem(written: str) -> None:
    problems = problems_of({"a.yaml": file_of(rule("one", when=f"{{latest: nps.score, is: {written}}}"))})
    assert {problem.code for problem in problems} == {"attribute-type"}


def test_a_draft_gives_no_type_to_what_a_worker_folds() -> None:
    live = rule("one", when="{distinct: nps.score, at least: 2}", more="    status: shadow\n")
    book, problems = read_book({"a.yaml": file_of(live, rule("two", when=AT_MOST, more="    status: draft\n"))})
    assert problems == []
    assert "nps.score" not in types_of_attributes(book)
    assert types_of_attributes(book, with_drafts=True)["nps.score"] == "number"


def test_a_type_that_a_named_condition_needs_is_reported_where_it_is_written() -> None:
    text = (
        "define:\n  low score: "
        + AT_MOST
        + "\n"
        + file_of(rule("one", when=TEXT), rule("two", when="{meets: low score}"))
    )
    (problem,) = problems_of({"a.yaml": text})
    assert places([problem]) == [(2, 23)]


def test_types_come_from_own_fields_declarations_and_rules_in_this_order() -> None:
    conditions = (
        AT_MOST,
        "{date: loyalty.until, in the next: 3 days}",
        "{count: purchase, at least: 1, where: {gift: true, amount: {at least: 5}, plan: {other than: [gold]}}}",
        "{change: purchase.items, down by: 50%, within: 30 days, from at least: 3}",
        "{average: nps.price, at least: 3}",
        "{after: {event: nps, where: {vip: false}}, without: {event: cart, where: {size: [1, 2]}}, for: 2 days}",
        "{distinct: purchase.category, at least: 3}",
        "{not: {any: [{sum: cart.value, at least: 3}, {sum: purchase.items, at least: 3}]}}",
    )
    text = file_of(*(rule(f"rule-{number}", when=when) for number, when in enumerate(conditions)))
    names = KnownNames(attribute_types={"purchase.category": "text", "nps.score": "number"})
    book, problems = read_book({"a.yaml": text}, names)
    assert problems == []
    types = types_of_attributes(book, with_drafts=True)
    assert {name: kind for name, kind in types.items() if name.partition(".")[0] in ("nps", "loyalty", "cart")} == {
        **{"nps.score": "number", "nps.price": "number", "nps.vip": "true/false"},
        **{"loyalty.until": "moment", "cart.size": "number", "cart.value": "number"},
    }
    assert {name: kind for name, kind in types.items() if name.startswith("purchase.")} == {
        **{"purchase.amount": "number", "purchase.currency": "text", "purchase.order_id": "text"},
        **{"purchase.gift": "true/false", "purchase.plan": "text", "purchase.items": "number"},
        **{"purchase.category": "text"},
    }
