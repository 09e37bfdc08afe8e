"""Figures of experiments: sums over partitions, each by what has been seen there."""

from msgspec import structs

from schemas.durations import DAY_MS
from schemas.experiments import ExperimentEntry, SuccessEntry
from workers.experiments.figures import ArmFigures, Counted, figures, kept_at_the_end, long_finished

KEY = "0123456789ab"
ENTRY = ExperimentEntry(
    name="winter",
    rules=("gone-quiet",),
    begun_at=0,
    success=SuccessEntry(event="purchase", within_ms=30 * DAY_MS),
    smallest_difference=3.0,
    hold_out=10.0,
)


def counted(until_day: float = 0, **fields: int) -> Counted:
    named = {f"{KEY}|{name.replace('__', '|').replace('_', ' ')}": number for name, number in fields.items()}
    return Counted(named, {"purchase": int(until_day * DAY_MS)})


def arms(*partitions: Counted, entry: ExperimentEntry = ENTRY) -> dict[str, ArmFigures]:
    return figures({KEY: entry}, partitions)[KEY].arms


def test_customers_are_running_until_the_time_for_a_success_is_over_after_the_end_of_their_day() -> None:
    started = {"treated__5__n": 4, "treated__5__won": 1}
    assert arms(counted(35.9, **started))["treated"] == ArmFigures(assigned=4, running=4)
    assert arms(counted(36, **started))["treated"] == ArmFigures(assigned=4, finished=4, won=1)


def test_each_partition_counts_by_what_has_been_seen_there() -> None:
    started = {"treated__5__n": 4}
    summed = arms(counted(36, **started), counted(20, **started))["treated"]
    assert summed == ArmFigures(assigned=8, running=4, finished=4)


def test_nothing_that_came_after_the_end_of_an_experiment_counts() -> None:
    ended = ExperimentEntry(
        name=ENTRY.name, rules=(), begun_at=0, success=ENTRY.success, smallest_difference=3.0, closed_at=20 * DAY_MS
    )
    assert arms(counted(99, treated__5__n=4), entry=ended)["treated"] == ArmFigures(assigned=4, running=4)


def test_money_is_summed_with_its_squares_in_two_parts() -> None:
    money = {"all__payers": 2, "all__amount": 300, "all__square": 5, "all__n": 9}
    fields = {f"{KEY}|treated|{name.replace('__', '|')}": number for name, number in money.items()}
    fields[f"{KEY}|treated|all|square_high"] = 2
    arm = arms(Counted(fields, {}))["treated"]
    assert arm == ArmFigures(assigned=9, finished=9, payers=2, amount_sum=300, amount_square=2 * 10**9 + 5)


def test_every_arm_of_the_design_is_there_even_if_it_is_empty() -> None:
    assert list(arms()) == ["treated", "held out"]


def test_days_are_listed_with_their_arms_and_later_episodes_stand_apart() -> None:
    found = figures({KEY: ENTRY}, [counted(0, treated__5__n=4, held_out__5__n=1, treated__later=3)])[KEY]
    assert found.by_day == {5: {"treated": 4, "held out": 1}}
    assert found.arms["treated"].later == 3


def test_days_that_were_finished_a_week_ago_are_kept_together_and_nothing_is_lost() -> None:
    before = counted(42.5, treated__5__n=4, treated__5__won=1, treated__4__n=3, treated__6__n=2, treated__later=1)
    added, gone = long_finished({KEY: ENTRY}, before, 100)
    assert added == {f"{KEY}|treated|all|n": 3}
    assert gone == [f"{KEY}|treated|4|n"]
    fields = {name: number for name, number in before.fields.items() if name not in gone} | added
    assert arms(Counted(fields, before.until)) == arms(before)


def test_what_comes_later_of_a_day_that_is_kept_together_is_added_the_next_time() -> None:
    late = counted(99, treated__4__won=1, treated__all__n=3)
    assert arms(late)["treated"] == ArmFigures(assigned=3, finished=3, won=1)
    added, gone = long_finished({KEY: ENTRY}, late, 100)
    assert (added, gone) == ({f"{KEY}|treated|all|won": 1}, [f"{KEY}|treated|4|won"])


def test_a_step_keeps_only_a_part_of_the_days_together() -> None:
    many = {f"treated__{day}__n": 1 for day in range(50)}
    added, gone = long_finished({KEY: ENTRY}, counted(200, **many), 20)
    assert (added, len(gone)) == ({f"{KEY}|treated|all|n": 20}, 20)


def test_figures_of_an_experiment_that_no_one_knows_are_left_out() -> None:
    assert figures({}, [counted(treated__5__n=4)]) == {}


def test_the_figures_that_are_kept_at_the_end_say_the_same_and_the_partitions_may_forget_theirs() -> None:
    ended = structs.replace(ENTRY, closed_at=40 * DAY_MS)
    before = counted(99, treated__5__n=4, treated__5__won=1, treated__30__n=2, held_out__5__n=1, treated__later=3)
    kept = kept_at_the_end(figures({KEY: ended}, [before])[KEY])
    assert arms(entry=kept) == arms(before, entry=kept) == arms(before, entry=ended)
    assert arms(entry=kept)["treated"] == ArmFigures(assigned=6, running=2, finished=4, won=1, later=3)
    added, gone = long_finished({KEY: kept}, before, 100)
    assert (added, sorted(gone)) == ({}, sorted(before.fields))


def test_what_was_lost_is_not_summed() -> None:
    lost = structs.replace(ENTRY, closed_at=40 * DAY_MS, lost_at=41 * DAY_MS)
    assert arms(counted(99, treated__5__n=4), entry=lost)["treated"] == ArmFigures()
