"""Laws of wording: every condition has one wording, whole rules are written in it, and what they say is true."""

import json
import operator
import re
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import pytest
from ruamel.yaml import YAML

from schemas.conditions import ELEMENTARY, Bounds, condition_kind, parts_of
from schemas.events import BUILT_IN
from schemas.ladders import Ladder
from schemas.rules import Example, ForEveryRule, Rule, RuleBook, RuleFile, RuleTestFile
from tests.support.builders import rule
from tests.support.looked_at import READ, is_condition
from tests.support.paths import ROOT
from workers.core.phrases import bounds_in_words, listed, plural
from workers.core.rules.wording import negated, phrase, said
from workers.explain import rule_page
from workers.explain.ladders import ladders_explained, lines_of
from workers.explain.sentences import checked_after, excluded, exclusions, explained, sentence
from workers.rule_files.known_names import KnownNames, event_types
from workers.rule_files.rules import load_book
from workers.rule_tests.files import report_on
from workers.rule_tests.runner import run_examples, run_tests
from workers.source_files.reading import load_sources

WORDED: Final[list[tuple[dict[str, Any], str, str]]] = [
    # count
    (
        {"count": "purchase", "at least": 3, "within": "365 days"},
        "at least 3 purchases within 365 days",
        "fewer than 3 purchases within 365 days",
    ),
    ({"count": "purchase", "exactly": 1}, "exactly 1 purchase ever", "fewer or more than 1 purchase ever"),
    (
        {"count": "purchase", "at least": 1, "at most": 1},
        "exactly 1 purchase ever",
        "fewer or more than 1 purchase ever",
    ),
    (
        {"count": "login", "at most": 0, "within": "2 days"},
        "no login within 2 days",
        "at least 1 login within 2 days",
    ),
    (
        {"count": "login", "at least": 1, "within": "2 days"},
        "at least 1 login within 2 days",
        "no login within 2 days",
    ),
    (
        {"count": "login", "more than": 1, "fewer than": 5},
        "more than 1 and fewer than 5 logins ever",
        "at most 1 or at least 5 logins ever",
    ),
    ({"count": "login", "less than": 5}, "fewer than 5 logins ever", "at least 5 logins ever"),
    ({"count": "nps", "between": "3 and 10"}, "between 3 and 10 nps ever", "fewer than 3 or more than 10 nps ever"),
    (
        {"count": "page_view", "at least": 2, "where": {"payment_kind": {"other than": ["card", "cash"]}}},
        "at least 2 page views (payment kind other than card or cash) ever",
        "fewer than 2 page views (payment kind other than card or cash) ever",
    ),
    # sum
    (
        {"sum": "purchase.amount", "where": {"currency": "EUR"}, "at least": 500, "within": "180 days"},
        "purchase amount (currency EUR) adding up to at least 500 within 180 days",
        "purchase amount (currency EUR) adding up to less than 500 within 180 days",
    ),
    (
        {"sum": "purchase.amount", "more than": "99.90", "at most": "1234567.5"},
        "purchase amount adding up to more than 99.90 and at most 1234567.5 ever",
        "purchase amount adding up to at most 99.90 or more than 1234567.5 ever",
    ),
    # value
    (
        {"value": "at least 480"},
        "value at least 480 EUR within 365 days",
        "value less than 480 EUR within 365 days",
    ),
    (
        {"value": {"at least": 100, "less than": 480}},
        "value at least 100 and less than 480 EUR within 365 days",
        "value less than 100 or at least 480 EUR within 365 days",
    ),
    (
        {"value": "top 20%"},
        "value among the top 20% (at least 260 EUR) within 365 days",
        "value not among the top 20% (less than 260 EUR) within 365 days",
    ),
    (
        {"value": "less than cost of winning"},
        "value less than 60 EUR (the cost of winning them) within 365 days",
        "value at least 60 EUR (the cost of winning them) within 365 days",
    ),
    # average
    (
        {"average": "purchase.amount", "at most": 20, "within": "90 days"},
        "the average purchase amount is at most 20 within 90 days",
        "the average purchase amount is not at most 20 within 90 days",
    ),
    # distinct
    (
        {"distinct": "purchase.category", "at least": 3, "within": "365 days"},
        "at least 3 different purchase categories within 365 days",
        "fewer than 3 different purchase categories within 365 days",
    ),
    (
        {"distinct": "purchase.category", "exactly": 1},
        "exactly 1 different purchase category ever",
        "fewer or more than 1 different purchase category ever",
    ),
    # days with
    (
        {"days with": "login", "at least": 5, "within": "28 days"},
        "a login on at least 5 days within 28 days",
        "a login on fewer than 5 days within 28 days",
    ),
    (
        {"days with": "login", "where": {"device": "phone"}, "exactly": 1, "within": "7 days"},
        "a login (device phone) on exactly 1 day within 7 days",
        "a login (device phone) on fewer or more than 1 day within 7 days",
    ),
    # none
    ({"none": "purchase", "for": "45 days"}, "no purchase for 45 days", "a purchase in the last 45 days"),
    (
        {"none": "order", "where": {"express": True, "weight": {"at least": 5}}, "for": "6 hours"},
        "no order (express true, weight at least 5) for 6 hours",
        "an order (express true, weight at least 5) in the last 6 hours",
    ),
    # last, first
    (
        {"last": "login", "at most": "7 days ago"},
        "the last login was at most 7 days ago",
        "the last login was not at most 7 days ago",
    ),
    (
        {"last": "login", "where": {"device": "phone"}, "at least": "7 days ago", "at most": "14 days ago"},
        "the last login (device phone) was at least 7 days and at most 14 days ago",
        "the last login (device phone) was not at least 7 days and at most 14 days ago",
    ),
    (
        {"first": "purchase", "between": "30 days and 90 days ago"},
        "the first purchase was between 30 days and 90 days ago",
        "the first purchase was not between 30 days and 90 days ago",
    ),
    # known for
    ({"known for": "90 days"}, "known for at least 90 days", "known for less than 90 days"),
    # stage, in stage for, moved
    ({"stage": "loyal"}, "on the stage 'loyal'", "on another stage than 'loyal'"),
    ({"stage": ["loyal", "fan"]}, "on the stage 'loyal' or 'fan'", "on another stage than 'loyal' or 'fan'"),
    (
        {"in stage for": "30 days"},
        "on the same stage for at least 30 days",
        "on the same stage for less than 30 days",
    ),
    ({"moved": "down"}, "moved down", "not moved down"),
    (
        {"moved": "up", "from": ["quiet", "lost"], "within": "7 days"},
        "moved up from 'quiet' or 'lost' less than 7 days ago",
        "not moved up from 'quiet' or 'lost' less than 7 days ago",
    ),
    # change
    (
        {"change": "login", "down by": "50%", "within": "30 days", "from at least": 6},
        "logins down by at least 50% in the last 30 days against the 30 days before (which had at least 6)",
        "logins not down by at least 50% in the last 30 days against the 30 days before (which had at least 6)",
    ),
    (
        {"change": "purchase.amount", "up by": "12.5%", "within": "60 days", "from at least": 100},
        "purchase amount up by at least 12.5% in the last 60 days against the 60 days before "
        "(which had at least 100)",
        "purchase amount not up by at least 12.5% in the last 60 days against the 60 days before "
        "(which had at least 100)",
    ),
    # overdue
    (
        {"overdue": "purchase", "by": "2.5 times", "usual gap": "40 days", "at least": "30 days"},
        "their last purchase is more than 2.5 times their usual gap ago (and at least 30 days)",
        "their last purchase is not more than 2.5 times their usual gap ago (and at least 30 days)",
    ),
    # after … then, after … without
    (
        {"after": "complaint", "then": "purchase", "within": "2 days"},
        "a complaint followed by a purchase within 2 days",
        "no complaint followed by a purchase within 2 days",
    ),
    (
        {"after": "cart", "without": "purchase", "for": "2 days"},
        "a cart not followed by a purchase within 2 days",
        "no cart without a purchase within 2 days",
    ),
    (
        {"after": {"event": "nps", "where": {"score": {"at most": 6}}}, "without": "answer", "for": "1 day"},
        "an nps (score at most 6) not followed by an answer within 1 day",
        "no nps (score at most 6) without an answer within 1 day",
    ),
    # latest
    (
        {"latest": "nps.score", "at most": 6},
        "the latest nps score is at most 6",
        "the latest nps score is not at most 6",
    ),
    (
        {"latest": "profile.plan", "is": ["gold", "silver"]},
        "the latest profile plan is gold or silver",
        "the latest profile plan is not gold or silver",
    ),
    (
        {"latest": "profile.country", "is not": "DE"},
        "the latest profile country is not DE",
        "the latest profile country is DE",
    ),
    (
        {"latest": "nps.comment", "is": "unknown"},
        "the nps comment is unknown",
        "the nps comment is given",
    ),
    (
        {"latest": "nps.comment", "is": "given"},
        "the nps comment is given",
        "the nps comment is unknown",
    ),
    (
        {"latest": "nps.score", "at most": 6, "was": {"at least": 9}},
        "the latest nps score is at most 6, and the one before was at least 9",
        "the latest nps score is not at most 6, or the one before was not at least 9",
    ),
    (
        {"latest": "profile.plan", "was": ["gold", "silver"]},
        "the profile plan before the latest one was gold or silver",
        "the profile plan before the latest one was not gold or silver",
    ),
    (
        {"latest": "subscription.seats", "down by": "20%", "compared with": "30 days ago", "from at least": 5},
        "the latest subscription seats is down by at least 20% against 30 days ago (which was at least 5)",
        "the latest subscription seats is not down by at least 20% against 30 days ago (which was at least 5)",
    ),
    (
        {"latest": "nps.score", "up by": "50%"},
        "the latest nps score is up by at least 50% against the one before",
        "the latest nps score is not up by at least 50% against the one before",
    ),
    # compared
    (
        {"distinct": "login.contact", "less than": "30% of latest subscription.seats", "within": "30 days"},
        "the number of different login contacts within 30 days is less than 30% of the latest subscription seats",
        "the number of different login contacts within 30 days is not less than 30% of the latest subscription seats",
    ),
    (
        {"days with": "login", "fewer than": "50% of days with login within 56 days", "within": "28 days"},
        "the number of days with a login within 28 days is less than 50% of the number of days with a login within "
        "56 days",
        "the number of days with a login within 28 days is not less than 50% of the number of days with a login "
        "within 56 days",
    ),
    (
        {"latest": "order.total", "more than": "200% of average order.total within 365 days"},
        "the latest order total is more than 200% of the average order total within 365 days",
        "the latest order total is not more than 200% of the average order total within 365 days",
    ),
    (
        {"sum": "purchase.amount", "where": {"currency": "EUR"}, "at least": "sum of refund.amount"},
        "the total purchase amount (currency EUR) ever is at least the total refund amount ever",
        "the total purchase amount (currency EUR) ever is not at least the total refund amount ever",
    ),
    # date
    (
        {"date": "cancellation.effective_at", "in the next": "30 days"},
        "the effective-at date of the latest cancellation is in the next 30 days",
        "the effective-at date of the latest cancellation is not in the next 30 days",
    ),
    (
        {"date": "profile.end_date", "passed for": "3 days"},
        "the end date of the latest profile passed at least 3 days ago",
        "the end date of the latest profile did not pass at least 3 days ago",
    ),
    # status
    ({"status": "active"}, "the customer is active", "the customer has cancelled"),
    ({"status": "cancelled"}, "the customer has cancelled", "the customer is active"),
    (
        {"status": "cancelled", "for": "30 days"},
        "the customer cancelled at least 30 days ago and did not come back",
        "the customer is active or cancelled less than 30 days ago",
    ),
    # meets
    ({"meets": "regular customer"}, 'counts as "regular customer"', 'does not count as "regular customer"'),
    # all, any, not
    (
        {"all": [{"status": "active"}, {"none": "login", "for": "7 days"}, {"known for": "1 day"}]},
        "the customer is active, no login for 7 days and known for at least 1 day",
        "the customer has cancelled, a login in the last 7 days or known for less than 1 day",
    ),
    (
        {"any": [{"status": "active"}, {"all": [{"known for": "1 day"}, {"none": "login", "for": "7 days"}]}]},
        "the customer is active or (known for at least 1 day and no login for 7 days)",
        "the customer has cancelled and (known for less than 1 day or a login in the last 7 days)",
    ),
    (
        {
            "all": [
                {"all": [{"any": [{"status": "active"}, {"known for": "1 day"}]}]},
                {"none": "login", "for": "7 days"},
            ]
        },
        "(the customer is active or known for at least 1 day) and no login for 7 days",
        "(the customer has cancelled and known for less than 1 day) or a login in the last 7 days",
    ),
    ({"not": {"known for": "90 days"}}, "known for less than 90 days", "known for at least 90 days"),
]


@pytest.mark.parametrize(("written", "wording", "opposite"), WORDED, ids=[case[1][:60] for case in WORDED])
def test_a_condition_and_its_opposite_have_one_wording_each(
    written: dict[str, Any], wording: str, opposite: str
) -> None:
    condition = READ(written)
    assert phrase(condition) == wording
    assert negated(condition) == opposite
    assert phrase(READ({"not": written})) == opposite


def test_every_kind_of_condition_is_worded() -> None:
    assert {condition_kind(written) for written, _, _ in WORDED} == {*ELEMENTARY, "meets", "all", "any", "not"}


@pytest.mark.parametrize("written", [case[0] for case in WORDED], ids=[case[1][:60] for case in WORDED])
def test_a_condition_can_be_said_of_a_customer_and_of_them(written: dict[str, Any]) -> None:
    condition = READ(written)
    if parts_of(condition):
        return
    for holds in (True, False):
        wording = said(condition, holds=holds)
        first, then = wording.of(named=False), wording.of(named=True)
        assert "a customer" in first
        assert "a customer" not in then
        assert re.search(r"\b(they|their)\b", then)


@pytest.mark.parametrize("kind", ["all", "any"])
def test_a_combination_cannot_be_said_as_one(kind: str) -> None:
    with pytest.raises(TypeError, match="no elementary condition"):
        said(READ({kind: [{"status": "active"}]}))


@pytest.mark.parametrize(
    ("one", "several"),
    [
        ("purchase", "purchases"),
        ("nps", "nps"),
        ("category", "categories"),
        ("day", "days"),
        ("box", "boxes"),
        ("address", "addresses"),
        ("search", "searches"),
        ("sign-up", "sign-ups"),
    ],
)
def test_several_of_something_are_spelled_as_one_would(one: str, several: str) -> None:
    assert plural(one) == several


def test_lists_are_read_aloud() -> None:
    assert [listed(list("abc")[:number], "or") for number in range(4)] == ["", "a", "a or b", "a, b or c"]


def test_a_filter_that_looks_like_a_placeholder_stays_as_it_is() -> None:
    assert "{whose} %s" in phrase(READ({"none": "a", "for": "1 day", "where": {"b": "{whose} %s"}}))


COMPARED: Final = {
    "at least": operator.ge,
    "more than": operator.gt,
    "at most": operator.le,
    "less than": operator.lt,
    "exactly": operator.eq,
}


def says(wording: str, number: Decimal) -> bool:
    """Whether a number is within bounds, going by nothing but their words."""
    if match := re.fullmatch(r"less or more than (\S+)", wording):
        return number != Decimal(match[1])
    if match := re.fullmatch(r"between (\S+) and (\S+)", wording):
        return Decimal(match[1]) <= number <= Decimal(match[2])
    every = any if " or " in wording else all
    parts = [part.rsplit(" ", 1) for part in re.split(" and | or ", wording)]
    return every(COMPARED[words](number, Decimal(bound)) for words, bound in parts)


@pytest.mark.parametrize(
    "written",
    [
        {"at least": 3},
        {"more than": 3},
        {"at most": 3},
        {"fewer than": 3},
        {"less than": 3},
        {"exactly": 3},
        {"between": "3 and 5"},
        {"at least": 3, "at most": 5},
        {"more than": 3, "less than": 5},
        {"at least": 3, "at most": 3},
    ],
    ids=str,
)
def test_bounds_and_their_opposite_say_of_every_number_whether_it_is_within(written: dict[str, Any]) -> None:
    bounds = Bounds.model_validate(written)
    low, high = bounds.limits()
    for number in (Decimal(half) / 2 for half in range(15)):
        within = (low is None or number > low[0] or (number == low[0] and not low[1])) and (
            high is None or number < high[0] or (number == high[0] and not high[1])
        )
        assert says(bounds_in_words(bounds), number) is within
        assert says(bounds_in_words(bounds, holds=False), number) is not within


# --- whole rules --------------------------------------------------------------------------------------------------


def sentence_of(when: Any, **more: Any) -> str:
    return sentence(rule(when=when, **more), RuleBook())


QUIET: Final = {"none": "purchase", "for": "45 days"}
OFTEN: Final = {"count": "purchase", "at least": 3, "within": "365 days"}


def test_a_rule_is_one_sentence_and_what_holds_afterwards() -> None:
    assert sentence_of(
        {"all": [OFTEN, QUIET, {"status": "active"}]}, template="we-miss-you", again_after="90 days"
    ) == (
        "When a customer has had at least 3 purchases within 365 days and no purchase for 45 days, and they are "
        'active, ask for the message "we-miss-you" (at-risk). Not again for 90 days; expires after 14 days.'
    )


def test_the_sentence_says_the_exception_and_how_long_it_must_last() -> None:
    text = sentence_of(
        {"latest": "nps.score", "at most": 6},
        unless={"count": "complaint", "at least": 1, "within": "30 days"},
        for_="3 days",
    )
    assert text.startswith(
        "When a customer's latest nps score is at most 6, unless they have had at least 1 complaint within 30 days, "
        "and this has lasted for 3 days, ask for"
    )


def test_alternatives_and_opposites_read_aloud() -> None:
    login = {"none": "login", "for": "14 days"}
    assert sentence_of({"any": [login, {"all": [QUIET, {"known for": "90 days"}]}]}).startswith(
        "When either a customer has had no login for 14 days or (they have had no purchase for 45 days, and they "
        "have been known for at least 90 days), ask"
    )
    assert sentence_of({"all": [QUIET, {"any": [login, {"status": "cancelled"}]}]}).startswith(
        "When a customer has had no purchase for 45 days, and either they have had no login for 14 days or they have "
        "cancelled, ask"
    )
    assert sentence_of({"not": {"any": [login, {"status": "cancelled"}]}}).startswith(
        "When a customer has had a login in the last 14 days, and they are active, ask"
    )


def test_the_sentence_says_every_control_over_actions() -> None:
    text = sentence_of(
        QUIET,
        again_after="never",
        pace="at most 500 per hour",
        over_pace="spread",
        hold_out="10%",
        experiment="winter-2026",
        priority=80,
        instead_of=["b-rule", "c-rule"],
        existing="include",
    )
    assert text.endswith(
        "Never again; expires after 14 days; at most 500 per hour, the rest is spread over time; 10% of customers "
        'get nothing, so that the effect can be measured (experiment "winter-2026"); a success is a purchase within '
        '30 days; not while an action of a rule with a priority above 80 is active; while it is true, "b-rule" and '
        '"c-rule" do not act; also for customers who already match when the rule goes live.'
    )


def test_the_sentence_says_how_it_is_measured_whether_a_rule_helps() -> None:
    text = sentence_of(
        QUIET,
        hold_out="10%",
        as_before="5%",
        variants={"a": "50%", "b": "50%"},
        success={"event": "purchase", "where": {"amount": {"at least": 20}}, "within": "14 days"},
        smallest_difference="2 points",
        count_at_most=500,
    )
    assert (
        "10% of customers get nothing, so that the effect can be measured; a success is a purchase (amount at least "
        '20) within 14 days; 5% get what an older campaign sends them; of those who get something, 50% "a" and 50% '
        '"b"; a difference matters from 2 points of a hundred on; of what one customer spends, at most 500 count'
    ) in text


def test_a_named_condition_is_written_with_its_meaning() -> None:
    book = RuleBook(define={"regular customer": READ(OFTEN)})
    meets = rule(when={"all": [{"meets": "regular customer"}, QUIET]})
    assert sentence(meets, book).startswith(
        'When a customer counts as "regular customer" (at least 3 purchases within 365 days), and they have had no '
        "purchase for 45 days, ask"
    )
    assert explained(meets, book).when == ("at least 3 purchases within 365 days", "no purchase for 45 days")


def test_it_is_said_which_events_and_which_times_matter() -> None:
    every = {
        "all": [
            OFTEN,
            QUIET,
            {"status": "cancelled", "for": "3 days"},
            {"known for": "90 days"},
            {"after": "cart", "without": {"event": "purchase"}, "for": "2 days"},
            {"date": "profile.end_date", "in the next": "5 days"},
        ]
    }
    assert checked_after(rule(when=every, for_="1 day"), RuleBook()) == (
        "After every purchase, cancellation, reactivation, cart or profile. Also when a purchase leaves the "
        "last 365 days, or 45 days after the last purchase, or 3 days after the cancellation, or 90 days after the "
        "customer's first event, or 2 days after the last cart, or 5 days before the end date, and on it, or when it "
        "has been true for 1 day."
    )


def test_it_is_said_if_time_changes_nothing() -> None:
    assert checked_after(rule(when={"status": "cancelled"}), RuleBook()) == (
        "After every cancellation, purchase or reactivation. Time alone changes nothing."
    )


def test_all_customers_who_are_left_out_are_named() -> None:
    mine = rule(
        when={"all": [{"count": "purchase", "exactly": 1}, {"latest": "nps.score", "at most": 6}, QUIET]},
        unless={"count": "complaint", "at least": 1, "within": "60 days"},
        hold_out="10%",
        priority=10,
    )
    every = ForEveryRule.model_validate(
        {
            "limits": [{"at most": "2 actions", "within": "7 days"}, {"at most": "1 action", "per": "calendar day"}],
            "quiet hours": {"from": "21:00", "until": "08:00"},
            "consent": {"from": "profile.marketing_consent", "opted out": [False, "no"], "unknown": "opted out"},
        }
    )
    book = RuleBook(
        (mine, rule("more-important", priority=20), rule("another", instead_of=["a-rule"]), rule("less", priority=5)),
        for_every_rule=every,
    )
    assert exclusions(mine, book) == [
        "customers who match the exception: at least 1 complaint within 60 days",
        "customers this rule acted for less than 1 day ago",
        '10% of customers, always the same ones for "a-rule"',
        "customers who already match when the rule goes live",
        "customers Linger has known for less than 45 days",
        "customers whose history may be missing a purchase (see complete_since in sources.yaml)",
        "customers without a known nps score",
        "customers who may have had a complaint before Linger knew them, until it has known them for 60 days "
        "(see complete_since in sources.yaml)",
        'customers who match "another", which acts instead',
        'customers with an active action of "more-important", which comes first',
        "customers who opted out: the latest profile marketing consent is no, or is neither yes nor no, or is not "
        "known",
        "customers who got 2 actions within 7 days, across all rules",
        "customers who got 1 action per calendar day, across all rules",
        "no one because of quiet hours; between 21:00 and 08:00 in the customer's time zone, the action says when it "
        "may be sent",
    ]
    assert excluded(mine, book) == "; ".join(exclusions(mine, book))


def test_a_lower_bound_leaves_out_no_customer_because_of_what_was_not_seen() -> None:
    assert not any("known" in text for text in exclusions(rule(when=OFTEN), RuleBook()))
    assert any(
        text.startswith("customers who may have had a purchase before")
        for text in exclusions(rule(when={"not": OFTEN}), RuleBook())
    )


# --- the shipped rules --------------------------------------------------------------------------------------------


def shipped() -> RuleBook:
    sources, _ = load_sources(ROOT / "sources.yaml")
    assert sources is not None
    book, problems = load_book([ROOT / "rules"], KnownNames(event_types(sources)))
    assert problems == []
    return book


SHIPPED: Final = shipped()


@pytest.mark.parametrize("name", [each_rule.id for each_rule in SHIPPED.rules])
def test_every_shipped_rule_can_be_read_aloud(name: str) -> None:
    (mine,) = [each_rule for each_rule in SHIPPED.rules if each_rule.id == name]
    text = sentence(mine, SHIPPED)
    assert re.match(rf'When .+, ask for the message "{mine.template}" \({mine.action}\)\. .+\.$', text)
    assert "a customer" in text
    assert "  " not in text
    assert "None" not in text


@pytest.mark.parametrize("name", [each_rule.id for each_rule in SHIPPED.rules])
def test_every_shipped_rule_has_an_example_it_acts_for_and_one_it_does_not(name: str) -> None:
    (mine,) = [each_rule for each_rule in SHIPPED.rules if each_rule.id == name]
    acts = {example.expect != "nothing" for example in mine.examples}
    assert acts == {True, False}


def test_every_example_and_test_that_comes_with_the_rules_holds() -> None:
    sources, _ = load_sources(ROOT / "sources.yaml")
    assert sources is not None
    report = report_on([ROOT / "rules"], KnownNames(event_types(sources)))
    assert report.is_good
    assert len(report.results) > len(SHIPPED.rules)


def test_what_is_explained_is_json() -> None:
    entries = rule_page.explanation(SHIPPED)
    assert json.loads(json.dumps(entries)) == entries
    assert [entry["id"] for entry in entries] == sorted(each_rule.id for each_rule in SHIPPED.rules)


def test_the_page_in_the_folder_of_rules_is_up_to_date() -> None:
    assert (ROOT / "rules" / "README.md").read_text() == rule_page.readme(SHIPPED)


def test_a_stale_page_is_reported_and_rewritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rules").mkdir()
    content = rule(when=QUIET, title="Silence *and* <b>more</b>").model_dump(mode="json", exclude_none=True)
    (tmp_path / "rules" / "a.yaml").write_text(json.dumps({"rules": [content]}))
    assert rule_page.main(["--check"]) == 1
    assert "stale" in capsys.readouterr().err
    assert rule_page.main([]) == 0
    assert rule_page.main(["--check"]) == 0
    page = (tmp_path / "rules" / "README.md").read_text()
    assert "Silence \\*and\\* \\<b\\>more" in page
    (tmp_path / "rules" / "a.yaml").write_text("rules: [")
    assert rule_page.main([]) == 1


# --- the page for marketers ---------------------------------------------------------------------------------------

PAGE: Final = (ROOT / "docs" / "rules.md").read_text()
BLOCKS: Final[list[str]] = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def spoken(block: str) -> list[str]:
    """The quotations that stand right below a block, one phrase each."""
    below = PAGE.split(f"```yaml\n{block}```\n", 1)[1].lstrip("\n")
    quoted = re.match(r"((?:>.*\n)+)", below)
    return [line.removeprefix(">").strip() for line in quoted[1].splitlines() if line != ">"] if quoted else []


def loaded(block: str) -> Any:
    return YAML(typ="safe").load(block)


@pytest.mark.parametrize("block", BLOCKS, ids=[block.splitlines()[0] for block in BLOCKS])
def test_what_the_page_shows_is_what_can_be_written(block: str) -> None:
    content = loaded(block)
    keys = set(content) if isinstance(content, dict) else set()
    if keys & {"rules", "define", "stages", "book", "for every rule"} or (
        "value" in keys and not is_condition(content)
    ):
        RuleFile.model_validate(content)
    elif isinstance(content, dict) and "tests" in content:
        RuleTestFile.model_validate(content)
    elif is_condition(content):
        assert spoken(block) == [phrase(READ(content))]
    elif isinstance(content, dict) and "given" in content:
        Example.model_validate(content)
    else:
        base = rule().model_dump(mode="json", by_alias=True, exclude_none=True)
        part = Rule.model_validate({**base, **content})
        for quoted in spoken(block):
            assert quoted.strip("… ,") in sentence(part, RuleBook())


def kinds_in(condition: Any) -> set[str | None]:
    return {condition_kind(condition)}.union(*map(kinds_in, parts_of(condition)))


def test_the_page_shows_every_kind_of_condition() -> None:
    blocks = [loaded(block) for block in BLOCKS]
    shown = [READ(block) for block in blocks if is_condition(block)]
    worded = [READ(written) for written, _, _ in WORDED]
    assert set().union(*map(kinds_in, shown)) == set().union(*map(kinds_in, worded))


def test_the_page_names_every_key_of_a_rule_and_of_what_holds_for_every_rule() -> None:
    for model in (Rule, ForEveryRule):
        for name, field in model.model_fields.items():
            key = field.alias or name
            assert f"`{key}`" in PAGE or key.startswith("("), name


def test_what_the_page_expects_of_its_examples_is_what_happens() -> None:
    walked, more = (block for block in BLOCKS if "good-customer-quiet" in block or block.startswith("    examples:"))
    book = RuleBook(tuple(RuleFile.model_validate(loaded(walked + more)).rules))
    assert [result.passed for result in run_examples(book, BUILT_IN)] == [True, True]


def test_what_the_page_expects_of_the_shipped_rules_is_what_happens() -> None:
    types = [*BUILT_IN, "reactivation", "nps", "complaint", "loyalty"]
    blocks = [loaded(block) for block in BLOCKS]
    tests = [test for block in blocks if "tests" in block for test in RuleTestFile.model_validate(block).tests]
    assert [result.passed for result in run_tests(SHIPPED, tests, types)] == [True, True]
    quiet = next(each_rule for each_rule in SHIPPED.rules if each_rule.id == "regular-gone-quiet")
    (examples,) = [block["examples"] for block in blocks if "examples" in block and "start" in block["examples"][0]]
    (again,) = [Example.model_validate(example) for example in examples]
    (result,) = run_examples(RuleBook((quiet.model_copy(update={"examples": [again]}),)), types)
    assert result.passed


def test_the_page_shows_what_explain_says_of_its_ladder() -> None:
    (block,) = [block for block in BLOCKS if block.startswith("stages:")]
    ladder = Ladder.model_validate(loaded(block)["stages"])
    (entry,) = ladders_explained(RuleBook(ladders=(ladder,)))
    assert "```\n" + "\n".join(lines_of(entry)) + "```\n" in PAGE


def test_a_name_that_begins_with_a_vowel_has_its_article() -> None:
    often = rule(when={"count": "app-open", "at least": 3, "within": "30 days"})
    assert "when an app-open leaves the last 30 days" in checked_after(often, RuleBook())
