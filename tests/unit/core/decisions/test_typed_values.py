"""Laws of typed values while deciding: where an event is folded, its attributes count as what they are."""

import json
from typing import Any

import pytest

from schemas.actions import Action
from schemas.rules import ForEveryRule, RuleBook
from tests.support.builders import day, event, rule, rules, watched
from tests.support.decided import Decided, decide, moment, reasons_for, stored_of, truth_of
from workers.core.conditions.condition import TRUE
from workers.core.events.decoding import DecodedEvent
from workers.core.mapping.converter import compile_untrusted_reader
from workers.core.rules.rule_compiler import compile_rules
from workers.core.rules.rule_set import RuleSet
from workers.customer_facts.facts import CustomerFacts, LatestFacts

TYPES = ("purchase", "login", "cancellation", "profile", "nps", "topup")


def compiled(*content: Any, **for_every_rule: Any) -> RuleSet:
    return rules(*content, types=TYPES, **for_every_rule)


def run(ruleset: RuleSet, *events: DecodedEvent, upto_day: float = 0, stored: bytes | None = None) -> Decided:
    return decide("ada", stored, events, ruleset, watched(ruleset), day(upto_day) if upto_day else 0)


def one_value(name: str, value: Any) -> CustomerFacts:
    """Return a customer with one known value, since day 1."""
    return CustomerFacts(
        known_since=moment(0), latest_event=moment(1), attributes={name: LatestFacts(value, moment(1))}
    )


def acted(outcome: Decided) -> list[str]:
    return [one.rule.id for one in outcome.decisions if isinstance(one, Action) and one.status == "active"]


@pytest.mark.parametrize("amount", [50, 50.0, "50", "50.00", " 50 ", "5e1"])
def test_a_sum_of_numbers_is_the_same_however_they_are_written(amount: Any) -> None:
    little = rule(when={"sum": "topup.amount", "less than": 10, "within": "30 days"})
    much = rule("much", when={"sum": "topup.amount", "at least": 150, "within": "30 days"})
    outcome = run(compiled(little, much), *(event("topup", at, amount=amount) for at in (1, 10, 20)))
    # Fifty is never little, and thrice fifty is much.
    assert acted(outcome) == ["much"]


@pytest.mark.parametrize("score", [4, 4.0, "4", "4.0"])
def test_the_latest_value_is_compared_however_it_is_written(score: Any) -> None:
    assert acted(run(compiled(rule(when={"latest": "nps.score", "at most": 6})), event("nps", 1, score=score)))


def test_a_value_that_cannot_be_converted_leaves_the_latest_known_one() -> None:
    ruleset = compiled(rule(when={"latest": "nps.score", "at most": 6}))
    outcome = run(ruleset, event("nps", 1, score=4), event("nps", 2, event_id="odd", score="many"))
    assert outcome.facts.attributes["nps.score"] == LatestFacts(4, moment(1))
    assert outcome.left_out == [("nps", "odd", "score", "not_a_number")]


def test_a_repeated_event_leaves_nothing_out_a_second_time() -> None:
    ruleset = compiled(rule(when={"latest": "nps.score", "at most": 6}))
    odd = event("nps", 2, event_id="odd", score="many")
    assert len(run(ruleset, odd, odd).left_out) == 1


def test_an_attribute_that_no_rule_reads_stays_as_it_came_and_is_not_counted() -> None:
    ruleset = compiled(rule(when={"count": "nps", "at least": 1}))
    assert ruleset.attribute_types == {}
    assert run(ruleset, event("nps", 1, score="many")).left_out == []


def test_distinct_values_of_a_declared_type_are_one_value_however_they_are_written() -> None:
    book = RuleBook(
        (rule(when={"distinct": "topup.size", "at least": 2}),), {}, ForEveryRule(), {"topup.size": "number"}
    )
    ruleset = compile_rules(book, TYPES)
    assert (
        acted(run(ruleset, event("topup", 1, size=5), event("topup", 2, size="5.0"), event("topup", 3, size=" 5")))
        == []
    )
    assert acted(run(ruleset, event("topup", 1, size=5), event("topup", 2, size="6")))


def test_a_variable_of_a_declared_type_is_the_converted_value() -> None:
    content = rule(when={"count": "nps", "at least": 1}, variables={"score": "nps.score", "note": "nps.note"})
    ruleset = compile_rules(RuleBook((content,), {}, ForEveryRule(), {"nps.score": "number"}), TYPES)
    (action,) = run(ruleset, event("nps", 1, score="9", note="9")).decisions
    assert isinstance(action, Action)
    assert action.variables == {"score": 9, "note": "9"}


@pytest.mark.parametrize("stored", ["4", 4, " 4.0 "])
def test_a_value_that_the_release_before_stored_as_it_came_counts_as_its_type(stored: Any) -> None:
    ruleset = compiled(rule(when={"latest": "nps.score", "at most": 6}))
    raw = stored_of(one_value("nps.score", stored), ruleset)
    assert truth_of(raw, ruleset, day(2), watched(ruleset))[0] == TRUE
    assert [reason.observed for reason in reasons_for(raw, ruleset, day(2), watched(ruleset))] == [4]


def test_a_declared_type_is_part_of_whom_a_rule_means() -> None:
    """So a customer who meets a rule only since a type was declared has met it already: no message goes out."""
    content = rule(when={"distinct": "topup.size", "at least": 2})
    plain = compile_rules(RuleBook((content,)), TYPES)
    typed = compile_rules(RuleBook((content,), {}, ForEveryRule(), {"topup.size": "number"}), TYPES)
    assert plain.rules[0].audience_hash != typed.rules[0].audience_hash
    assert plain.hash != typed.hash


# --- consent --------------------------------------------------------------------------------------------------------

CONSENT = {"from": "profile.consent"}
QUIET = {"none": "purchase", "for": "10 days"}


@pytest.mark.parametrize("answer", [False, "false", "FALSE", 0, "0", "no ", "Unsubscribed", "", "nein danke", 7])
def test_whoever_did_not_say_yes_is_not_written_to(answer: Any) -> None:
    outcome = run(
        compiled(rule(when=QUIET), consent=CONSENT),
        event("purchase", 1),
        event("profile", 2, consent=answer),
        upto_day=20,
    )
    assert [getattr(one, "decision", "") for one in outcome.decisions] == ["opted_out"]


def test_an_answer_that_is_neither_yes_nor_no_is_shown_and_counted() -> None:
    ruleset = compiled(rule(when=QUIET), consent=CONSENT)
    outcome = run(ruleset, event("purchase", 1), event("profile", 2, consent="Nein  danke"), upto_day=20)
    assert [getattr(one, "detail", "") for one in outcome.decisions] == [
        "not understood: the customer's answer 'nein danke' is neither yes nor no"
    ]
    assert outcome.not_understood == ["nein danke"]


def test_what_an_outcome_says_is_not_changed_by_the_next_customer() -> None:
    ruleset = compiled(rule(when=QUIET), rule("low", when={"latest": "nps.score", "at most": 6}), consent=CONSENT)
    nothing = run(ruleset, event("purchase", 1))
    assert (nothing.left_out, nothing.not_understood, nothing.waiting) == ([], [], {})
    behind = watched(ruleset, purchase=2)
    events = [event("purchase", 1), event("profile", 2, consent="perhaps"), event("nps", 3, score="many")]
    lagging = decide("bob", None, events, ruleset, behind, day(20))
    opted_out = run(ruleset, *events, upto_day=20)
    assert lagging.left_out
    assert lagging.waiting
    assert opted_out.not_understood
    assert (nothing.left_out, nothing.not_understood, nothing.waiting) == ([], [], {})


def test_an_answer_that_is_not_understood_takes_back_what_was_sent() -> None:
    outcome = run(
        compiled(rule(when=QUIET), consent=CONSENT), event("purchase", 1), event("profile", 12, consent="perhaps")
    )
    assert [getattr(one, "retracted_because", None) for one in outcome.decisions] == [None, "opted_out"]


def test_no_answer_leaves_the_earlier_one() -> None:
    ruleset = compiled(rule(when=QUIET), consent=CONSENT)
    events = [
        event("purchase", 1),
        event("profile", 2, consent="no"),
        event("profile", 3),
        event("profile", 4, consent=None),
    ]
    assert [getattr(one, "decision", "") for one in run(ruleset, *events, upto_day=20).decisions] == ["opted_out"]


def test_an_answer_is_kept_as_it_came_even_where_a_rule_reads_it_as_true_or_false() -> None:
    """Else "withdrawn", which is neither true nor false, would leave an earlier yes standing."""
    ruleset = compiled(
        rule(when=QUIET), rule("asked", when={"latest": "profile.consent", "is": True}), consent=CONSENT
    )
    outcome = run(
        ruleset,
        event("purchase", 1),
        event("profile", 2, consent="yes"),
        event("profile", 3, consent="withdrawn"),
        upto_day=20,
    )
    assert outcome.facts.attributes["profile.consent"] == LatestFacts("withdrawn", moment(3))
    assert acted(outcome) == ["asked"]
    assert [getattr(one, "decision", "") for one in outcome.decisions][-1] == "opted_out"


def test_an_opt_out_of_the_release_before_is_one_still() -> None:
    ruleset = compiled(rule(when=QUIET), consent={**CONSENT, "opted out": ["no"]})
    stored = stored_of(one_value("profile.consent", "no"), ruleset)
    outcome = run(ruleset, event("purchase", 1), upto_day=20, stored=stored)
    assert [getattr(one, "decision", "") for one in outcome.decisions] == ["opted_out"]


@pytest.mark.parametrize("answer", [{}, [], {"email": True}, 2**70])
def test_an_answer_that_cannot_even_be_kept_is_not_understood(answer: Any) -> None:
    document = {"event_id": "e", "type": "profile", "customer_id": "ada", "occurred_at": "2024-01-03T00:00:00Z"}
    raw = json.dumps({**document, "attributes": {"consent": answer}}).encode()
    read = compile_untrusted_reader(TYPES)
    ruleset = compiled(rule(when=QUIET), consent=CONSENT)
    outcome = run(
        ruleset,
        event("purchase", 1),
        event("profile", 1.5, consent="yes"),
        read(raw, day(10))[0],
        upto_day=20,
    )
    assert [getattr(one, "decision", "") for one in outcome.decisions] == ["opted_out"]
    assert outcome.not_understood == ["(unreadable)"]
