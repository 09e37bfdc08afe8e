"""Laws of values in rule files: a comparison that can never hold is a mistake, with what to write instead."""

from collections.abc import Mapping

import pytest

from schemas.attribute_types import BUILT_IN_TYPES, AttributeType
from schemas.conditions import Value
from tests.support.paths import ROOT
from workers.rule_files.hints.values import as_bound
from workers.rule_files.known_names import KnownNames, built_in_attributes
from workers.rule_files.problems import Problem
from workers.rule_files.rules import read_documents
from workers.rule_files.values.kinds import types_with

NAMES = KnownNames(
    ("purchase", "login", "cancellation", "cart", "nps", "profile", "subscription"),
    {"cart": {"sku", "value"}, "nps": {"score"}, "purchase": {"amount", "currency", "order_id", "sku", "limit"}},
)
DECLARED: Mapping[str, AttributeType] = {
    "nps.score": "number",
    "profile.newsletter": "true/false",
    "profile.plan": "text",
    "subscription.ends": "moment",
}
HEAD = """\
{define}rules:
  - id: a-rule
    title: A rule
    when: {when}
    action: at-risk
    template: a
    expires after: 14 days
"""


def problems(when: str, kinds: Mapping[str, AttributeType] | None = None, define: str = "") -> list[Problem]:
    names = KnownNames(NAMES.types, NAMES.attributes, kinds or {})
    return list(read_documents({"a.yaml": HEAD.format(when=when, define=define)}, names).problems)


def only(when: str, kinds: Mapping[str, AttributeType] | None = None) -> Problem:
    (problem,) = problems(when, kinds)
    return problem


def test_every_field_of_linger_itself_has_a_kind() -> None:
    fields = {
        f"{name}.{field}" for name in ("purchase", "login", "cancellation") for field in built_in_attributes(name)
    }
    assert set(BUILT_IN_TYPES) == fields


def test_a_declared_kind_does_not_change_a_field_of_linger_itself() -> None:
    assert types_with({"purchase.amount": "text", "nps.score": "number"})("purchase.amount") == "number"
    assert types_with({"nps.score": "number"})("nps.score") == "number"
    assert types_with({})("nps.score") is None


WHERES = [
    ("{currency: eur}", "write EUR"),
    ("{currency: Eur}", "write EUR"),
    ('{currency: " EUR"}', "write EUR"),
    ("{currency: €}", "write EUR"),
    ("{currency: euro}", "write EUR"),
    ("{currency: 978}", "such as EUR"),
    ("{currency: [EUR, usd]}", "write USD"),
    ("{currency: {other than: usd}}", "write USD"),
    ("{currency: true}", "such as EUR"),
    ('{amount: ">50"}', "'amount: {more than: 50}'"),
    ('{amount: ">= 50.5"}', "'amount: {at least: 50.5}'"),
    ('{amount: "<50"}', "'amount: {less than: 50}'"),
    ("{amount: 50+}", "'amount: {at least: 50}'"),
    ("{amount: 50-100}", "'amount: {between: 50 and 100}'"),
    ("{amount: at least 50}", "'amount: {at least: 50}'"),
    ('{amount: "50"}', "write 50 without quotes"),
    ("{amount: 50 EUR}", "write 50"),
    ("{amount: lots}", "bounds such as"),
    ("{amount: true}", "write a number"),
    ("{amount: -5}", "an amount that a purchase can have"),
    ("{amount: .nan}", "write a number"),
    ("{amount: {less than: 0}}", "a bound that an amount can reach"),
    ("{amount: {at most: -1}}", "a bound that an amount can reach"),
    ("{amount: {between: -9 and -1}}", "a bound that an amount can reach"),
    ("{amount: {exactly: -1}}", "a bound that an amount can reach"),
    ("{amount: {more than: 1000000000000}}", "a bound that an amount can reach"),
    ("{order_id: 4711}", 'write "4711" with quotes'),
    ("{order_id: {more than: 4711}}", "the value itself"),
    ("{sku: .inf}", "write a number"),
]


@pytest.mark.parametrize(("where", "helps"), WHERES)
@pytest.mark.parametrize(
    "when",
    [
        "{{count: purchase, at least: 2, where: {where}}}",
        "{{all: [{{status: active}}, {{not: {{none: purchase, for: 9 days, where: {where}}}}}]}}",
        "{{after: cart, without: {{event: purchase, where: {where}}}, for: 1 day}}",
    ],
)
def test_a_value_that_no_purchase_can_have_is_a_mistake_that_says_what_to_write(
    when: str, where: str, helps: str
) -> None:
    problem = only(when.format(where=where))
    assert (problem.code, problem.severity) == ("impossible-value", "error")
    assert helps in str(problem.hint)


@pytest.mark.parametrize(
    ("when", "helps"),
    [
        ('{latest: purchase.amount, is: ">50"}', "write 'more than: 50'"),
        ('{latest: purchase.amount, is not: "50"}', "write 'is not: 50'"),
        ("{latest: cancellation.reason, is: 3}", 'write "3"'),
        ("{latest: cancellation.reason, at most: 3}", "the value itself"),
        ("{latest: cancellation.effective_at, is: 20260101}", "'date: cancellation.effective_at'"),
        ("{latest: cancellation.effective_at, is: 2026-01-01}", "'date: cancellation.effective_at'"),
        ("{latest: cancellation.effective_at, at least: 20260101}", "'date: cancellation.effective_at'"),
        ("{sum: purchase.currency, at least: 3}", "'count: purchase'"),
        ("{average: purchase.order_id, at least: 3, within: 9 days}", "'count: purchase'"),
        ("{sum: purchase.amount, less than: 0}", "a bound that an amount can reach"),
        ("{average: purchase.amount, at most: -1}", "a bound that an amount can reach"),
        ("{date: purchase.amount, passed for: 3 days}", "an attribute with a date"),
    ],
)
def test_a_condition_that_does_not_fit_its_attribute_is_a_mistake(when: str, helps: str) -> None:
    problem = only(when)
    assert problem.code == "impossible-value"
    assert helps in str(problem.hint)


@pytest.mark.parametrize(
    "when",
    [
        "{count: purchase, at least: 1, where: {currency: EUR}}",
        "{count: purchase, at least: 1, where: {currency: [EUR, USD]}}",
        "{count: purchase, at least: 1, where: {amount: 0}}",
        "{count: purchase, at least: 1, where: {amount: {at most: 0}}}",
        "{count: purchase, at least: 1, where: {amount: {at least: 50.5}}}",
        '{count: purchase, at least: 1, where: {order_id: "4711"}}',
        "{sum: purchase.amount, at most: 0}",
        "{sum: purchase.amount, at least: 2000000000000}",
        "{latest: cancellation.reason, is: [price, too expensive]}",
        "{date: cancellation.effective_at, in the next: 3 days}",
        "{date: profile.renews_at, passed for: 3 days}",
        '{latest: profile.plan, is: "> fifty"}',
        "{latest: profile.size, is: 50+}",
    ],
)
def test_a_value_that_an_event_can_have_is_no_mistake(when: str) -> None:
    assert problems(when) == []


@pytest.mark.parametrize(
    ("when", "helps"),
    [
        ('{latest: nps.score, is: "9"}', "write 'is: 9'"),
        ("{count: nps, at least: 1, where: {score: good}}", "a number"),
        ("{latest: profile.newsletter, is: yes}", "write true"),
        ('{latest: profile.newsletter, is: "false"}', "write false"),
        ("{latest: profile.newsletter, is: 1}", "write true"),
        ("{latest: profile.newsletter, at least: 1}", "the value itself"),
        ("{latest: profile.plan, is: 3}", 'write "3"'),
        ("{sum: profile.plan, at least: 3}", "'count: profile'"),
        ("{latest: subscription.ends, is: true}", "'date: subscription.ends'"),
        ("{date: profile.newsletter, passed for: 3 days}", "with a date"),
    ],
)
def test_a_value_of_another_kind_than_the_declared_one_is_a_mistake(when: str, helps: str) -> None:
    assert helps in str(only(when, DECLARED).hint)
    assert problems(when) == []


@pytest.mark.parametrize(
    ("when", "helps"),
    [
        ('{latest: profile.points, is: ">50"}', "write 'more than: 50'"),
        ('{latest: profile.points, is not: "<= 5"}', "write 'more than: 5'"),
        ('{count: nps, at least: 1, where: {score: ">=9"}}', "'score: {at least: 9}'"),
        ('{count: nps, at least: 1, where: {score: "!= 9"}}', "'score: {other than: 9}'"),
        ('{count: nps, at least: 1, where: {score: "== 9"}}', "write 9"),
    ],
)
def test_a_comparison_sign_inside_a_text_is_a_mistake_unless_the_attribute_is_declared_as_text(
    when: str, helps: str
) -> None:
    problem = only(when)
    assert problem.code == "bound-as-text"
    assert helps in str(problem.hint)
    assert problems(when, {"profile.points": "text", "nps.score": "text"}) == []


def test_values_are_checked_in_named_conditions_too() -> None:
    define = "define:\n  big: {count: purchase, at least: 1, where: {amount: 50+}}\n"
    (problem,) = problems("{meets: big}", define=define)
    assert (problem.code, problem.line) == ("impossible-value", 2)


@pytest.mark.parametrize(
    "value", ["cart.sku", '"{{cart.sku}}"', '"${cart.sku}"', "{other than: cart.sku}", "[A, cart.sku]"]
)
def test_the_name_of_an_attribute_is_no_value(value: str) -> None:
    when = f"{{after: cart, without: {{event: purchase, where: {{sku: {value}}}}}, for: 1 day}}"
    problem = only(when)
    assert problem.code == "name-as-value"
    assert "one event cannot be compared with another" in problem.message


@pytest.mark.parametrize("value", ["cart.html", "shop.sku", "cart", "A.1", "subscription.cancelled"])
def test_a_text_with_a_dot_that_names_no_attribute_is_a_value(value: str) -> None:
    assert problems(f"{{count: purchase, at least: 1, where: {{sku: {value}}}}}") == []


def test_the_name_of_the_attribute_itself_is_no_value_unless_it_is_written_as_a_list() -> None:
    problem = only("{after: cart, without: {event: purchase, where: {sku: sku}}, for: 1 day}")
    assert problem.code == "name-as-value"
    assert "write [sku]" in str(problem.hint)
    assert problems("{after: cart, without: {event: purchase, where: {sku: [sku]}}, for: 1 day}") == []
    assert problems("{latest: profile.plan, is: plan}") == []


def test_an_attribute_that_only_rules_name_is_a_name_too() -> None:
    define = "define:\n  gold: {latest: profile.plan, is: gold}\n"
    assert problems("{latest: subscription.plan, is: profile.plan}") == []
    (problem,) = problems("{latest: subscription.plan, is: profile.plan}", define=define)
    assert problem.code == "name-as-value"


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("> 50", "more than: 50"),
        ("1,000", "1000"),
        ("1.000.000", "1000000"),
        ("12,50", "12.50"),
        ("€50", "50"),
        ("50 or more", "at least: 50"),
        ("!= 3", "other than: 3"),
        ("3 to 10", "between: 3 and 10"),
        ("lots", None),
        ("", None),
    ],
)
def test_a_bound_that_people_write_as_a_text_is_understood(text: str, meant: str | None) -> None:
    assert as_bound(text) == meant


# --- levels -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["nps.score", "subscription.seats", "profile.points"])
def test_a_change_of_what_is_reported_again_and_again_is_a_mistake_that_says_why(name: str) -> None:
    problem = only(f"{{change: {name}, down by: 20%, within: 90 days, from at least: 1}}")
    assert (problem.code, problem.severity) == ("change-of-level", "error")
    assert "three answers of 9 and then two would look like a fall" in problem.message
    assert f"'latest: {name}'" in str(problem.hint)


@pytest.mark.parametrize("name", ["purchase.amount", "refund.amount", "login"])
def test_a_change_of_money_and_of_a_number_of_events_is_none(name: str) -> None:
    when = f"{{change: {name}, down by: 20%, within: 90 days, from at least: 1}}"
    found = [problem.code for problem in problems(when)]
    assert "change-of-level" not in found


def test_an_attribute_that_a_sum_adds_up_is_an_amount() -> None:
    when = "{change: purchase.limit, down by: 20%, within: 90 days, from at least: 1}"
    assert only(when).code == "change-of-level"
    assert problems(when, define="define:\n  many: {sum: purchase.limit, at least: 1}\n") == []


def test_the_shipped_rules_compare_with_possible_values() -> None:
    texts = {str(path): path.read_text() for path in sorted((ROOT / "rules").glob("*.yaml"))}
    codes = {problem.code for problem in read_documents(texts, KnownNames()).problems}
    assert not codes & {"impossible-value", "name-as-value", "change-of-level"}


# --- what a customer is worth -----------------------------------------------------------------------------------


def worth_problems(value: str, names: KnownNames | None = None) -> list[tuple[str, int]]:
    """Return the codes and columns of the problems of a file with only `value`."""
    found = read_documents({"a.yaml": f"value: {value}\n"}, names or KnownNames()).problems
    return [(problem.code, problem.column) for problem in found]


def test_what_adds_up_to_the_value_is_a_number_of_a_known_type() -> None:
    names = KnownNames(("purchase", "refund"), {"purchase": ["amount", "currency"], "refund": ["amount"]})
    assert worth_problems("{revenue: [purchase.amount], less: [refund.amount]}", names) == []
    assert worth_problems("{revenue: [purchase.currency]}", names) == [("impossible-value", 19)]
    assert worth_problems("{revenue: [purchase.amount], less: [return.amount]}", names) == [("unknown-type", 44)]
    assert worth_problems("{revenue: [purchase.total]}", names) == [("unknown-attribute", 19)]


def test_with_a_currency_every_type_needs_one() -> None:
    names = KnownNames(("purchase", "refund"), {"refund": ["amount"]})
    assert worth_problems("{revenue: [purchase.amount], currency: EUR}", names) == []
    assert worth_problems("{revenue: [purchase.amount], less: [refund.amount], currency: EUR}", names) == [
        ("unknown-attribute", 60)
    ]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("{revenue: [purchase.amount], currency: eur}", "did you mean 'EUR'?"),
        ("{revenue: [purchase.amount], rates: {USD: 2}}", "'rates' need the 'currency'"),
        ("{revenue: [purchase.amount], currency: USD, rates: {USD: 2}}", "needs no rate"),
        ("{revenue: [purchase.amount], less: [purchase.amount]}", "cannot be both"),
        ("{revenue: [purchase.amount, purchase.amount]}", "would count twice"),
        ("{revenue: [purchase.amount], cost of winning: -1}", "0 or more"),
        (
            "{revenue: [a.b], tiers: {measured: 2026-01-31, customers: 9, from: scan, thresholds: {1%: 3, 5%: 9}}}",
            "a smaller share cannot be lower",
        ),
    ],
)
def test_what_a_customer_is_worth_is_consistent(value: str, message: str) -> None:
    (problem,) = read_documents({"a.yaml": f"value: {value}\n"}, KnownNames()).problems
    assert message in str(problem)


def test_a_personal_attribute_is_no_part_of_the_value() -> None:
    names = KnownNames(("donation",), personal=frozenset({"donation.amount"}))
    assert worth_problems("{revenue: [donation.amount]}", names) == [("value-of-personal", 19)]


def test_what_a_customer_is_worth_is_said_once_and_lent_to_the_files_beside_it() -> None:
    said = "value: {revenue: [purchase.amount]}\n"
    asked = HEAD.format(when="{value: at least 3}", define="")
    (problem,) = read_documents({"a.yaml": said, "b.yaml": said}, KnownNames()).problems
    assert (problem.file, problem.code) == ("b.yaml", "repeated-value")
    assert [one.code for one in read_documents({"a.yaml": asked}, KnownNames()).problems] == ["no-value"]
    parsed = read_documents({"a.yaml": asked}, KnownNames(), {"b.yaml": said})
    assert parsed.problems == ()
    when = parsed.book.rules[0].when
    assert isinstance(when, Value)
    assert when.measured is not None
    assert when.measured.revenue == ["purchase.amount"]


def test_what_events_mean_in_the_book_is_said_once_and_its_types_exist() -> None:
    said = "book: {purchase: order, cancellation: {event: cancellation, reason: why}}\n"
    names = KnownNames(("order", "cancellation"), attributes={"cancellation": frozenset({"why"})})
    parsed = read_documents({"a.yaml": said}, names)
    assert parsed.problems == ()
    assert parsed.book.book is not None
    assert parsed.book.book.purchase == ["order"]
    (problem,) = read_documents({"a.yaml": said, "b.yaml": said}, names).problems
    assert (problem.file, problem.code) == ("b.yaml", "repeated-book")
    wrong = "book: {purchase: ordr, cancellation: {event: cancellation, reason: wy}, contract: [renewal]}\n"
    assert [one.code for one in read_documents({"a.yaml": wrong}, names).problems] == [
        "unknown-type",
        "unknown-attribute",
        "unknown-type",
    ]
    both = "book: {purchase: cancellation, cancellation: {event: cancellation}}\n"
    assert [one.code for one in read_documents({"a.yaml": both}, names).problems] == ["wrong-value"]
