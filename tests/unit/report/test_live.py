"""The report of what is live is made of the book and a scan, and the present state is that of the events."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.ladders import Ladder
from schemas.rules import ForEveryRule, RuleBook
from schemas.value import Valuation
from tests.support.books import figure, table, value
from tests.support.builders import day as day_ms
from tests.support.builders import event, rule, watched
from tests.unit.scan.test_forecast import compiled, write
from workers.book.book import Book
from workers.core.decisions.decide import decide, decider_of
from workers.core.events.decoding import DecodedEvent
from workers.errors import StartupError
from workers.report.bought_events import BoughtEvents
from workers.report.document import Count, Label, Missing, Money, Report, Section, Share
from workers.report.figures.months import days_of, month_of
from workers.report.live import LiveQuestion, live_report
from workers.report.present import Counting
from workers.report.stored_customers import CustomerReader

DAY = 86_400_000
VALUE = Valuation.model_validate(
    {"revenue": ["purchase.amount"], "currency": "EUR", "within": "365 days", "cost of winning": 60}
)
LADDER = Ladder.model_validate(
    {
        "name": "simple",
        "status": "live",
        "steps": [{"stage": "regular", "when": {"count": "purchase", "at least": 3, "within": "365 days"}}],
        "otherwise": "newcomer",
    }
)
BUYER = rule("buyer", when={"none": "purchase", "for": "60 days"})
HISTORIES = {
    "ada": [event("purchase", 1 + 10 * number, "ada", amount=10) for number in range(4)],
    "bob": [event("purchase", 1, "bob", amount=5)],
    "eve": [event("login", 25, "eve")],
}
TODAY = 45


def written(value: Valuation | None = VALUE) -> RuleBook:
    return RuleBook((BUYER,), {}, ForEveryRule(), value=value, ladders=(LADDER,))


def report(path: Path, book: RuleBook, month: str | None = None, counted: Book | None = None) -> Report:
    """Take a scan by the rules of a book, and report on it."""
    write(path, compiled(book), HISTORIES, TODAY)
    return live_report(LiveQuestion(path, book, compiled(book), counted or Book(), (), month))


def section(report: Report, name: str) -> Section:
    return next(one for one in report.sections if one.id == name)


def test_the_present_state_is_that_of_the_scan(tmp_path: Path) -> None:
    made = report(tmp_path / "scan", written())
    assert value(section(made, "value"), "value_so_far") == Money(225_000, "EUR")
    assert value(section(made, "second_purchase"), "bought_once") == Share(1, 2)
    assert [row[:3] for row in table(section(made, "stages"), "stages_now").rows] == [
        (Label("regular"), Count(1), Share(1, 3)),
        (Label("newcomer"), Count(2), Share(2, 3)),
    ]
    slipping = table(section(made, "slipping"), "slipping_away")
    assert [row[1] for row in slipping.rows] == [Count(3), Count(3), Count(1), Count(0), Count(0)]
    assert (
        figure(section(made, "second_purchase"), "bought_once").time
        == figure(section(made, "slipping"), "customers_now").time
    )  # both are of the moment of the scan


def test_progress_is_of_all_customers_and_each_counts_once(tmp_path: Path) -> None:
    path, seen = tmp_path / "scan", list[tuple[int, int]]()
    report(path, written())
    question = LiveQuestion(path, written(), compiled(written()), Book())
    live_report(question, lambda done, of: seen.append((done, of)))
    assert seen == [(3, 3)]


def test_what_becomes_due_is_part_of_it_and_a_rule_that_holds_no_one_out_says_so(tmp_path: Path) -> None:
    made = report(tmp_path / "scan", written())
    assert [row[:2] for row in table(section(made, "forecast"), "forecast_rules").rows] == [
        (Label("buyer"), Count(1))
    ]
    (row,) = table(section(made, "rules"), "rule_verdicts").rows
    assert row[:2] == (Label("buyer"), Missing("nobody_held_out"))


def test_without_a_value_no_figure_of_money_is_made_up(tmp_path: Path) -> None:
    made = report(tmp_path / "scan", written(None))
    for name, one in (("value", "value_so_far"), ("value", "value_last_year"), ("pareto", "pareto")):
        assert value(section(made, name), one) == Missing("no_value")


def test_a_month_that_has_not_begun_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StartupError, match="has not begun"):
        report(tmp_path / "scan", written(), "2999-01")
    with pytest.raises(StartupError, match="no month"):
        report(tmp_path / "scan", written(), "soon")


def test_left_out_the_month_is_the_latest_that_is_over_and_that_the_book_has(tmp_path: Path) -> None:
    today = day_ms(TODAY) // DAY
    book = Book()
    book.add(today - 1, "new", 1)
    assert report(tmp_path / "scan", written(), None, book).period == days_of(month_of(today - 1))
    book.add(today - 70, "new", 1)
    assert report(tmp_path / "scan", written(), None, book).period.last < today


@given(
    histories=st.lists(
        st.lists(st.tuples(st.integers(1, 900), st.integers(0, 500)), min_size=1, max_size=12), min_size=1, max_size=6
    ),
    until=st.integers(900, 1000),
)
def test_what_is_stored_sums_up_to_what_the_events_do(histories: list[list[tuple[int, int]]], until: int) -> None:
    book = written()
    rules = compiled(book)
    at_ms = day_ms(until)
    period = days_of(month_of(at_ms // DAY - 20))
    decider = decider_of(rules)
    reader = CustomerReader(decider.program, rules.meant.purchases, at_ms)
    bought = BoughtEvents(rules.meant, book.value, at_ms // DAY)
    stored, whole = Counting(at_ms, period, 90, reader.kept_days), Counting(at_ms, period, 90)
    for number, days in enumerate(histories):
        events: list[DecodedEvent] = [
            event("purchase", one, f"c{number}", amount=amount) for one, amount in sorted(days)
        ]
        state = decide(f"c{number}", None, events, rules, watched(rules), at_ms, 4).stored
        assert state is not None
        stored.add(reader.bought(decider.read(state)))
        whole.add(bought.bought(events))
    by_state, by_events = stored.finish(), whole.finish()
    for name in ("customers", "quiet", "quiet_worth", "buyers", "worths"):
        assert getattr(by_state, name) == getattr(by_events, name), name
    if by_state.purchases_are_known:
        assert by_state.silent == by_events.silent
    if by_state.one_time_is_known and not by_state.one_time_since:
        assert by_state.one_time == by_events.one_time
