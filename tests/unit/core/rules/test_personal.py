"""Laws of personal attributes: no record has a value of theirs, except as a variable of a template that names it."""

from base64 import b64encode
from collections.abc import Mapping
from typing import Any, Final

import msgspec
import pytest

from schemas.actions import Action, Decision
from schemas.rules import ForEveryRule, RuleBook
from tests.support.builders import day, event, rule, watched
from tests.support.decided import Decided, decide
from tests.support.looked_at import LADDER
from workers.core.conditions.condition import Elementary
from workers.core.decisions.decide import decider_of
from workers.core.events.decoding import DecodedEvent
from workers.core.rules.former_rules import FormerRules
from workers.core.rules.kinds import KINDS
from workers.core.rules.rule_compiler import compile_rules
from workers.core.rules.rule_set import RuleSet

TYPES: Final = ("purchase", "login", "cancellation", "profile", "complaint")
EMAIL: Final = "mara-77@example.com"
AMOUNT: Final = 987654.25
BORN: Final = "2024-01-21"
PERSONAL: Final = frozenset(
    f"{name}.{attribute}" for name in TYPES for attribute in ("email", "amount", "born", "reason", "consent", "zone")
)
WAITS: Final = {
    "all": [{"latest": "profile.email", "is": EMAIL}, {"none": "login", "for": "9 days"}, {"status": "active"}]
}
WHERE: Final = {"where": {"email": EMAIL}}
VALUES: Final[Mapping[str, Any]] = {"email": EMAIL, "amount": AMOUNT, "born": BORN}

CONDITIONS: Final[Mapping[str, list[dict[str, Any]]]] = {
    "after then": [
        {
            "after": {"event": "purchase", **WHERE},
            "then": {"event": "login", "where": {"email": [EMAIL, "x"]}},
            "within": "9 days",
        }
    ],
    "after without": [
        {"after": {"event": "purchase", **WHERE}, "without": {"event": "complaint", **WHERE}, "for": "3 days"}
    ],
    "average": [{"average": "purchase.amount", "at least": 5, "within": "30 days", **WHERE}],
    "change": [{"change": "purchase.amount", "down by": "50%", "within": "5 days", "from at least": 6, **WHERE}],
    "compared": [
        {"latest": "purchase.amount", "at least": "50% of average purchase.amount within 30 days"},
        {"sum": "purchase.amount", "more than": "latest profile.amount", "within": "30 days", **WHERE},
        {"count": "purchase", "less than": "latest profile.amount"},
    ],
    "count": [
        {"count": "purchase", "at least": 1, "within": "30 days", "where": {"amount": {"exactly": AMOUNT}}},
        {"count": "purchase", "at most": 0, "where": {"email": {"other than": EMAIL}}},
    ],
    "date": [{"date": "profile.born", "in the next": "30 days"}, {"date": "profile.born", "passed for": "1 day"}],
    "days with": [{"days with": "purchase", "at least": 2, "within": "30 days", **WHERE}],
    "distinct": [{"distinct": "purchase.email", "at least": 1, "within": "30 days", **WHERE}],
    "first": [{"first": "purchase", "at least": "2 days ago", **WHERE}],
    "in stage for": [{"in stage for": "3 days"}],
    "known for": [{"known for": "3 days"}],
    "last": [{"last": "purchase", "at least": "2 days ago", **WHERE}],
    "latest": [
        {"latest": "profile.email", "is": EMAIL},
        {"latest": "profile.email", "is": ["x", EMAIL]},
        {"latest": "profile.email", "is not": "x"},
        {"latest": "profile.amount", "more than": 8},
        {"latest": "profile.amount", "exactly": AMOUNT},
        {"latest": "purchase.email", "was": EMAIL},
        {"latest": "purchase.amount", "more than": 8, "was": {"exactly": AMOUNT}},
        {"latest": "purchase.email", "is": "given"},
    ],
    "moved": [{"moved": "up"}],
    "none": [{"none": "purchase", "for": "3 days", **WHERE}],
    "overdue": [{"overdue": "purchase", "by": "2 times", "usual gap": "2 days", "at least": "2 days", **WHERE}],
    "stage": [{"stage": "quiet"}],
    "status": [{"status": "active"}],
    "sum": [{"sum": "purchase.amount", "at least": 5, "within": "30 days", **WHERE}],
    "value": [{"value": "at least 5"}],
}
EACH: Final = [
    pytest.param(when, id=f"{word} {number}")
    for word, conditions in CONDITIONS.items()
    for number, when in enumerate(conditions)
]
LIFE: Final = (
    event("profile", 0.5, **VALUES),
    event("purchase", 1, **VALUES),
    event("login", 1.5, **VALUES),
    event("purchase", 2, **VALUES),
)


def compiled(*content: Any, personal: frozenset[str] = PERSONAL, **every: Any) -> RuleSet:
    policy = ForEveryRule.model_validate({name.replace("_", " "): value for name, value in every.items()})
    return compile_rules(RuleBook(content, {}, policy, personal=personal, ladders=(LADDER,)), TYPES)


def decided(ruleset: RuleSet, *events: DecodedEvent, upto_day: float = 40) -> Decided:
    return decide("ada", None, events or LIFE, ruleset, watched(ruleset), day(upto_day))


def shows(raw: bytes) -> list[str]:
    """Return which values occur in some bytes, in any of the forms in which a record could have them."""
    forms = {
        value: (str(value).encode(), msgspec.msgpack.encode(value), b64encode(str(value).encode()).rstrip(b"="))
        for value in (EMAIL, AMOUNT, BORN, "987654")
    }
    return [str(value) for value, written in forms.items() if any(form in raw for form in written)]


def records_of(outcome: Decided, *, with_variables: bool = False) -> bytes:
    """Return everything that is published, perhaps without the variables of templates."""
    contents = [
        msgspec.structs.replace(one, variables={}) if isinstance(one, Action) and not with_variables else one
        for one in outcome.decisions
    ]
    return msgspec.json.encode(contents)


def actions_of(outcome: Decided) -> list[Action]:
    return [one for one in outcome.decisions if isinstance(one, Action)]


def test_every_kind_of_condition_is_tried_here() -> None:
    assert set(CONDITIONS) == set(KINDS)


@pytest.mark.parametrize("when", EACH)
@pytest.mark.parametrize("negations", [0, 2])
def test_no_value_of_a_personal_attribute_is_in_why(when: dict[str, Any], negations: int) -> None:
    whole: Any = when
    for _ in range(negations):
        whole = {"not": whole}
    outcome = decided(compiled(rule(when=whole)), *LIFE)
    assert actions_of(outcome), "a rule that never acts shows nothing"
    assert shows(records_of(outcome)) == []


@pytest.mark.parametrize("when", EACH)
def test_a_rule_decides_the_same_and_has_the_same_version_whether_attributes_are_personal(when: Any) -> None:
    masked, plain = compiled(rule(when=when)), compiled(rule(when=when), personal=frozenset())
    assert masked.rules[0].version == plain.rules[0].version
    assert masked.rules[0].audience_hash == plain.rules[0].audience_hash
    one, other = decided(masked), decided(plain)
    assert [(action.action_id, action.status) for action in actions_of(one)] == [
        (action.action_id, action.status) for action in actions_of(other)
    ]
    assert one.stored == other.stored


@pytest.mark.parametrize("when", [CONDITIONS["latest"][0], CONDITIONS["date"][0], CONDITIONS["sum"][0]])
def test_the_same_values_are_shown_of_attributes_that_are_not_personal(when: Any) -> None:
    outcome = decided(compiled(rule(when=when), personal=frozenset({"login.other"})))
    assert shows(records_of(outcome))


def test_a_reason_still_says_the_bound_and_the_window() -> None:
    (action,) = actions_of(decided(compiled(rule(when=CONDITIONS["sum"][0], again_after="never")), upto_day=3))
    (reason,) = action.why
    assert (reason.observed, reason.bound, reason.window) == ("(personal)", "at least 5", "30 days")
    assert reason.condition == "purchase amount (email (personal)) adding up to at least 5 within 30 days"


@pytest.mark.parametrize(
    ("when", "condition", "bound"),
    [
        ({"is": EMAIL}, "the latest profile email is (personal)", "is (personal)"),
        ({"is not": "x"}, "the latest profile email is not (personal)", "is not (personal)"),
    ],
)
def test_a_value_that_a_rule_asks_for_is_masked_in_its_words(when: Any, condition: str, bound: str) -> None:
    (action,) = actions_of(decided(compiled(rule(when={"latest": "profile.email", **when})), upto_day=3))
    assert [(one.condition, one.bound, one.observed) for one in action.why] == [(condition, bound, "(personal)")]


def test_what_is_no_personal_value_of_a_filter_stays() -> None:
    when = {"count": "purchase", "at least": 1, "where": {"email": {"other than": "x"}, "currency": "EUR"}}
    (action,) = actions_of(decided(compiled(rule(when=when)), upto_day=3))
    assert action.why[0].condition == "at least 1 purchase (email other than (personal), currency EUR) ever"


def test_a_template_that_names_a_personal_attribute_gets_it_and_no_other_record_does() -> None:
    when = CONDITIONS["latest"][0]
    ruleset = compiled(rule("named", when=when, variables={"to": "profile.email"}), rule("unnamed", when=when))
    outcome = decided(ruleset)
    assert {one.rule.id: one.variables for one in actions_of(outcome)} == {"named": {"to": EMAIL}, "unnamed": {}}
    assert shows(records_of(outcome)) == []
    assert shows(records_of(outcome, with_variables=True)) == [EMAIL]


def test_a_retraction_has_no_personal_value_either() -> None:
    when = {"latest": "profile.email", "is": EMAIL}
    outcome = decided(compiled(rule(when=when)), *LIFE, event("profile", 5, email="other-77@example.com"))
    assert [action.status for action in actions_of(outcome)] == ["active", "retracted"]
    assert b"other-77" not in records_of(outcome)
    assert shows(records_of(outcome)) == []


def test_an_answer_about_consent_is_not_in_the_decision_nor_counted_by_what_it_is() -> None:
    consent = {"from": "profile.consent", "opted out": ["no"]}
    events = [event("profile", 0.5, consent="ask mara"), event("purchase", 1)]
    for personal, said in ((PERSONAL, "(personal)"), (frozenset[str](), "ask mara")):
        outcome = decided(
            compiled(rule(when={"none": "purchase", "for": "3 days"}), personal=personal, consent=consent), *events
        )
        (decision,) = outcome.decisions
        assert isinstance(decision, Decision)
        assert decision.detail == f"not understood: the customer's answer '{said}' is neither yes nor no"
        assert outcome.not_understood == [said]


def test_a_personal_time_zone_keeps_the_night_and_is_not_published() -> None:
    night: dict[str, Any] = {
        "quiet_hours": {"from": "21:00", "until": "08:00"},
        "time_zone": {"from": "profile.zone"},
    }
    events = [event("profile", 0.5, zone="Asia/Tokyo"), event("purchase", 1.5)]
    quiet = rule(when={"none": "purchase", "for": "10 days"})
    (hidden,) = actions_of(decided(compiled(quiet, **night), *events))
    (plain,) = actions_of(decided(compiled(quiet, personal=frozenset(), **night), *events))
    assert (hidden.time_zone, plain.time_zone) == (None, "Asia/Tokyo")
    assert hidden.not_before == plain.not_before is not None


def test_an_action_that_waited_under_an_earlier_rule_is_worded_without_values() -> None:
    """It is stored as numbers and the value, and put into words once its rule is another one."""
    later = {"all": [{"latest": "profile.email", "is not": "x"}, {"none": "login", "for": "10 days"}]}
    before, now = compiled(rule(when=WAITS)), compiled(rule(when=later))
    seen = watched(before, cancellation=5)
    stored = decide("ada", None, [*LIFE, event("purchase", 12)], before, seen, day(12)).stored
    known = now.as_activated(2, {}, former=FormerRules(before.contents, now))
    outcome = decide("ada", stored, [event("complaint", 13)], known, watched(now))
    (action,) = actions_of(outcome)
    assert [(one.bound, one.observed) for one in action.why[:2]] == [
        ("is (personal)", "(personal)"),
        ("none for 9 days", "last on 2024-01-02 12:00 UTC"),
    ]
    assert shows(records_of(outcome)) == []


def test_words_that_are_stored_of_an_action_that_waits_have_no_value() -> None:
    """Layout 3 keeps what waits in words."""
    ruleset = compiled(rule(when=WAITS))
    events = [*LIFE, event("purchase", 12)]
    outcome = decide("ada", None, events, ruleset, watched(ruleset, cancellation=5), day(12), layout=3)
    (candidate,) = outcome.facts.candidates
    assert candidate.why
    assert shows(msgspec.json.encode(candidate.why)) == []


def test_a_rule_set_without_personal_attributes_that_it_reads_has_the_hash_that_it_had() -> None:
    content = rule(when={"latest": "profile.email", "is": EMAIL})
    plain = compiled(content, personal=frozenset())
    assert compiled(content, personal=frozenset({"profile.phone", "login.email"})).hash == plain.hash
    assert compiled(content).hash != plain.hash, "the words of two workers would differ"


def test_what_decides_about_contact_is_read_as_well() -> None:
    consent: dict[str, Any] = {"consent": {"from": "profile.consent", "opted out": ["no"]}}
    assert compiled(rule(), **consent).hash != compiled(rule(), personal=frozenset(), **consent).hash


def test_it_costs_nothing_where_nothing_is_personal() -> None:
    ruleset = compiled(rule(when=CONDITIONS["latest"][0]), personal=frozenset())
    (active,) = decider_of(ruleset).program.rules
    assert isinstance(active.condition, Elementary)
    assert active.condition.is_personal is False
