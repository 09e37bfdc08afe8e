"""What each figure is made from, with books that are written by hand."""

import pytest

from tests.support.books import basis_of, book_of, day, figure, parts, table, value
from workers.book.book import Book
from workers.report.document import (
    Count,
    Incomplete,
    Interval,
    Label,
    Missing,
    Money,
    Month,
    Note,
    Number,
    Share,
    Value,
    Word,
)
from workers.report.figures.churn import churn
from workers.report.figures.customers import customers
from workers.report.figures.money import lost, revenue
from workers.report.figures.money import value as worth
from workers.report.figures.months import following, month_of, months_between
from workers.report.figures.pareto import pareto
from workers.report.figures.purchases import one_time, retention
from workers.report.figures.remarks import of_new_customers, of_no_new_customers
from workers.report.figures.standing import slipping, stages
from workers.report.figures.voices import nps, reasons
from workers.report.present_state import PresentState, StageNow, Worths


def test_a_year_has_twelve_months() -> None:
    assert months_between("2025-11", "2026-02") == ["2025-11", "2025-12", "2026-01", "2026-02"]
    assert following("2026-12") == "2027-01"
    assert month_of(day("2024-02-29")) == "2024-02"


def test_customers_are_known_up_to_the_end_of_the_period_and_new_in_it() -> None:
    book = book_of(
        {"2026-02-27": {"new": 5}, "2026-03-01": {"new": 2, "first": 1}, "2026-04-01": {"new": 9, "first": 9}}
    )
    section = customers(basis_of(book))
    assert value(section, "known_customers") == Count(7)
    assert value(section, "new_customers") == Count(1)
    assert value(section, "second_purchases") == Missing("no_second_purchase")
    assert [row[:3] for row in table(section, "customers_by_month").rows] == [
        (Month("2026-02"), Count(5), Count(0)),
        (Month("2026-03"), Count(2), Count(1)),
    ]


def test_who_is_seen_for_the_first_time_is_drawn_only_where_not_all_of_them_bought_at_once() -> None:
    book = book_of({"2026-02-27": {"new": 5, "first": 5}, "2026-03-01": {"new": 2, "first": 2}})
    (chart,) = customers(basis_of(book)).charts
    assert [one.name for one in chart.series] == [Word(f"column.{name}") for name in ("first", "second", "back")]
    book = book_of({"2026-02-27": {"new": 5, "first": 5}, "2026-03-01": {"new": 2, "first": 1}})
    (chart,) = customers(basis_of(book)).charts
    assert chart.series[0].name == Word("column.arrived")


@pytest.mark.parametrize(("seen_until", "remark"), [("2026-03-31", "month_over"), ("2026-03-10", "month_open")])
def test_a_chart_of_months_says_whether_the_last_one_is_over(seen_until: str, remark: str) -> None:
    book = book_of({"2026-03-01": {"new": 2, "first": 2, "revenue:EUR": 9}})
    basis = basis_of(book, seen_until=seen_until)
    for section in (customers(basis), revenue(basis)):
        assert Note(remark, {"month": Month("2026-03")}) in section.charts[0].notes


def test_months_without_a_new_customer_are_remarked_on() -> None:
    book = book_of({"2026-01-05": {"first": 10}, "2026-02-05": {"second": 2}, "2026-03-05": {"second": 1}})
    remark = Note("no_new_customers", {"month": Month("2026-01"), "n": Count(2)})
    basis = basis_of(book)
    assert of_new_customers(basis) == of_no_new_customers(basis) == (remark,)
    assert remark in customers(basis).charts[0].notes


def test_far_fewer_new_customers_than_before_are_remarked_on_and_somewhat_fewer_are_not() -> None:
    months = {f"{month}-05": {"first": 90} for month in months_between("2025-11", "2026-02")}
    few = basis_of(book_of({**months, "2026-03-05": {"first": 29}}))
    given: dict[str, Value] = {"month": Month("2026-03"), "n": Count(29), "before": Count(90)}
    assert of_new_customers(few) == (Note("few_new_customers", given),)
    assert of_no_new_customers(few) == ()
    assert of_new_customers(basis_of(book_of({**months, "2026-03-05": {"first": 30}}))) == ()
    young = {"2026-02-05": {"first": 90}, "2026-03-05": {"first": 1}}
    assert of_new_customers(basis_of(book_of(young))) == ()


def test_a_number_of_a_month_that_is_not_over_is_marked() -> None:
    section = customers(basis_of(book_of({"2026-03-01": {"new": 2}}), seen_until="2026-03-10"))
    assert value(section, "known_customers") == Incomplete(Count(2))


def test_who_cancels_and_whose_payment_fails_are_shares_of_the_customers_at_the_start() -> None:
    book = book_of(
        {"2026-02-01": {"new": 10}, "2026-03-02": {"new": 5, "cancelled:voluntary": 2, "cancelled:involuntary": 1}}
    )
    section = churn(basis_of(book))
    assert value(section, "churn_voluntary") == Share(2, 10)
    assert value(section, "churn_involuntary") == Share(1, 10)
    assert value(section, "churn_contract") == Missing("no_contracts")
    assert value(section, "churn_silent") == Missing("no_scan")


def test_a_contract_that_begins_and_ends_in_a_month_or_ends_and_begins_again_is_no_churn() -> None:
    book = book_of(
        {
            "2026-02-01": {"contract_begun": 100},
            "2026-02-03": {"contract_ended": 20},
            "2026-03-02": {"contract_begun": 4, "contract_ended": 7},
            "2026-03-09": {"contract_ended_young": 2, "contract_back_young": 1, "cancelled:voluntary": 6},
        }
    )
    section = churn(basis_of(book))
    assert value(section, "churn_contract") == Share(4, 80)
    assert value(section, "churn_voluntary_of_contracts") == Share(6, 80)
    assert [row[1] for row in table(section, "churn_by_month").rows] == [Count(0), Count(80)]


def test_the_daily_sum_divides_each_days_loss_by_those_who_were_there_when_it_began() -> None:
    book = book_of(
        {
            "2026-02-01": {"contract_begun": 100},
            "2026-03-01": {"contract_ended": 50},
            "2026-03-02": {"contract_ended": 5, "contract_begun": 100},
        }
    )
    assert value(churn(basis_of(book)), "churn_daily") == Share(600_000, 1_000_000)


def test_silent_churn_names_its_lapse_point() -> None:
    present = PresentState(0, customers=10, buyers=8)
    present.silent.active, present.silent.lapsed = 6, 2
    silent = figure(churn(basis_of(Book(), present=present)), "churn_silent")
    assert (silent.value, silent.given) == (Share(2, 6), {"lapse": Count(90)})


def test_who_bought_once_is_a_share_of_those_whose_first_purchase_is_old_enough() -> None:
    present = PresentState(0, customers=10, buyers=8)
    present.one_time[30].old_enough, present.one_time[30].once = 8, 6
    section = one_time(basis_of(Book(), present=present))
    assert [figure(section, "bought_once", place).given["days"] for place in range(3)] == [
        Count(30), Count(90), Count(180),
    ]  # fmt: skip
    assert value(section, "bought_once") == Share(6, 8)
    assert value(section, "bought_once", 1) == Missing("too_young", {"days": Count(90)})


def test_a_triangle_of_cohorts_marks_the_month_that_is_not_over() -> None:
    book = book_of(
        {
            "2026-01-05": {"first": 10, "buyers:2026-01": 10},
            "2026-02-05": {"first": 4, "buyers:2026-02": 4, "buyers:2026-01": 5},
            "2026-03-05": {"buyers:2026-02": 1, "buyers:2026-01": 2},
        }
    )
    section = retention(basis_of(book, seen_until="2026-03-20"))
    unseen = Missing("not_seen")
    assert table(section, "retention").rows == (
        (Month("2026-01"), Count(10), Share(10, 10), Share(5, 10), Incomplete(Share(2, 10))),
        (Month("2026-02"), Count(4), Share(4, 4), Incomplete(Share(1, 4)), unseen),
    )
    assert value(section, "retention_next_month") == Share(5, 10)
    assert [row[1] for row in table(section, "retention_curve").rows] == [Share(14, 14), Share(5, 10), unseen]


def test_the_triangle_has_the_size_of_each_row_and_explains_its_star() -> None:
    book = book_of(
        {"2026-01-05": {"first": 10, "buyers:2026-01": 10}, "2026-03-05": {"first": 4, "buyers:2026-03": 4}}
    )
    chart = retention(basis_of(book, seen_until="2026-03-20")).charts[0]
    assert chart.details is not None
    assert chart.details.values == (Count(10), Incomplete(Count(4)))
    assert chart.notes[0] == Note("month_with_star", {"month": Month("2026-03")})
    assert retention(basis_of(book)).charts[0].notes[0].id == "month_over"


def test_the_curve_ends_where_a_month_is_over_for_fewer_than_half_of_the_customers() -> None:
    sizes = {"2025-12": 10, "2026-01": 10, "2026-02": 30, "2026-03": 5}
    book = book_of({f"{month}-05": {"first": size, f"buyers:{month}": size} for month, size in sizes.items()})
    section = retention(basis_of(book))
    _, curve = section.charts
    # Month 1 is over for 50 customers, month 2 for 20, month 3 for 10.
    assert len(table(section, "retention_curve").rows) == 4
    assert curve.places == (Count(0), Count(1))
    assert curve.details is not None
    assert curve.details.values == (Count(55), Count(50))
    assert Note("curve_ends", {"n": Count(2)}) in curve.notes


def test_before_a_second_month_nothing_is_drawn_of_who_came_back() -> None:
    section = retention(basis_of(book_of({"2026-03-05": {"first": 10, "buyers:2026-03": 10}})))
    assert section.charts == ()


def test_each_currency_has_a_revenue_of_its_own() -> None:
    book = book_of(
        {
            "2026-03-05": {"revenue:EUR": 500_000, "revenue_new:EUR": 200_000, "refunds:EUR": 50_000},
            "2026-03-06": {"revenue:USD": 10_000, "revenue_new:USD": 0, "buyers:2026-03": 2},
        }
    )
    section = revenue(basis_of(book))
    assert [value(section, "revenue", place) for place in range(2)] == [Money(450_000, "EUR"), Money(10_000, "USD")]
    assert [value(section, "revenue_new", place) for place in range(2)] == [Money(200_000, "EUR"), Money(0, "USD")]
    assert value(worth(basis_of(book)), "value_month") == Missing("several_currencies")


def test_what_a_buyer_brings_in_a_month_is_also_told_for_twelve() -> None:
    book = book_of({"2026-03-05": {"revenue:EUR": 400_000, "buyers:2026-03": 8, "buyers:2026-01": 2}})
    section = worth(basis_of(book))
    assert value(section, "value_month") == Money(40_000, "EUR")
    assert value(section, "value_twelve_months") == Money(480_000, "EUR")


def test_value_per_customer_is_of_those_who_brought_anything() -> None:
    present = PresentState(0, customers=10, buyers=8)
    present.worths["EUR"] = Worths(so_far=900, customers=3, year=400)
    present.worths["EUR"].of_year.extend([300, 100])
    section = worth(basis_of(Book(), present=present))
    assert value(section, "value_so_far") == Money(300, "EUR")
    assert value(section, "value_last_year") == Money(200, "EUR")
    present.year_is_known = False
    assert value(worth(basis_of(Book(), present=present)), "value_last_year") == Missing("year_not_kept")


def test_what_left_is_the_value_of_who_cancelled_and_replacing_counts_the_silent_too() -> None:
    book = book_of({"2026-03-05": {"cancelled:voluntary": 2, "reason:price": 2, "reason_value:price:EUR": 700}})
    present = PresentState(0, customers=10, buyers=8, worths={"EUR": Worths(so_far=9)})
    present.silent.active, present.silent.lapsed = 6, 3
    present.silent.worth["EUR"] = 50
    section = lost(basis_of(book, present=present, cost_of_winning=Money(600_000, "EUR")))
    assert value(section, "value_lost") == Money(700, "EUR")
    assert value(section, "value_lost_silently") == Money(50, "EUR")
    assert value(section, "replacing_cost") == Money(3_000_000, "EUR")


def test_the_top_fifth_is_measured() -> None:
    present = PresentState(0, customers=10, buyers=10, worths={"EUR": Worths()})
    present.worths["EUR"].of_year.extend([10, 10, 10, 10, 60])
    section = pareto(basis_of(Book(), present=present))
    assert value(section, "pareto") == Share(60, 100)
    present.worths["EUR"].of_year.pop()
    missing = Missing("too_few_buyers", {"least": Count(5), "found": Count(4)})
    assert value(pareto(basis_of(Book(), present=present)), "pareto") == missing


def test_stages_show_who_stands_there_and_who_moved() -> None:
    present = PresentState(
        0, customers=10, stages=[StageNow("regular", 3, 50), StageNow("quiet", 5)], unknown_stage=2
    )
    section = stages(basis_of(book_of({"2026-03-05": {"move:quiet:regular": 2}}), present=present))
    assert [row[:3] for row in table(section, "stages_now").rows] == [
        (Label("regular"), Count(3), Share(3, 10)),
        (Label("quiet"), Count(5), Share(5, 10)),
        (Word("stage.unknown"), Count(2), Share(2, 10)),
    ]
    assert table(section, "moves").rows == ((Label("quiet"), Label("regular"), Count(2)),)


def test_who_slips_away_is_shown_with_what_they_brought() -> None:
    present = PresentState(0, customers=10, worths={"EUR": Worths(year=100)})
    present.quiet.update({7: 5, 14: 4, 30: 3, 60: 2, 90: 1})
    present.quiet_worth.update({(7, "EUR"): 70})
    rows = table(slipping(basis_of(Book(), present=present)), "slipping_away").rows
    assert rows[0][1:] == (Count(5), Share(5, 10), Money(70, "EUR"))
    assert [row[1] for row in rows] == [Count(5), Count(4), Count(3), Count(2), Count(1)]


def test_reasons_are_ordered_by_the_value_that_left() -> None:
    book = book_of(
        {
            "2026-03-05": {
                "cancelled:voluntary": 4, "reason:moved": 3, "reason:price": 1,
                "reason_value:moved:EUR": 10, "reason_value:price:EUR": 90,
            }
        }
    )  # fmt: skip
    section = reasons(basis_of(book))
    assert table(section, "cancellation_reasons").rows == (
        (Label("price"), Count(1), Money(90, "EUR")),
        (Label("moved"), Count(3), Money(10, "EUR")),
    )
    assert table(section, "complaint_subjects").empty == Missing("no_complaints")


def test_what_has_no_name_of_its_own_comes_last_whatever_it_is_worth() -> None:
    reasons_of_it = {"reason:other": 7, "reason:-": 9, "reason:price": 1}
    section = reasons(basis_of(book_of({"2026-03-05": {"cancelled:voluntary": 17, **reasons_of_it}})))
    named = [row[0] for row in table(section, "cancellation_reasons").rows]
    assert named == [Label("price"), Word("label.none"), Word("label.other")]


def test_a_title_promises_value_only_where_value_is_shown() -> None:
    events = {"cancelled:voluntary": 1, "reason:price": 1}
    (chart,) = reasons(basis_of(book_of({"2026-03-05": events}))).charts
    assert (chart.given, chart.y) == ({"counted": Word("counted.cancellations")}, "cancellations")
    assert (chart.whole, chart.time) == (Count(1), basis_of(Book()).period)
    (chart,) = reasons(basis_of(book_of({"2026-03-05": {**events, "reason_value:price:EUR": 90}}))).charts
    assert (chart.given, chart.y) == ({"counted": Word("counted.value")}, "value")
    assert chart.whole is None


def test_each_answer_belongs_to_detractors_passives_or_promoters() -> None:
    (chart,) = nps(basis_of(book_of({"2026-03-05": {"nps:10": 1, "nps:6": 2}}))).charts
    names = [one.id.removeprefix("group.") for one in chart.groups if isinstance(one, Word)]
    assert names == ["detractors"] * 7 + ["passives"] * 2 + ["promoters"] * 2
    assert chart.whole == Count(3)


def test_nps_keeps_passives_in_the_denominator_and_only_the_latest_answer() -> None:
    book = book_of(
        {"2026-03-05": {"nps:10": 6, "nps:7": 2, "nps:3": 2, "nps:0": 1}, "2026-03-09": {"nps_again:0": 1}}
    )
    section = nps(basis_of(book))
    assert value(section, "nps") == Number(40.0)
    assert figure(section, "nps").denominator == Count(10)
    numbers = parts(section, "nps")
    assert [numbers[name] for name in ("promoters", "passives", "detractors")] == [Count(6), Count(2), Count(2)]
    interval = numbers["interval"]
    assert isinstance(interval, Interval)
    assert isinstance(interval.low, Number)
    assert isinstance(interval.high, Number)
    # Scores of 100, 0 and -100 deviate by 60, 40 and 140: the standard error is 100 * sqrt(0.64 / 10).
    assert (round(interval.low.number), round(interval.high.number)) == (-10, 90)


@pytest.mark.parametrize(
    "make", [customers, churn, one_time, retention, revenue, worth, lost, pareto, stages, slipping, reasons, nps]
)
def test_without_anything_every_figure_says_why_it_is_missing(make: object) -> None:
    assert callable(make)
    section = make(basis_of(Book()))
    for one in section.figures:
        assert isinstance(one.value, Missing), one
    for one in section.tables:
        assert one.empty is not None or one.rows
