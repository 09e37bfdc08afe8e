"""Laws of a new meaning: a release that reads the same rules otherwise sends nothing because of it.

The meaning before is played by a history that is not known to be complete: what is counted was not observable then.
"""

from typing import Any

import pytest

from schemas.rules import Rule
from tests.support.builders import day, event, rule, watched
from tests.unit.core.decisions.test_admission import QUIET_10, Customer, compiled
from workers.core.coverage import Coverage
from workers.core.rules.rule_set import RuleSet

pytestmark = pytest.mark.usefixtures("each_layout")

NO_COMPLAINT = {"count": "nps", "exactly": 0, "within": "30 days"}
ALL_TYPES = ("purchase", "login", "cancellation", "profile", "nps")


class Upgraded(Customer):
    """A customer of the release before, decided until a day; then of this release."""

    def __init__(self, *content: Rule, until_day: float) -> None:
        super().__init__(activated(1, 0, *content))
        self.content, self.until_day = content, until_day

    def before(self, *events: Any, upto_day: float = 0) -> list[str]:
        return self.turn(*events, upto_day=upto_day, observed=watched(self.rules, whole=False))

    def upgrade(self, *content: Rule, changed_at: int = 1) -> None:
        self.rules = activated(2, 2, *(content or self.content), changed_at=changed_at)

    def after(self, *events: Any, upto_day: float = 0, **lagging: float) -> list[str]:
        known = watched(self.rules)
        meant = {name: day(lagging.get(name, self.until_day)) for name in ALL_TYPES}
        return self.turn(*events, upto_day=upto_day, observed=Coverage(known.since, {}, known.complete, meant))


def activated(generation: int, meaning_generation: int, *content: Rule, changed_at: int = 1) -> RuleSet:
    ruleset = compiled(*content)
    began = {one.id: (changed_at, day(70) if changed_at > 1 else 0) for one in ruleset.rules}
    return ruleset.as_activated(generation, began, (meaning_generation, 0))


def test_a_customer_who_matches_a_rule_only_by_the_new_meaning_has_matched_it_already() -> None:
    customer = Upgraded(rule("soft", when=NO_COMPLAINT), until_day=60)
    assert customer.before(event("purchase", 50), upto_day=60) == []
    customer.upgrade()
    assert customer.after(event("purchase", 61)) == []
    assert customer.after(upto_day=200) == []
    assert customer.facts.episodes["soft"].holds


def test_what_would_have_begun_by_the_new_meaning_before_the_upgrade_is_not_made_up_for() -> None:
    customer = Upgraded(rule("soft", when={"known for": "14 days"}, unless={"not": NO_COMPLAINT}), until_day=70)
    assert customer.before(event("purchase", 50), upto_day=70) == []
    customer.upgrade()
    assert customer.after(event("purchase", 71)) == []
    assert customer.after(upto_day=200) == []


@pytest.mark.parametrize("with_event", [True, False])
def test_what_falls_due_after_the_upgrade_is_decided_as_ever(with_event: bool) -> None:
    customer = Upgraded(rule("soft", when=QUIET_10), until_day=60)
    assert customer.before(event("purchase", 55), upto_day=60) == []
    customer.upgrade()
    asked = customer.after(event("login", 70)) if with_event else customer.after(upto_day=70)
    assert asked == ["soft active 65"]


def test_what_the_release_before_still_waited_for_is_decided_as_ever() -> None:
    """Log-ins were seen until day 56 only, so the rule was not decided on day 65."""
    both = {"all": [QUIET_10, {"none": "login", "for": "5 days"}]}
    customer = Upgraded(rule("soft", when=both), until_day=70)
    blind = watched(customer.rules, login=56)
    customer.turn(event("login", 50), event("purchase", 55), observed=blind)
    assert customer.turn(upto_day=70, observed=blind) == []
    customer.upgrade()
    assert customer.after(upto_day=70, login=56) == ["soft active 65"]


def test_those_who_match_already_are_included_for_a_change_of_the_rule_and_not_for_a_new_meaning() -> None:
    include = rule("soft", when=NO_COMPLAINT, existing="include", pace="at most 5 per hour")
    by_meaning = Upgraded(include, until_day=60)
    by_meaning.before(event("purchase", 50), upto_day=60)
    by_meaning.upgrade()
    assert by_meaning.after(upto_day=100) == []
    by_change = Upgraded(rule("soft", when=QUIET_10), until_day=60)
    by_change.before(event("purchase", 50.5), upto_day=60)
    by_change.upgrade(include, changed_at=2)
    assert by_change.after(upto_day=100) == ["soft active 70"]


def test_how_long_a_condition_has_lasted_goes_on_through_an_upgrade() -> None:
    customer = Upgraded(rule("soft", when=QUIET_10, for_="30 days"), until_day=70)
    customer.before(event("purchase", 50), upto_day=70)
    customer.upgrade()
    assert customer.after(upto_day=200) == ["soft active 90"]


def test_an_action_of_before_is_taken_back_after_the_upgrade() -> None:
    customer = Upgraded(rule("soft", when=QUIET_10), until_day=62)
    assert customer.before(event("purchase", 50), upto_day=62) == ["soft active 60"]
    customer.upgrade()
    assert customer.after(event("purchase", 63)) == ["soft customer_returned 60"]


def test_new_customers_are_decided_by_the_new_meaning_at_once() -> None:
    customer = Upgraded(rule("soft", when=NO_COMPLAINT), until_day=60)
    customer.upgrade()
    assert customer.after(event("purchase", 61)) == ["soft active 61"]
