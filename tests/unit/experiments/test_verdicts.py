"""Laws of verdicts on experiments, by their figures."""

from typing import Any

import pytest
from msgspec import structs

from schemas.durations import DAY_MS
from schemas.experiments import AS_BEFORE, EVERY_RULE, HELD_OUT, TREATED, ExperimentEntry, SuccessEntry
from workers.experiments.figures import ArmFigures, ExperimentFigures
from workers.experiments.verdicts import design_of, judged, latched, per_day, plan_of, rate_before
from workers.verdict.judging import State

NOW = 200 * DAY_MS


def entry(**more: Any) -> ExperimentEntry:
    usual: dict[str, Any] = {
        "name": "gone-quiet",
        "rules": ("gone-quiet",),
        "begun_at": 100 * DAY_MS,
        "success": SuccessEntry(event="purchase", within_ms=30 * DAY_MS),
        "smallest_difference": 3.0,
        "hold_out": 50.0,
    }
    return ExperimentEntry(**{**usual, **more})


def figures(treated: tuple[int, int], held: tuple[int, int], **more: Any) -> ExperimentFigures:
    arms = {
        TREATED: ArmFigures(assigned=treated[0], finished=treated[0], won=treated[1]),
        HELD_OUT: ArmFigures(assigned=held[0], finished=held[0], won=held[1]),
    }
    return ExperimentFigures("k", entry(**more), arms)


HARM = figures((5000, 850), (5000, 1000))


def test_an_experiment_that_holds_out_no_one_has_no_verdict() -> None:
    assert judged(figures((10, 1), (0, 0), hold_out=0.0), NOW) is None
    assert design_of(entry(hold_out=50.0, as_before=50.0)) is None


def test_harm_is_said_with_its_interval() -> None:
    found = judged(HARM, NOW)
    assert found is not None
    assert found.verdict.state is State.HARMS
    assert found.sentence == "it harms: between 0.6 and 5.4 points fewer do it than without"
    assert found.design.plan == plan_of(entry()) == pytest.approx(8_632, abs=3)
    assert found.design.window_days == 30


def test_customers_for_whom_an_old_campaign_goes_on_are_in_neither_arm() -> None:
    design = design_of(entry(hold_out=20.0, as_before=20.0))
    assert design is not None
    assert design.hold_out == pytest.approx(0.25)


def test_customers_a_day_are_counted_over_whole_days_of_late() -> None:
    some = figures((0, 0), (0, 0))
    some.by_day = {day: {TREATED: 9, HELD_OUT: 1, AS_BEFORE: 5} for day in range(150, 201)}
    assert per_day(some, NOW) == 10
    some.by_day = {198: {TREATED: 9}, 199: {HELD_OUT: 1}, 200: {TREATED: 500}}
    assert per_day(some, NOW) == pytest.approx(10 / 28)


def test_a_young_experiment_is_counted_over_its_own_days() -> None:
    young = figures((0, 0), (0, 0), begun_at=198 * DAY_MS)
    young.by_day = {198: {TREATED: 9}, 199: {HELD_OUT: 1}}
    assert per_day(young, NOW) == 5
    assert per_day(figures((0, 0), (0, 0), begun_at=NOW), NOW) is None
    assert per_day(figures((0, 0), (0, 0), closed_at=NOW), NOW) == 0


def test_a_short_window_is_counted_over_the_days_that_are_still_known() -> None:
    short = figures((0, 0), (0, 0), success=SuccessEntry(event="login", within_ms=DAY_MS))
    short.by_day = {day: {TREATED: 8} for day in range(192, 200)}
    assert per_day(short, NOW) == 8


def test_variants_are_judged_together_and_shown_one_by_one() -> None:
    arms = {
        "a": ArmFigures(assigned=2500, finished=2500, won=350),
        "b": ArmFigures(assigned=2500, finished=2500, won=500),
        HELD_OUT: ArmFigures(assigned=5000, finished=5000, won=1000),
    }
    found = judged(ExperimentFigures("k", entry(variants={"a": 50.0, "b": 50.0}), arms), NOW)
    assert found is not None
    assert found.counts.treated.won == 850
    assert found.verdict.state is State.HARMS
    assert found.by_variant["a"].is_below
    assert found.by_variant["b"].middle == 0


def test_a_variant_that_no_one_has_had_so_far_excludes_nothing() -> None:
    arms = {"a": ArmFigures(assigned=5000, finished=5000, won=850), HELD_OUT: HARM.arms[HELD_OUT]}
    found = judged(ExperimentFigures("k", entry(variants={"a": 99.0, "b": 1.0}), arms), NOW)
    assert found is not None
    assert (found.by_variant["b"].low, found.by_variant["b"].high) == (-1.0, 1.0)


def test_money_is_shown_only_where_each_customer_counts_at_most_at_a_cap() -> None:
    arms = {
        name: ArmFigures(1000, 0, 1000, 200, amount_sum=200 * each, amount_square=200 * each**2, payers=200)
        for name, each in ((TREATED, 6_000), (HELD_OUT, 5_000))
    }
    capped = judged(ExperimentFigures("k", entry(cap=50_000), arms), NOW)
    assert capped is not None
    assert capped.money is not None
    assert capped.money.middle == pytest.approx(2.0)
    uncapped = judged(ExperimentFigures("k", entry(), arms), NOW)
    assert uncapped is not None
    assert uncapped.money is None


def test_arms_that_once_did_not_fit_hide_the_figures() -> None:
    found = judged(figures((5000, 850), (5000, 1000), unhealthy_since=1), NOW)
    assert found is not None
    assert (found.verdict.state, found.money) == (State.UNHEALTHY, None)


def test_the_plan_is_fixed_the_first_time_and_never_again() -> None:
    found = judged(HARM, NOW)
    assert found is not None
    first = latched(entry(), found, 0.1, NOW)
    assert (first.base_rate, first.plan) == (0.1, plan_of(entry(base_rate=0.1)))
    assert latched(first, found, 0.3, NOW).plan == first.plan


def test_harm_and_arms_that_do_not_fit_are_kept_since_the_first_time() -> None:
    harm, odd = judged(HARM, NOW), judged(figures((5000, 850), (4000, 1000)), NOW)
    assert harm is not None
    assert odd is not None
    first = latched(entry(), harm, None, NOW)
    assert (first.harmed_at, first.unhealthy_since) == (NOW, None)
    assert latched(first, harm, None, NOW + 1).harmed_at == NOW
    unhealthy = latched(entry(), odd, None, NOW)
    assert (unhealthy.harmed_at, unhealthy.unhealthy_since) == (None, NOW)
    assert latched(unhealthy, harm, None, NOW + 1).unhealthy_since == NOW


def test_a_new_plan_assumes_the_rate_of_the_latest_closed_experiment_of_the_same_name() -> None:
    closed = figures((900, 90), (100, 11), closed_at=5)
    later = figures((900, 90), (100, 12), closed_at=9)
    few = figures((900, 90), (99, 50), closed_at=10)
    other = ExperimentFigures("o", structs.replace(entry(closed_at=20), name="other"), later.arms)
    assert rate_before(entry(), [closed, later, few, other, HARM]) == pytest.approx(0.12)
    assert rate_before(entry(), [HARM]) is None


def test_the_experiment_over_every_rule_has_a_name_for_people() -> None:
    found = judged(figures((5000, 850), (5000, 1000), name=EVERY_RULE), NOW)
    assert found is not None
    assert found.name == "every rule"
