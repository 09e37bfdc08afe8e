"""Whole reports, in every form and language: with nothing, one day, one customer, two currencies, no one held out."""

import csv
import json
from io import StringIO

import pytest

from schemas.durations import DAY_MS
from tests.support.books import basis_of, book_of, day
from workers.book.book import Book
from workers.printing import CommandConsole
from workers.report.assembling import report_of
from workers.report.document import Count, Missing, Money, Period, Report, Word
from workers.report.figures.basis import Basis
from workers.report.figures.forecast import forecast
from workers.report.figures.rules import Judged, rules
from workers.report.page.page import page_of
from workers.report.present import Bought, Counting
from workers.report.present_state import PresentState, StageNow
from workers.report.text import print_report
from workers.report.values import HEADS, csv_of, plain_report
from workers.report.words.language import LANGUAGES

LIVE = Word("source.live")


def counted(period: Period, today: str, *customers: Bought) -> PresentState:
    counting = Counting((day(today) + 1) * DAY_MS - 1, period, 90)
    for customer in customers:
        counting.add(customer)
    return counting.finish()


def bought(*days: str, **so_far: int) -> Bought:
    """A customer who bought once on each of these days, each time for the same."""
    numbers = [day(one) for one in days]
    return Bought(
        latest=numbers[-1], purchases=len(numbers), first=numbers[0], last=numbers[-1], days=numbers,
        counts=[1] * len(numbers), so_far=so_far, year=so_far,
    )  # fmt: skip


def nothing() -> Report:
    basis = basis_of(Book())
    return report_of(basis, LIVE, (forecast(None, basis.at_ms), rules(basis, [])))


def one_day_and_one_customer() -> Report:
    fields = {
        "events:purchase": 1,
        "new": 1,
        "first": 1,
        "buyers:2026-03": 1,
        "revenue:EUR": 400_000,
        "revenue_new:EUR": 400_000,
    }
    basis = basis_of(book_of({"2026-03-01": fields}), seen_until="2026-03-01")
    basis = with_present(basis, counted(basis.period, "2026-03-01", bought("2026-03-01", EUR=400_000)))
    return report_of(basis, LIVE, (rules(basis, [], ["come-back"]),))


def two_currencies() -> Report:
    book = book_of(
        {
            "2026-02-20": {"new": 9, "first": 9, "buyers:2026-02": 9, "revenue:EUR": 90_000},
            "2026-03-01": {"revenue:USD": 50_000, "refunds:USD": 10_000, "buyers:2026-02": 1, "late:purchase": 1},
            "2026-03-02": {
                "cancelled:voluntary": 2, "reason:price": 1, "reason:-": 1, "reason_value:price:EUR": 70,
                "reason_value:-:USD": 60, "complaint:other": 2, "nps:10": 3, "nps:5": 1, "move:quiet:regular": 4,
            },
        }
    )  # fmt: skip
    book.add_doing(day("2026-03-03"), "acted:come-back", 4)
    book.add_doing(day("2026-03-03"), "refused:come-back:cool_down", 1)
    basis = basis_of(book)
    customers = [bought("2026-02-20", EUR=100 * number) for number in range(8)] + [
        bought("2026-02-20", "2026-03-01", USD=500)
    ]
    state = counted(basis.period, "2026-03-31", *customers)
    state.stages = [StageNow("regular", 4, 70), StageNow("quiet", 4, 30)]
    state.currency_of_worth, state.unknown_stage = "EUR", 1
    basis = with_present(basis, state, Money(600_000, "EUR"))
    helps = {"low": Count(1), "high": Count(5)}
    judged = [
        Judged("come-back", "helps", (900, 300), (100, 20), 1.0, 3.0, 5.0, helps, later=3),
        Judged("new", "no_data"),
    ]
    due = {
        "currency": "EUR",
        "rules": [{"id": "come-back", "sent": 3, "customers": 3, "worth": 12.5}],
        "any_rule": {"days": [{"day": "2026-04-01", "sent": 2}, {"day": "2026-04-02", "sent": 1}]},
    }
    return report_of(basis, LIVE, (forecast(due, basis.at_ms), rules(basis, judged)))


def with_present(basis: Basis, state: PresentState, cost: Money | None = None) -> Basis:
    return Basis(basis.book, basis.period, basis.seen_until, basis.at_ms, state, cost_of_winning=cost)


REPORTS = {"nothing": nothing, "one day": one_day_and_one_customer, "two currencies": two_currencies}


def text_of(report: Report, language: str = "en") -> str:
    written = StringIO()
    print_report(report, LANGUAGES[language], CommandConsole(file=written, width=200))
    return written.getvalue()


@pytest.mark.parametrize("language", list(LANGUAGES))
@pytest.mark.parametrize("name", list(REPORTS))
def test_every_form_of_a_report_has_all_of_its_figures_and_tables(name: str, language: str) -> None:
    report, words = REPORTS[name](), LANGUAGES[language]
    text, page = text_of(report, language), page_of(report, words)
    plain = plain_report(report, words)
    assert json.loads(json.dumps(plain)) == plain
    rows = list(csv.DictReader(StringIO(csv_of(report, words))))
    assert list(rows[0]) == list(HEADS)
    ids = {row["id"] for row in rows}
    for section in report.sections:
        for figure in section.figures:
            assert figure.id in ids
            assert words.say(f"{figure.id}.sentence", figure.given) in text
        for table in section.tables:
            assert table.id in ids
            assert words.say(f"{table.id}.sentence", table.given) in text
    assert page.startswith("<!DOCTYPE html>")
    assert plain["zone"] == "UTC"


def test_each_figure_has_a_definition_and_a_period_for_machines() -> None:
    plain = plain_report(two_currencies(), LANGUAGES["en"])
    figures = [figure for section in plain["sections"] for figure in section["figures"]]
    assert len(figures) > 25
    for figure in figures:
        assert figure["definition"].endswith(".")
        assert set(figure["time"]) in ({"from", "to"}, {"at"})
        assert (figure["value"] is None) == ("because" in figure), figure


def test_nothing_is_ever_shown_as_zero_where_nothing_is_known() -> None:
    for section in nothing().sections:
        assert all(isinstance(figure.value, Missing) for figure in section.figures)
        assert all(table.empty is not None for table in section.tables)
    text = text_of(nothing())
    assert "There is no data for this period." in text


def test_one_day_and_one_customer_are_named_as_what_they_are() -> None:
    text = text_of(one_day_and_one_customer())
    assert LANGUAGES["en"].say("note.one_day") in text
    assert LANGUAGES["en"].say("note.one_customer") in text
    assert "No customer's first order is 30 days old yet." in text
    assert LANGUAGES["en"].say("reason.nobody_held_out") in text


def test_two_currencies_have_figures_of_their_own_and_no_sum() -> None:
    report = two_currencies()
    revenues = [figure.value for section in report.sections for figure in section.figures if figure.id == "revenue"]
    assert revenues == [Money(0, "EUR"), Money(40_000, "USD")]
    assert LANGUAGES["en"].say("note.several_currencies") in text_of(report)
    everything = json.dumps(plain_report(report, LANGUAGES["en"]))
    assert "several_currencies" in everything


def test_a_name_that_a_user_chose_is_shown_as_it_stands() -> None:
    assert "come-back" in text_of(two_currencies())


@pytest.mark.parametrize(
    ("came_on", "number", "said"),
    [
        ("2026-03-20", 1, ["after_closing"]),
        ("2026-05-20", 1, ["after_closing"]),  # of a day of March, perhaps
        ("2026-05-20", 60, ["much_after_closing"]),
        ("2026-02-20", 60, []),
    ],
)
def test_what_came_for_closed_days_is_said_and_loud_if_it_is_much(came_on: str, number: int, said: list[str]) -> None:
    book = book_of({"2026-02-01": {"events:purchase": 9}, "2026-03-01": {"events:purchase": 100}})
    book.add(day(came_on), "after_closing", number)
    notes = {note.id for note in report_of(basis_of(book), LIVE).notes}
    assert sorted(notes & {"after_closing", "much_after_closing"}) == said


def test_a_history_that_was_loaded_too_late_for_every_day_is_told() -> None:
    book = book_of({"2026-05-20": {"after_closing": 60}})
    assert [note.id for note in report_of(basis_of(book), LIVE).notes] == ["no_data", "much_after_closing"]
