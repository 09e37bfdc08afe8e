"""What can be said of experiments, as a report shows it."""

from dataclasses import replace

import pytest

from schemas.experiments import HELD_OUT, TREATED, ExperimentEntry, SuccessEntry
from tests.support.books import basis_of, table
from workers.book.book import Book
from workers.experiments.figures import ArmFigures, ExperimentFigures
from workers.report.compared import compared, ended
from workers.report.document import Count, Day, Interval, Label, Missing, Money, Number, Share, Value, Word
from workers.report.figures.rules import Judged, rules
from workers.report.words.language import LANGUAGES

DAY = 86_400_000


def experiment(treated: ArmFigures, held: ArmFigures, **changes: object) -> ExperimentFigures:
    entry = ExperimentEntry(
        name="come-back", rules=("come-back",), begun_at=0,
        success=SuccessEntry(event="purchase", within_ms=30 * DAY),
        smallest_difference=3.0, hold_out=50.0, plan=4_000, **changes,  # type: ignore[arg-type]
    )  # fmt: skip
    return ExperimentFigures("come-back", entry, {TREATED: treated, HELD_OUT: held}, {99: {TREATED: 5, HELD_OUT: 5}})


def arm(finished: int, won: int, later: int = 0) -> ArmFigures:
    return ArmFigures(assigned=finished, finished=finished, won=won, later=later)


def verdict_of(one: ExperimentFigures, columns: int = 5) -> tuple[object, ...]:
    section = rules(basis_of(Book()), compared([one], 100 * DAY))
    (row,) = table(section, "rule_verdicts").rows
    assert len(row) == columns
    verdict = row[4]
    assert isinstance(verdict, Word)
    for language in LANGUAGES.values():
        assert language.text(verdict)
    return row


def test_a_rule_that_helps_says_between_which_points() -> None:
    name, treated, held, difference, verdict = verdict_of(experiment(arm(5_000, 1_500), arm(5_000, 1_000)))
    assert (name, treated, held) == (Label("come-back"), Share(1_500, 5_000), Share(1_000, 5_000))
    assert isinstance(difference, Interval)
    assert isinstance(difference.low, Number)
    assert 0 < difference.low.number < 10
    assert isinstance(verdict, Word)
    assert verdict.id == "verdict.helps"


@pytest.mark.parametrize(
    ("treated", "held", "phrase"),
    [
        (arm(0, 0), arm(0, 0), "verdict.no_data"),
        (arm(5_000, 1_000), arm(5_000, 1_500), "verdict.harms"),
        (arm(200_000, 40_000), arm(200_000, 40_000), "verdict.no_difference"),
        (arm(50, 10), arm(50, 10), "verdict.running"),
        (arm(9_000, 100), arm(1_000, 100), "verdict.unhealthy"),
    ],
)
def test_every_state_has_its_phrase(treated: ArmFigures, held: ArmFigures, phrase: str) -> None:
    verdict = verdict_of(experiment(treated, held))[-1]
    assert isinstance(verdict, Word)
    assert verdict.id == phrase


def test_an_experiment_without_data_or_with_unfit_arms_shows_no_difference() -> None:
    assert verdict_of(experiment(arm(9_000, 100), arm(1_000, 100)))[1:4] == (
        Missing("no_one_finished"), Missing("no_one_finished"), Missing("no_verdict"),
    )  # fmt: skip


def test_money_is_told_with_its_interval_where_there_is_a_cap() -> None:
    treated, held = arm(5_000, 1_500), arm(5_000, 1_000)
    for one, number in ((treated, 1_500), (held, 1_000)):
        one.payers, one.amount_sum, one.amount_square = number, number * 2_000, number * 2_000**2
    row = verdict_of(experiment(treated, held, cap=50_000), columns=6)
    brings = row[-1]
    assert isinstance(brings, Interval)
    # 0.3 customers of 20 each, less 0.2 of them.
    assert brings.middle == Money(20_000, "-")
    assert verdict_of(experiment(treated, held), columns=5)


def test_where_money_is_not_compared_it_is_said_why() -> None:
    def notes(*judged: ExperimentFigures) -> list[str]:
        return [note.id for note in rules(basis_of(Book()), compared(judged, 100 * DAY)).notes]

    assert notes(experiment(arm(500, 150), arm(500, 100))) == ["no_cap"]
    assert notes(experiment(arm(500, 150), arm(500, 100), cap=50_000)) == ["too_few_payers"]
    assert notes(experiment(arm(0, 0), arm(0, 0), cap=50_000)) == []  # nothing is compared yet
    assert notes() == []


def test_the_chart_says_of_how_many_customers_since_when_and_for_what_goal() -> None:
    judged = compared([experiment(arm(5_000, 1_500), arm(4_990, 1_000))], 100 * DAY)
    (chart,) = rules(basis_of(Book()), judged).charts
    assert chart.details is not None
    (details,) = chart.details.values
    given: dict[str, Value] = {
        "event": Label("purchase"), "within": Word("within.days", {"n": Count(30)}),
        "treated": Count(5_000), "held_out": Count(4_990), "day": Day(0),
    }  # fmt: skip
    assert details == Word("effect.details_and_goal", given)
    assert chart.given == {"smallest": Number(3.0, 0)}


def test_the_chart_marks_a_smallest_difference_only_if_all_rules_have_the_same() -> None:
    one, other = (replace(found, smallest=least) for found, least in zip(_two(), (3.0, 2.5), strict=True))
    assert rules(basis_of(Book()), [one, other]).charts[0].given == {}
    assert rules(basis_of(Book()), [other, other]).charts[0].given == {"smallest": Number(2.5, 1)}


def _two() -> list[Judged]:
    found = compared([experiment(arm(5_000, 1_500), arm(5_000, 1_000))], 100 * DAY)
    return [*found, *found]


def test_an_experiment_that_has_ended_stands_apart_with_what_could_be_said_at_last() -> None:
    helped = experiment(arm(5_000, 1_500), arm(5_000, 1_000), closed_at=70 * DAY)
    lost = experiment(arm(0, 0), arm(0, 0), closed_at=80 * DAY, lost_at=81 * DAY)
    going_on = experiment(arm(10, 1), arm(10, 1))
    assert compared([helped, lost], 100 * DAY) == []
    over = ended([helped, going_on, lost], 100 * DAY)
    made = table(rules(basis_of(Book()), compared([going_on], 100 * DAY), (), over), "rule_ended")
    first, second = made.rows
    assert len(made.columns) == len(first) == 6
    assert first == (
        Label("come-back"), Day(80), Missing("no_one_finished"), Missing("no_one_finished"), Missing("no_verdict"),
        Word("verdict.lost"),
    )  # fmt: skip
    assert second[:4] == (Label("come-back"), Day(70), Share(1_500, 5_000), Share(1_000, 5_000))
    assert isinstance(second[5], Word)
    assert second[5].id == "verdict.helps"
    assert "rule_ended" not in [one.id for one in rules(basis_of(Book()), ()).tables]


def test_later_episodes_are_told_apart() -> None:
    (one,) = compared([experiment(arm(10, 1, later=3), arm(10, 1))], 100 * DAY)
    assert one.later == 3
    assert replace(one, later=0) != one
