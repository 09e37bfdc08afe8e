"""Laws of deciding, each as a short story of one customer.

Day 0 is a midnight. A story lists what happened and until when time went on; `timeline` is what a mailer receives.
"""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import msgspec
import pytest

from schemas.actions import Action, Decision, action_id
from schemas.rules import Rule
from tests.support.builders import DAY, START, TYPES, day, event, rule, rules, watched
from tests.support.decided import Decided, OneCustomer, facts_in, in_layout, stored_of
from tests.support.oracle import left
from workers.core.customer.customer import RING
from workers.core.customer.stored import OtherLayout, UnknownLayout
from workers.core.events.decoding import DecodedEvent
from workers.customer_facts.facts import MAX_DAYS
from workers.customer_facts.texts import day_text

ALL_TYPES: Final = (*TYPES, "nps")
pytestmark = pytest.mark.usefixtures("each_layout")

QUIET: Final = {"none": "purchase", "for": "10 days"}
# True on days with a log-in, as long as there was no purchase for five days: it can become false by time alone.
VISITS: Final = {"all": [{"count": "login", "at least": 1, "within": "1 day"}, {"none": "purchase", "for": "5 days"}]}
MS: Final = 1 / DAY


class Story(OneCustomer):
    """One customer under some rules."""

    def __init__(self, *content: Rule, customer: str = "ada", since_day: float = 0, whole: bool = True) -> None:
        super().__init__(rules(*content, types=ALL_TYPES), customer)
        self.observed = watched(self.rules, since_day, whole)

    def turn(self, events: Sequence[DecodedEvent] = (), until_day: float | None = None) -> Decided:
        return self.decide(events, self.observed, 0 if until_day is None else day(until_day))

    def happens(self, kind: str, at_day: float, **attributes: Any) -> "Story":
        self.turn([event(kind, at_day, **attributes)])
        return self

    def buys(self, *days: float) -> "Story":
        for at in days:
            self.happens("purchase", at)
        return self

    def logs_in(self, *days: float) -> "Story":
        for at in days:
            self.happens("login", at)
        return self

    def time_goes_on(self, until_day: float) -> "Story":
        self.turn((), until_day)
        return self

    def sees(self, **until_day: float) -> "Story":
        """From now on, types are seen until these days only; types that are not named have no limit."""
        self.observed = replace(self.observed, until={name: day(at) for name, at in until_day.items()})
        return self

    def with_rules(self, *content: Rule) -> "Story":
        self.rules = rules(*content, types=ALL_TYPES)
        self.observed = watched(self.rules)
        return self

    @property
    def timeline(self) -> list[tuple[str, float]]:
        """What was decided, and the day on which the episode began."""
        return [
            (word(decision), (decision.episode_started_at.timestamp() * 1000 - START) / DAY)
            for decision in self.decisions
        ]


def word(decision: Action | Decision) -> str:
    if isinstance(decision, Decision):
        return decision.decision
    return decision.status if decision.retracted_because is None else decision.retracted_because


def quiet(**content: Any) -> Rule:
    return rule("quiet", **{"when": QUIET, "expires_after": "14 days", "again_after": "30 days", **content})


# --- acting once --------------------------------------------------------------------------------------------------


def test_a_rule_acts_at_the_moment_at_which_it_becomes_true() -> None:
    assert Story(quiet()).buys(1.5).time_goes_on(11.5 - MS).timeline == []
    assert Story(quiet()).buys(1.5).time_goes_on(11.5).timeline == [("active", 11.5)]


def test_it_is_decided_at_its_due_time_however_late_it_is_polled() -> None:
    assert Story(quiet()).buys(1.5).time_goes_on(400).timeline == [("active", 11.5)]


def test_a_due_time_that_was_not_polled_is_decided_before_the_next_event() -> None:
    assert Story(quiet()).buys(1.5).logs_in(400).timeline == [("active", 11.5)]


def test_a_rule_acts_once_as_long_as_it_holds() -> None:
    story = Story(quiet(again_after="1 day")).buys(1).time_goes_on(11).logs_in(12, 13, 14).time_goes_on(400)
    assert story.timeline == [("active", 11)]


def test_an_event_that_makes_a_rule_true_is_acted_on_at_its_own_time() -> None:
    story = Story(rule("gone", when={"status": "cancelled"})).buys(1).happens("cancellation", 5.25)
    assert story.timeline == [("active", 5.25)]


def test_no_decision_is_made_about_an_unknown_customer() -> None:
    outcome = Story(quiet()).turn((), 400)
    assert (outcome.stored, outcome.decisions, outcome.due_ms) == (None, [], 0)


@pytest.mark.parametrize("status", ["draft", "paused"])
def test_a_rule_that_is_not_in_force_decides_nothing(status: str) -> None:
    assert Story(quiet(status=status)).buys(1).time_goes_on(400).timeline == []


def test_each_rule_decides_for_itself() -> None:
    other = rule("other", when={"none": "purchase", "for": "20 days"}, action="win-back")
    assert Story(quiet(), other).buys(1).time_goes_on(400).timeline == [("active", 11), ("active", 21)]


def test_a_rule_whose_truth_is_unknown_neither_begins_nor_ends_an_episode() -> None:
    story = Story(quiet(when={"none": "login", "for": "10 days"}), since_day=0).buys(1)
    assert story.time_goes_on(11 - MS).timeline == []
    assert story.time_goes_on(11).timeline == [("active", 11)]


# --- what cannot be known -----------------------------------------------------------------------------------------

AWAY: Final = {"last": "purchase", "at least": "5 days ago"}
UNKNOWN: Final = {"all": [AWAY, {"none": "login", "for": "20 days"}]}


def test_what_time_would_make_true_if_more_were_known_is_told_with_the_day_from_which_it_is_known() -> None:
    story = Story(rule("away", when=UNKNOWN)).buys(1).time_goes_on(400)
    assert story.timeline == [("not_observable", 6), ("active", 21)]
    (decision,) = [record for record in story.decisions if isinstance(record, Decision)]
    assert decision.detail == "it cannot be known whether the rule holds: known from 2024-01-22 on"


def test_what_only_an_event_can_show_says_so() -> None:
    told_by_event = {"all": [AWAY, {"not": {"latest": "nps.score", "at most": 6}}]}
    story = Story(rule("away", when=told_by_event)).happens("nps", 0.5).buys(1).time_goes_on(400)
    (decision,) = [record for record in story.decisions if isinstance(record, Decision)]
    assert (word(decision), decision.detail) == (
        "not_observable",
        "it cannot be known whether the rule holds: only an event can show it",
    )


def test_what_cannot_be_known_is_told_once_however_often_it_is_looked_at() -> None:
    story = Story(rule("away", when=UNKNOWN)).buys(1)
    for at in (6, 7, 8, 9, 20):
        story.time_goes_on(at)
    assert story.timeline == [("not_observable", 6)]


def test_an_event_that_leaves_a_rule_unknown_tells_nothing() -> None:
    story = Story(rule("known", when={"none": "login", "for": "20 days"})).buys(1, 2, 3)
    assert story.timeline == []


@pytest.mark.parametrize("status", ["draft", "paused"])
def test_of_a_rule_that_is_not_in_force_it_is_not_told_what_cannot_be_known(status: str) -> None:
    assert Story(rule("away", when=UNKNOWN, status=status)).buys(1).time_goes_on(400).timeline == []


def test_an_episode_that_cannot_be_known_any_longer_goes_on_and_is_not_told() -> None:
    story = Story(rule("away", when=AWAY)).buys(1).time_goes_on(400)
    assert story.timeline == [("active", 6)]


# --- again --------------------------------------------------------------------------------------------------------


def test_a_new_episode_within_the_pause_is_reported_and_not_acted_on() -> None:
    story = Story(quiet(again_after="30 days")).buys(1).time_goes_on(26).buys(27).time_goes_on(40.9)
    assert story.timeline == [("active", 11), ("cooling_down", 37)]


def test_the_pause_counts_from_the_action_to_the_next_episode_to_the_millisecond() -> None:
    for at_day, expected in ((31 - MS, "cooling_down"), (31, "active")):
        story = Story(quiet(again_after="30 days")).buys(1).time_goes_on(26).buys(at_day).time_goes_on(100)
        assert story.timeline == [("active", 11), (expected, at_day + 10)]


def test_an_episode_that_began_within_the_pause_stays_silent_when_the_pause_is_over() -> None:
    story = Story(quiet(again_after="30 days")).buys(1).time_goes_on(26).buys(27).time_goes_on(400)
    assert story.timeline == [("active", 11), ("cooling_down", 37)]


def test_a_rule_that_acts_never_again_does_not() -> None:
    story = Story(quiet(again_after="never")).buys(1).time_goes_on(300).buys(301).time_goes_on(5_000)
    assert story.timeline == [("active", 11), ("cooling_down", 311)]
    assert "never acts again" in getattr(story.decisions[1], "detail", "")


def test_a_suppressed_episode_does_not_prolong_the_pause() -> None:
    story = Story(quiet(again_after="30 days")).buys(1, 25.5, 36).time_goes_on(400)
    assert [entry for entry in story.timeline if entry[0] != "customer_returned"] == [
        ("active", 11),
        ("cooling_down", 35.5),
        ("active", 46),
    ]


def test_the_pause_of_one_rule_is_none_for_another() -> None:
    story = Story(quiet(), rule("other", when=QUIET, action="win-back")).buys(1).time_goes_on(11)
    assert story.timeline == [("active", 11)] * 2


# --- coming back --------------------------------------------------------------------------------------------------


def test_when_she_comes_back_the_action_is_taken_back() -> None:
    story = Story(quiet()).buys(1).time_goes_on(11).buys(20)
    assert story.timeline == [("active", 11), ("customer_returned", 11)]
    first, second = story.decisions
    assert isinstance(second, Action)
    assert second.action_id == first.action_id
    assert second.status == "retracted"
    assert second.retracted_at is not None
    assert second.retracted_at.timestamp() * 1000 == day(20)


def test_what_is_taken_back_once_is_not_taken_back_again() -> None:
    story = Story(quiet()).buys(1).time_goes_on(11).buys(12, 13, 14)
    assert story.timeline == [("active", 11), ("customer_returned", 11)]


def test_what_has_expired_is_not_taken_back() -> None:
    for at_day, expected in ((25 - MS, ["active", "customer_returned"]), (25, ["active"]), (26, ["active"])):
        story = Story(quiet(expires_after="14 days")).buys(1).time_goes_on(11).buys(at_day)
        assert [entry for entry, _ in story.timeline] == expected


def test_the_pause_goes_on_after_she_came_back() -> None:
    story = Story(quiet(again_after="30 days")).buys(1).time_goes_on(11).buys(12).time_goes_on(400)
    assert story.timeline == [("active", 11), ("customer_returned", 11), ("cooling_down", 22)]


def test_an_event_that_came_late_takes_the_action_back_as_if_it_had_never_been() -> None:
    story = Story(quiet(again_after="30 days")).buys(1).time_goes_on(11).buys(9).time_goes_on(400)
    assert story.timeline == [("active", 11), ("late_event", 11), ("active", 19)]


def test_an_event_that_came_late_restores_the_pause_of_the_action_before() -> None:
    story = Story(quiet(again_after="30 days")).buys(1).time_goes_on(26).buys(35).time_goes_on(45)
    assert story.timeline == [("active", 11), ("active", 45)]
    # The second action is disproved, so the first one's pause counts, and that is over on day 41.
    story.buys(30.5, 36).time_goes_on(46)
    assert story.timeline[2:] == [("late_event", 45), ("active", 46)]


SPURIOUS: Final = (
    "after a timer went ahead, a late event is judged at the customer's latest event, where the rule was not true "
    "yet: the action is taken back as disproved, and then given again under the same id"
)


def test_an_event_that_came_late_and_changes_nothing_takes_nothing_back() -> None:
    assert Story(quiet()).buys(5).time_goes_on(15).buys(2).time_goes_on(15).timeline == [("active", 15)]


def test_an_event_that_came_late_and_cannot_undo_the_rule_takes_nothing_back() -> None:
    seldom = rule("seldom", when={"all": [{"count": "login", "at least": 1}, QUIET]})
    story = Story(seldom).logs_in(1).buys(5).time_goes_on(15).logs_in(12).time_goes_on(15)
    assert story.timeline == [("active", 15)]


def test_if_what_comes_late_changes_nothing_the_action_stands_in_the_end() -> None:
    story = Story(quiet()).buys(5).time_goes_on(15)
    before = left(story.decisions)
    assert before == left(story.buys(2).time_goes_on(15).decisions)


def test_a_cancellation_that_makes_an_action_pointless_says_that_it_is_no_longer_true() -> None:
    loyal = rule("loyal", when={"all": [QUIET, {"status": "active"}]})
    story = Story(loyal).buys(1).time_goes_on(11).happens("cancellation", 12)
    assert story.timeline == [("active", 11), ("no_longer_true", 11)]


def test_when_only_time_passes_no_customer_has_come_back() -> None:
    story = Story(rule("visits", when=VISITS)).buys(1).logs_in(10).time_goes_on(100)
    assert story.timeline == [("active", 10)]


def test_who_comes_back_after_the_rule_ended_by_itself_is_still_back() -> None:
    story = Story(rule("visits", when=VISITS)).buys(1).logs_in(10).time_goes_on(12).buys(13)
    assert story.timeline == [("active", 10), ("customer_returned", 10)]


def test_an_event_that_the_rule_does_not_need_is_no_return() -> None:
    story = Story(rule("visits", when=VISITS, again_after="90 days")).buys(1).logs_in(10).time_goes_on(12).logs_in(13)
    assert story.timeline == [("active", 10), ("cooling_down", 13)]


def test_a_shadow_is_never_taken_back() -> None:
    assert Story(quiet(status="shadow")).buys(1).time_goes_on(11).buys(12).timeline == [("shadow", 11)]


def test_a_rule_has_one_action_at_a_time_that_has_not_expired() -> None:
    visits = rule("visits", when=VISITS, again_after="1 day", expires_after="14 days")
    story = Story(visits).buys(1).logs_in(10, 12).buys(13)
    assert story.timeline[:2] == [("active", 10), ("cooling_down", 12)]
    assert left(story.decisions) == {}


# --- too late, or only looked at ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("at_day", "expected"), [(26 + MS, "active"), (26, "stale"), (10, "stale")])
def test_what_would_have_expired_already_is_reported_as_stale(at_day: float, expected: str) -> None:
    story = Story(rule("angry", when={"count": "nps", "at least": 1}, expires_after="14 days")).logs_in(40)
    assert story.happens("nps", at_day).timeline == [(expected, at_day)]


def test_a_shadow_is_reported_once_in_each_episode_and_has_no_pause() -> None:
    story = Story(quiet(status="shadow", again_after="never")).buys(1).time_goes_on(11).buys(12).time_goes_on(30)
    assert story.timeline == [("shadow", 11), ("shadow", 22)]


def test_every_decision_not_to_act_says_why() -> None:
    story = Story(quiet()).buys(1).time_goes_on(26).buys(27).time_goes_on(400)
    (decision,) = [record for record in story.decisions if isinstance(record, Decision)]
    assert decision.detail == "acted on 2024-01-12, silent until 2024-02-11"


# --- events twice, late, and long ago -----------------------------------------------------------------------------


def total(story: Story, kind: str = "login") -> int:
    return story.facts.series[kind].total


def test_an_event_that_is_repeated_counts_once() -> None:
    story = Story(quiet())
    outcome = story.turn([event("login", 1, event_id="a"), event("login", 1, event_id="a")])
    assert (outcome.folded, outcome.duplicates, total(story)) == (1, 1, 1)
    outcome = story.turn([event("login", 9, event_id="a")])
    assert (outcome.folded, outcome.duplicates, total(story)) == (0, 1, 1)


def test_the_latest_ids_are_remembered_and_older_ones_are_not() -> None:
    story = Story(quiet())
    story.turn([event("login", 1 + number / 100, event_id=f"id{number}") for number in range(RING + 1)])
    for number, counted in ((1, RING + 1), (RING, RING + 1), (0, RING + 2)):
        story.turn([event("login", 2, event_id=f"id{number}")])
        assert total(story) == counted


def test_ids_of_another_customer_are_no_repetition() -> None:
    first, second = Story(quiet()), Story(quiet(), customer="bob")
    for story in (first, second):
        story.turn([event("login", 1, event_id="a")])
        assert total(story) == 1


def test_a_repeated_event_decides_nothing_that_is_due() -> None:
    story = Story(quiet()).happens("purchase", 1, event_id="a")
    outcome = story.turn([event("purchase", 300, event_id="a")])
    assert (outcome.decisions, outcome.folded) == ([], 0)
    assert outcome.due_ms == day(11)


def test_a_late_event_is_decided_at_the_customers_latest_moment() -> None:
    story = Story(rule("two", when={"count": "login", "at least": 2, "within": "7 days"})).logs_in(20).logs_in(5)
    assert story.timeline == []
    assert story.logs_in(19).timeline == [("active", 19)]


def test_an_event_older_than_all_windows_still_counts_for_ever() -> None:
    story = Story(rule("two", when={"count": "login", "at least": 2})).logs_in(500).logs_in(1)
    assert story.timeline == [("stale", 1)]
    assert story.facts.series["login"].days == [(day_text(day(500) // DAY), 1)]


# --- when to look again -------------------------------------------------------------------------------------------


def test_the_due_time_is_the_soonest_of_all_rules() -> None:
    story = Story(quiet(), rule("soon", when={"none": "purchase", "for": "3 days"}))
    assert story.turn([event("purchase", 1)]).due_ms == day(4)
    assert story.turn((), 4).due_ms == day(11)
    assert story.turn((), 11).due_ms == 0


def test_where_time_cannot_change_anything_there_is_no_due_time() -> None:
    assert Story(rule("gone", when={"status": "cancelled"})).turn([event("purchase", 1)]).due_ms == 0


def test_looking_too_early_changes_nothing() -> None:
    story = Story(quiet()).buys(1)
    for at_day in (1, 5, 10.99):
        outcome = story.turn((), at_day)
        assert (outcome.decisions, outcome.due_ms) == ([], day(11))


# --- what is not seen yet -----------------------------------------------------------------------------------------

LOYAL: Final = rule("loyal", when={"all": [{"count": "login", "at least": 1}, QUIET]}, again_after="90 days")


def test_a_timer_waits_until_every_type_of_its_rule_has_been_seen() -> None:
    story = Story(quiet()).buys(1).sees(purchase=8)
    outcome = story.turn((), 20)
    assert (outcome.decisions, outcome.due_ms, outcome.waiting) == ([], 0, {"purchase": day(11)})
    assert story.sees(purchase=11).time_goes_on(20).timeline == [("active", 11)]


def test_a_type_that_another_rule_needs_holds_up_no_other_rule() -> None:
    other = rule("other", when={"none": "login", "for": "10 days"})
    story = Story(quiet(), other).buys(1).logs_in(1).sees(login=3).time_goes_on(20)
    assert [decision.rule.id for decision in story.decisions] == ["quiet"]


def test_an_action_that_an_unseen_event_could_undo_is_held() -> None:
    story = Story(LOYAL).buys(1).logs_in(2).sees(purchase=8).logs_in(12)
    assert story.timeline == []
    assert story.sees(purchase=11).time_goes_on(12).timeline == [("active", 11)]


def test_a_held_action_waits_for_the_type_that_it_needs() -> None:
    story = Story(LOYAL).buys(1).logs_in(2).sees(purchase=8)
    assert story.turn([event("login", 12)]).waiting == {"purchase": day(11)}


@pytest.mark.parametrize(("back", "because"), [(9, "late_event"), (13, "customer_returned")])
def test_of_an_action_that_was_taken_back_while_it_was_held_only_the_retraction_is_published(
    back: float, because: str
) -> None:
    """It may have been published by steps that Redis has lost since: this is the retraction that belonged to it."""
    held = Story(LOYAL).buys(1).logs_in(2).sees(purchase=8).logs_in(12).buys(back)
    held.sees().time_goes_on(18)
    assert held.timeline == [(because, 11)]
    live = Story(LOYAL).buys(1).logs_in(2).logs_in(12).buys(back)
    assert held.decisions == live.decisions[1:]


def test_several_actions_may_be_held_and_none_is_lost() -> None:
    visits = rule("visits", when=VISITS, again_after="1 day", expires_after="1 day")
    story = Story(visits).buys(1).sees(purchase=2).logs_in(10, 12, 14).sees(purchase=11).time_goes_on(14)
    assert story.timeline == [("active", 10)]
    assert story.sees().time_goes_on(20).timeline == [("active", 10), ("active", 12), ("active", 14)]


def test_a_lower_bound_waits_for_nothing() -> None:
    story = Story(rule("two", when={"count": "login", "at least": 2})).sees(purchase=0, cancellation=0).logs_in(1, 2)
    assert story.timeline == [("active", 2)]


def test_a_held_action_of_a_rule_that_was_paused_is_not_sent() -> None:
    story = Story(LOYAL).buys(1).logs_in(2).sees(purchase=8).logs_in(12)
    paused = rule("loyal", when={"all": [{"count": "login", "at least": 1}, QUIET]}, status="paused")
    assert story.with_rules(paused).sees(purchase=8).time_goes_on(13).timeline == [("held", 11)]


# --- what an action carries ---------------------------------------------------------------------------------------


def only(story: Story) -> Action:
    (action,) = story.decisions
    assert isinstance(action, Action)
    return action


def test_an_action_carries_what_the_rule_says() -> None:
    action = only(Story(quiet(action="win-back", template="come-back")).buys(1).time_goes_on(11))
    assert (action.action, action.template, action.rule.id, action.customer_id) == (
        "win-back",
        "come-back",
        "quiet",
        "ada",
    )
    assert action.expires_at.timestamp() * 1000 == day(25)
    assert action.why[0].condition == "no purchase for 10 days"


def test_variables_are_those_of_the_latest_event_of_their_type() -> None:
    quiet_rule = quiet(variables={"reason": "nps.reason", "score": "nps.score", "sum": "purchase.amount"})
    story = Story(quiet_rule).happens("nps", 1, reason="old", score=1).happens("nps", 2, reason="new", score=2.5)
    story.happens("nps", 1.5, reason="late", score=9).buys(3)
    assert only(story.time_goes_on(13)).variables == {"reason": "new", "score": 2.5, "sum": 20}


def test_of_two_events_at_the_same_moment_the_later_in_the_log_gives_the_variables() -> None:
    story = (
        Story(quiet(variables={"reason": "nps.reason"})).happens("nps", 1, reason="a").happens("nps", 1, reason="b")
    )
    assert only(story.buys(2).time_goes_on(12)).variables == {"reason": "b"}


def test_an_attribute_that_the_latest_event_does_not_have_is_none() -> None:
    story = Story(quiet(variables={"reason": "nps.reason"})).happens("nps", 1, reason="a").happens("nps", 2)
    assert only(story.buys(3).time_goes_on(13)).variables == {"reason": None}


def test_money_is_written_as_it_was() -> None:
    story = Story(quiet(variables={"sum": "purchase.amount"})).happens("purchase", 1, amount=Decimal("19.90"))
    assert only(story.time_goes_on(11)).variables == {"sum": "19.90"}


def test_the_id_of_an_action_depends_on_rule_customer_and_beginning_and_on_nothing_else() -> None:
    first = only(Story(quiet()).buys(1).time_goes_on(11))
    edited = quiet(
        template="other", action="win-back", expires_after="3 days", description="…", variables={"a": "nps.b"}
    )
    second = only(Story(edited).logs_in(0.5).buys(1).time_goes_on(300))
    assert first.action_id == second.action_id == action_id("quiet", "ada", day(11))
    assert first.rule.version != second.rule.version
    assert UUID(first.action_id).version == 5
    others = {
        only(Story(quiet(), customer="bob").buys(1).time_goes_on(11)).action_id,
        only(Story(quiet()).buys(1 + MS).time_goes_on(12)).action_id,
        only(Story(rule("quiet2", when=QUIET)).buys(1).time_goes_on(11)).action_id,
    }
    assert len(others | {first.action_id}) == 4


def test_no_two_customers_can_be_given_the_same_id_by_an_odd_name() -> None:
    names = ["ada", "ada\n", "\nada", f"ada\n{day(11)}\nada", f"{day(11)}\nada", "", " "]
    ids = {action_id(name, customer, day(at)) for name in ("a", "quiet") for customer in names for at in (10, 11)}
    assert len(ids) == 2 * len(names) * 2


# --- what is stored -----------------------------------------------------------------------------------------------


def test_what_is_stored_is_read_as_it_was() -> None:
    story = Story(LOYAL, quiet(variables={"reason": "nps.reason"})).buys(1, 2).logs_in(3).sees(purchase=5)
    story.happens("nps", 14, reason="ü").logs_in(15)
    assert story.stored is not None
    assert in_layout(story.stored, story.rules, story.layout) == story.stored
    assert facts_in(story.stored, rules(quiet(), types=ALL_TYPES)).series == story.facts.series


def test_an_ordinary_customer_takes_less_than_400_bytes() -> None:
    """Six purchases a year, a log-in a week, under two rules of the usual kind."""
    loyal = rule("loyal", when={"all": [{"count": "purchase", "at least": 3, "within": "365 days"}, QUIET]})
    dry = rule("dry", when={"all": [{"count": "login", "at least": 6, "within": "60 days"}, {"status": "active"}]})
    story = Story(loyal, dry)
    for at in range(0, 360, 60):
        story.buys(at)
    story.logs_in(*range(310, 366, 7)).time_goes_on(370)
    assert story.stored is not None
    assert len(story.stored) <= 400


LONG: Final = rule(
    "long",
    when={
        "all": [
            {"count": "purchase", "at most": 500, "within": "730 days"},  # never true of a customer who buys daily
            {"count": "login", "at least": 1, "within": "730 days"},
        ]
    },
)


def busy(days: int) -> list[DecodedEvent]:
    return [event(kind, at + 0.5, event_id=f"{kind}{at}") for at in range(days) for kind in ("purchase", "login")]


def test_of_a_customer_who_does_something_every_day_the_oldest_days_go() -> None:
    story = Story(LONG)
    story.turn(busy(900))
    kept = story.facts.series
    assert sum(len(series.days) for series in kept.values()) == MAX_DAYS
    assert kept["purchase"].total == 900
    assert kept["purchase"].days == [(day_text(day(at) // DAY), 1) for at in range(900 - MAX_DAYS // 2, 900)]
    assert kept["purchase"].incomplete_until == day_text(day(899 - MAX_DAYS // 2) // DAY)


def test_the_borders_of_batches_change_nothing_for_a_customer_beyond_the_limit() -> None:
    at_once, one_by_one = Story(LONG), Story(LONG)
    at_once.turn(busy(900))
    for next_event in busy(900):
        one_by_one.turn([next_event])
    assert at_once.stored is not None
    assert at_once.stored == one_by_one.stored


def test_a_customer_with_all_the_days_that_are_kept_and_one_more_is_exported_and_imported() -> None:
    """A series that begins takes its first days without asking for room."""
    story = Story(LONG)
    story.turn(busy(900))
    facts = story.happens("nps", 900.5).facts
    assert sum(len(series.days) for series in facts.series.values()) == MAX_DAYS + 1
    assert facts_in(stored_of(facts, story.rules, story.layout), story.rules) == facts


def test_days_that_were_dropped_do_not_make_anybody_a_rare_customer() -> None:
    story = Story(LONG)
    for chunk in range(0, 900, 50):
        story.turn([next_event for next_event in busy(900) if chunk <= (next_event.at_ms - START) / DAY < chunk + 50])
    # Only at the very first log-in: until then there were few purchases, as of every new customer.
    assert story.timeline == [("active", 0.5)]


def test_what_waits_until_it_was_seen_takes_no_history_away() -> None:
    """Fifty actions wait, and each says why; all is decided as if nothing had waited."""
    often = [
        rule(f"rule-{number}", again_after="8 days", expires_after="8 days", when={"all": [
            {"count": "purchase", "at least": number, "within": "365 days"}, {"none": "purchase", "for": "8 days"}
        ]})
        for number in range(1, 11)
    ]  # fmt: skip
    waiting, free = Story(*often), Story(*often)
    for at in range(0, 200, 10):
        waiting.sees(purchase=0.5).buys(at)
        free.buys(at)
    waiting.sees().time_goes_on(300)
    free.time_goes_on(300)
    # What was taken back before it was sent was never sent.
    assert [decision for decision in waiting.decisions if word(decision) == "active"][-10:] == free.decisions[-10:]


def test_the_texts_of_a_customer_are_cut() -> None:
    story = Story(quiet(variables={f"v{number}": f"nps.t{number}" for number in range(5)}))
    story.happens("nps", 1, **{f"t{number}": "x" * 1_000 for number in range(5)})
    assert story.stored is not None
    assert len(story.stored) <= 1_200


@pytest.mark.parametrize(
    "raw", [b"", b"\x00", b"\xff", b"not msgpack", b"\x99" + b"\xc0" * 9, b"\x91\x01junk", b"\x03"]
)
def test_what_is_damaged_is_named_as_that(raw: bytes) -> None:
    with pytest.raises(UnknownLayout):
        facts_in(raw, rules(quiet()))


def test_what_another_version_wrote_is_not_guessed_at() -> None:
    with pytest.raises(OtherLayout, match="layout 5, this version reads 3 and 4"):
        facts_in(b"\x05whatever", rules(quiet()))
    with pytest.raises(OtherLayout, match=r"layout 2, .*linger rebuild"):
        facts_in(msgspec.msgpack.encode([2, 0, 0]), rules(quiet()))


def test_a_rule_that_is_gone_is_kept_and_known_again_when_it_comes_back() -> None:
    story = Story(quiet()).buys(1).time_goes_on(12)
    assert story.stored is not None
    before, another = story.facts, rules(rule("another"), types=ALL_TYPES)
    without = facts_in(story.stored, another)
    assert [name[0] for name in without.episodes] == ["#"]
    back = rules(rule("another"), quiet(), types=ALL_TYPES)
    assert facts_in(in_layout(story.stored, another, story.layout), back).episodes == before.episodes


def test_two_rules_that_look_the_same_in_what_is_stored_are_not_taken() -> None:
    """Of a million ids, two have the same five bytes."""
    with pytest.raises(ValueError, match="quiet-77252"):
        rules(rule("quiet-77252"), rule("quiet-1612437"))


# --- why an action is taken back, and when it stands --------------------------------------------------------------

UNHAPPY: Final = {"all": [{"count": "nps", "exactly": 0, "within": "5 days"}, {"none": "purchase", "for": "10 days"}]}


def test_a_customer_has_returned_only_with_a_sign_of_life() -> None:
    story = Story(rule("quiet", when=UNHAPPY, expires_after="60 days")).buys(1).time_goes_on(11).happens("nps", 12)
    assert story.timeline == [("active", 11), ("no_longer_true", 11)]
    assert Story(quiet()).buys(1).time_goes_on(11).buys(12).timeline == [("active", 11), ("customer_returned", 11)]


def test_a_declared_type_is_a_sign_of_life_if_it_says_so() -> None:
    story = Story(rule("quiet", when=UNHAPPY, expires_after="60 days"))
    story.rules = replace(story.rules, signs_of_life=frozenset({"nps"}))
    assert story.buys(1).time_goes_on(11).happens("nps", 12).timeline == [("active", 11), ("customer_returned", 11)]


def test_an_action_that_is_never_taken_back_stands_when_its_rule_no_longer_holds() -> None:
    stands = quiet(take_back="never")
    assert Story(stands).buys(1).time_goes_on(11).buys(12).timeline == [("active", 11)]
    assert Story(stands).buys(1).time_goes_on(11).happens("cancellation", 12).timeline == [("active", 11)]
    waits = Story(stands).sees(purchase=5).buys(1).time_goes_on(11).logs_in(11.5).buys(12)
    assert waits.sees().time_goes_on(13).timeline == [("active", 11)]


def test_an_action_that_is_never_taken_back_is_when_it_was_wrong() -> None:
    """A purchase of before arrives late."""
    story = Story(quiet(take_back="never")).buys(1).time_goes_on(11).buys(9)
    assert story.timeline == [("active", 11), ("late_event", 11)]


def test_an_id_counts_once_for_each_type() -> None:
    story = Story(quiet())
    for kind in ("purchase", "cancellation", "purchase", "login"):
        story.turn([event(kind, 1, event_id="18")])
    assert {name: facts.total for name, facts in story.facts.series.items()} == {
        "purchase": 1,
        "cancellation": 1,
        "login": 1,
    }


def test_an_id_that_release_0_1_has_remembered_does_not_count_again() -> None:
    story = Story(quiet())
    story.rules = replace(story.rules, meaning_generation=1)  # release 0.1 gave rules an earlier meaning
    story.buys(1)
    again = event("purchase", 1, event_id="before")
    known = story.facts
    ids = [again.fingerprint_of_0_1().hex(), *known.event_ids]
    story.stored = stored_of(msgspec.structs.replace(known, event_ids=ids), story.rules, story.layout)
    for _ in range(2):
        story.turn([again])
    assert total(story, "purchase") == 1


def test_an_episode_of_a_rule_that_became_another_one_ends_although_too_little_has_happened_for_it_to_hold() -> None:
    # It is not known whether the new rule holds, so the episode of the old one goes on, until an event shows it.
    before = rule("changed", when={"known for": "2 days"})
    after = rule("changed", when={"all": [{"count": "nps", "at least": 1}, QUIET]})
    story = Story(before, since_day=-1, whole=False).logs_in(0).time_goes_on(3)
    story.rules = rules(after, types=ALL_TYPES).as_activated(1, {"changed": (1, 0)})
    story.observed = watched(story.rules, -1, whole=False)
    assert story.buys(4).timeline == [("active", 2), ("customer_returned", 2)]
