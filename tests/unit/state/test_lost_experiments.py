"""Experiments that Redis has lost: what goes on, what begins again, and what is said to be lost."""

from msgspec import structs

from schemas.experiments import EndedArm, ExperimentEntry
from tests.support.builders import day, rule, rules
from workers.core.rules.rule_set import RuleSet
from workers.state.rule_sets.experiments import begun, begun_again, going_on
from workers.state.rule_sets.lost_experiments import joined

NOW = day(100)


def a_set(name: str = "soft", days: int = 10) -> RuleSet:
    return rules(rule(name, when={"none": "purchase", "for": f"{days} days"}, hold_out="10%"))


def kept(ruleset: RuleSet, stored: dict[str, str]) -> dict[str, ExperimentEntry]:
    return {one.key: one.entry() for one in begun(ruleset, stored)}


def at_a_loss(own: ExperimentEntry | None, copy: ExperimentEntry, **more: bool) -> ExperimentEntry:
    return joined(own, copy, NOW, **{"is_lost": own is None, "is_cut": False, "has_files": False, **more})


STORED = going_on(a_set(), {}, {}, 7, day(50), day(50))
ENTRIES = kept(a_set(), STORED)
((KEY, ENTRY),) = ENTRIES.items()
CLOSED = structs.replace(ENTRY, closed_at=day(90))


def test_an_experiment_of_which_only_the_entry_is_left_goes_on_under_its_key() -> None:
    again = going_on(a_set(), {}, ENTRIES, 1, 0, NOW)
    (one,) = begun(a_set(), again)
    assert (one.key, one.arms.salt, one.since_ms) == (KEY, "soft", day(50))
    renamed = going_on(a_set("other"), {}, ENTRIES, 1, 0, NOW)
    (one,) = begun(a_set("other"), renamed)
    assert (one.key, one.arms.salt, one.since_ms) == (KEY, "soft", day(50))


def test_what_has_ended_does_not_go_on_and_no_key_is_used_again() -> None:
    first = going_on(a_set(), {}, {}, 1, 0, NOW)
    ((key, entry),) = kept(a_set(), first).items()
    closed = {key: structs.replace(entry, closed_at=day(90))}
    (one,) = begun(a_set(), going_on(a_set(), {}, closed, 1, 0, NOW))
    assert (one.key != key, one.since_ms) == (True, 0)


def test_where_it_is_lost_who_is_in_it_another_one_begins_that_divides_customers_alike() -> None:
    renamed = a_set("other")
    stored = going_on(renamed, {}, ENTRIES, 8, day(60), day(60))
    assert begun_again(renamed, stored, ENTRIES, 8, NOW) is None
    forgotten = {KEY: structs.replace(ENTRY, forgotten_at=NOW)}
    fields = begun_again(renamed, {**stored, "generation": "8"}, forgotten, 8, NOW)
    assert fields is not None
    assert fields["generation"] == "8"
    (one,) = begun(renamed, fields)
    assert (one.key != KEY, one.arms.salt, one.since_ms) == (True, "soft", NOW)
    (one,) = begun(renamed, going_on(renamed, {}, forgotten, 1, 0, NOW))
    assert (one.key != KEY, one.arms.salt) == (True, "soft")


def test_what_was_latched_comes_back_also_to_an_older_redis() -> None:
    latched = structs.replace(ENTRY, plan=4_000, base_rate=0.1, unhealthy_since=day(70), harmed_at=day(80))
    assert at_a_loss(None, latched) == latched
    assert at_a_loss(ENTRY, latched) == latched
    earlier = structs.replace(latched, unhealthy_since=day(60), plan=5_000)
    assert at_a_loss(earlier, latched) == earlier
    assert at_a_loss(latched, ENTRY) == latched


def test_a_log_without_its_beginning_makes_it_begin_anew_only_if_redis_was_lost() -> None:
    lost = at_a_loss(None, ENTRY, is_cut=True)
    assert (lost.forgotten_at, lost.lost_at) == (NOW, NOW)
    assert at_a_loss(None, ENTRY, is_cut=True, is_lost=False) == ENTRY
    assert at_a_loss(ENTRY, ENTRY, is_cut=True) == ENTRY


def test_figures_of_one_that_has_ended_are_kept_or_said_to_be_lost() -> None:
    final = structs.replace(CLOSED, ended={"treated": EndedArm(assigned=9)})
    assert at_a_loss(None, final) == final
    assert at_a_loss(ENTRY, final) == final
    assert at_a_loss(CLOSED, final) == final
    assert at_a_loss(None, CLOSED).lost_at == NOW
    assert at_a_loss(ENTRY, CLOSED) == structs.replace(CLOSED, lost_at=NOW)
    assert at_a_loss(CLOSED, CLOSED) == CLOSED
    assert at_a_loss(CLOSED, ENTRY) == CLOSED
    assert at_a_loss(None, CLOSED, has_files=True) == CLOSED
