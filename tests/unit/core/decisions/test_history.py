"""Laws of history: what is loaded builds activity and never acts; what falls due after it acts as usual."""

from typing import Any

import msgspec
import pytest

from tests.support.builders import event, rule, watched
from tests.support.decided import moment
from tests.unit.core.decisions.test_admission import QUIET_10, Customer, compiled, live_at
from workers.core.customer.customer import KNOWN
from workers.core.events.decoding import DecodedEvent

pytestmark = pytest.mark.usefixtures("each_layout")

SOFT = rule("soft", when=QUIET_10)
GONE = rule("gone", when={"status": "cancelled"}, action="win-back")


def past(kind: str, at_day: float, until: float = 100, **attributes: Any) -> DecodedEvent:
    """An event of history that is loaded up to a day."""
    return event(kind, at_day, history_until=until, **attributes)


def test_a_last_purchase_of_history_does_not_act_however_late_time_alone_begins_it() -> None:
    customer = Customer(compiled(SOFT))
    assert customer.turn(past("purchase", 1), past("purchase", 40)) == []
    assert customer.turn(upto_day=300) == []
    assert customer.facts.episodes["soft"].holds
    assert customer.facts.episodes["soft"].began == moment(50)


def test_a_due_time_after_the_history_acts_as_usual() -> None:
    customer = Customer(compiled(SOFT))
    customer.turn(past("purchase", 95))
    assert customer.turn(upto_day=300) == ["soft active 105"]


def test_a_due_time_at_the_very_end_of_history_acts_as_usual() -> None:
    customer = Customer(compiled(SOFT))
    customer.turn(past("purchase", 90))
    assert customer.turn(upto_day=300) == ["soft active 100"]


def test_a_customer_of_history_who_returns_is_decided_as_any_other() -> None:
    customer = Customer(compiled(SOFT))
    customer.turn(past("purchase", 1))
    assert customer.turn(event("purchase", 120), upto_day=125) == []
    assert customer.turn(upto_day=300) == ["soft active 130"]
    assert customer.turn(event("purchase", 135)) == ["soft customer_returned 130"]


def test_a_cancellation_of_history_wins_nobody_back() -> None:
    customer = Customer(compiled(GONE, rule("later", when={"status": "cancelled", "for": "30 days"})))
    customer.turn(past("purchase", 1))
    assert customer.turn(past("cancellation", 50), upto_day=300) == []


def test_a_win_back_that_waits_beyond_the_history_is_sent() -> None:
    customer = Customer(compiled(GONE, rule("later", when={"status": "cancelled", "for": "30 days"})))
    customer.turn(past("cancellation", 80))
    assert customer.turn(upto_day=300) == ["later active 110"]


def test_a_cancellation_after_the_history_is_a_win_back_at_once() -> None:
    customer = Customer(compiled(GONE))
    customer.turn(past("purchase", 1))
    assert customer.turn(event("cancellation", 101)) == ["gone active 101"]


def test_how_long_a_rule_must_hold_counts_from_history() -> None:
    customer = Customer(compiled(rule("soft", when=QUIET_10, for_="30 days")))
    customer.turn(past("purchase", 50))
    assert customer.turn(upto_day=300) == []
    customer = Customer(compiled(rule("soft", when=QUIET_10, for_="30 days")))
    customer.turn(past("purchase", 65))
    assert customer.turn(upto_day=300) == ["soft active 105"]


def test_history_tells_nothing_of_rules_that_were_not_observable_then() -> None:
    away = {"all": [{"last": "purchase", "at least": "5 days ago"}, {"none": "login", "for": "20 days"}]}
    for one, expected in ((past("purchase", 1), []), (event("purchase", 1), ["away not_observable 6"])):
        customer = Customer(compiled(rule("away", when=away)))
        customer.turn(one)
        assert customer.turn(upto_day=15) == expected


def test_shadow_rules_and_held_out_customers_of_history_are_not_reported() -> None:
    shadow, held = rule("shadow", when=QUIET_10, status="shadow"), rule("held", when=QUIET_10, hold_out="50%")
    for name in ("ada", "bob", "cyd", "dan", "eve"):
        customer = Customer(compiled(shadow, held), name)
        customer.turn(past("purchase", 1, customer=name))
        assert customer.turn(upto_day=300) == []


# -- whose history, and of what --------------------------------------------------------------------------------


def test_a_rule_about_another_type_is_not_silenced() -> None:
    """Purchases are history of one source, log-ins come live from another."""
    seldom = rule("seldom", when={"none": "login", "for": "10 days"})
    for events in ([past("purchase", 1), event("login", 50)], [event("login", 50), past("purchase", 1)]):
        customer = Customer(compiled(seldom, SOFT))
        customer.turn(*events)
        assert customer.turn(upto_day=300) == ["seldom active 60"]


def test_a_rule_that_also_reads_history_is_held_back_by_it() -> None:
    both = rule("both", when={"all": [QUIET_10, {"none": "login", "for": "10 days"}]})
    customer = Customer(compiled(both))
    customer.turn(past("purchase", 1), event("login", 50))
    assert customer.turn(upto_day=300) == []


def test_who_is_known_from_history_only_is_not_missed_for_what_never_happened() -> None:
    """Nothing of log-ins is known, but that there was none since the first purchase of history."""
    customer = Customer(compiled(rule("seldom", when={"none": "login", "for": "10 days"})))
    customer.turn(past("purchase", 1))
    assert customer.turn(upto_day=300) == []
    assert customer.turn(event("login", 301), upto_day=400) == ["seldom active 311"]


def test_who_is_known_from_history_only_is_not_greeted_for_it() -> None:
    loyal = rule("loyal", when={"known for": "30 days"})
    customer = Customer(compiled(loyal))
    customer.turn(past("purchase", 1))
    assert customer.turn(upto_day=300) == []
    customer = Customer(compiled(loyal))
    customer.turn(event("login", 1), past("purchase", 2))
    assert customer.turn(upto_day=300) == ["loyal active 31"]


def test_each_source_has_its_own_end_of_history_and_the_last_one_counts_for_rules_that_read_both() -> None:
    both = rule("both", when={"any": [QUIET_10, {"none": "login", "for": "20 days"}]})
    customer = Customer(compiled(SOFT, rule("seldom", when={"none": "login", "for": "20 days"}), both))
    customer.turn(past("purchase", 65, until=60), past("login", 66, until=90))
    assert customer.turn(upto_day=300) == ["soft active 75"]


def test_the_latest_end_of_history_counts_in_whatever_order_the_rows_come() -> None:
    for first, second in ((100, 60), (60, 100)):
        customer = Customer(compiled(SOFT))
        customer.turn(past("purchase", 30, until=first), past("purchase", 31, until=second))
        assert customer.facts.history_until == {"purchase": moment(100), KNOWN: moment(first)}
        assert customer.turn(upto_day=300) == []


# -- history that comes late -----------------------------------------------------------------------------------


def test_history_that_comes_late_takes_nothing_back_and_doubles_nothing() -> None:
    customer = Customer(compiled(SOFT))
    customer.turn(event("purchase", 50))
    assert customer.turn(upto_day=70) == ["soft active 60"]
    assert customer.turn(past("purchase", 20, until=71)) == []
    assert customer.turn(upto_day=100) == []
    assert customer.turn(event("purchase", 72)) == ["soft customer_returned 60"]


def test_history_that_comes_late_and_disproves_an_action_takes_it_back_as_any_late_event() -> None:
    customer = Customer(compiled(SOFT))
    customer.turn(event("purchase", 50))
    assert customer.turn(upto_day=61) == ["soft active 60"]
    assert customer.turn(past("purchase", 55, until=64)) == ["soft late_event 60"]
    assert customer.turn(upto_day=100) == ["soft active 65"]


def test_an_action_that_waits_when_history_comes_is_sent_once() -> None:
    both = rule("both", when={"all": [QUIET_10, {"none": "login", "for": "5 days"}]})
    customer = Customer(compiled(both))
    blind = watched(customer.rules, login=51)
    customer.turn(event("login", 40), event("purchase", 50), event("cancellation", 62), observed=blind)
    assert customer.turn(past("purchase", 20, until=90), upto_day=80, observed=blind) == []
    assert customer.turn(upto_day=81) == ["both active 60"]
    assert customer.turn(upto_day=300) == []


def test_what_falls_due_after_late_history_but_before_its_end_counts_as_met() -> None:
    customer = Customer(compiled(SOFT))
    customer.turn(event("purchase", 50))
    customer.turn(past("purchase", 20, until=90))
    assert customer.turn(upto_day=300) == []


# -- with rules that go live, and what is stored ---------------------------------------------------------------


def test_a_rule_that_includes_those_who_meet_it_finds_history_that_was_loaded_before() -> None:
    other = rule("other", when={"none": "login", "for": "300 days"})
    include = rule("soft", when=QUIET_10, existing="include", pace="at most 5 per hour")
    customer = Customer(live_at(compiled(other), 1, 0))
    customer.turn(past("purchase", 1))
    customer.rules = live_at(compiled(include), 2, 110)
    customer.turn()
    assert customer.turn(upto_day=111) == ["soft active 110"]


@pytest.mark.parametrize("live_day", [0, 30])
def test_a_rule_that_includes_those_who_meet_it_does_not_act_on_history_that_is_loaded_later(live_day: int) -> None:
    include = rule("soft", when=QUIET_10, existing="include", pace="at most 5 per hour")
    customer = Customer(live_at(compiled(include), 1, live_day))
    customer.turn(past("purchase", 1))
    assert customer.turn(upto_day=300) == []


def test_history_is_stored_only_of_those_who_have_some() -> None:
    with_history, without = Customer(compiled(SOFT)), Customer(compiled(SOFT))
    with_history.turn(past("purchase", 1, event_id="a"))
    without.turn(event("purchase", 1, event_id="a"))
    assert with_history.facts.history_until == {"purchase": moment(100), KNOWN: moment(100)}
    assert with_history.stored is not None
    assert without.stored is not None
    assert len(with_history.stored) > len(without.stored)
    assert msgspec.structs.replace(with_history.facts, history_until={}) == without.facts
