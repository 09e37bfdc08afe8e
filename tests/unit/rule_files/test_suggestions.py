"""Laws of hints: what people write instead is understood, and what comes out is what the grammar takes."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from schemas.conditions import Age, Ages, Between, Percent, Reference, Times, TypeName
from schemas.durations import Duration
from schemas.paces import Pace
from schemas.rules import ClockTime, Limit, Offset, RuleId, Zone
from workers.rule_files import suggestions as hints
from workers.rule_files.hints import values

WRITTEN: list[tuple[Callable[[str], str | None], Any, list[tuple[str, str | None]]]] = [
    (
        values.as_duration,
        Duration,
        [
            ("45d", "45 days"),
            ("45days", "45 days"),
            ("45-days", "45 days"),
            ("45 dyas", "45 days"),
            ("6h", "6 hours"),
            ("2wk", "2 weeks"),
            ("1.5 days", "36 hours"),
            ("1,5 days", "36 hours"),
            ("0.5 h", "30 minutes"),
            ("1 day", "1 day"),
            ("2 months", "60 days"),
            ("1 year", "365 days"),
            ("P45D", "45 days"),
            ("PT6H", "6 hours"),
            ("a week", "1 week"),
            ("one week", "1 week"),
            ("week", "1 week"),
            ("forty days", "40 days"),
            ("for 45 days", "45 days"),
            ("-3 days", None),
            ("45", None),
            ("never", None),
            ("soon", None),
            ("0 days", None),
            ("", None),
            ("1 day 60 minutes", "25 hours"),
            ("last year", None),
            ("the next week", None),
            ("20 days 6 hours", "486 hours"),
            ("45 days within 365 days", None),
            ("45 days or 2 weeks", None),
            ("forty-five days", "45 days"),
            ("a hundred days", None),
            ("less than 45 days", None),
            ("6m", None),
            ("6M", None),
            ("P1M", "30 days"),
            ("PT30M", "30 minutes"),
            ("P1DT6H", "30 hours"),
            ("1 unpaid day", None),
        ],
    ),
    (
        values.as_percent,
        Percent,
        [
            ("50", "50%"),
            ("0.5", "50%"),
            ("50 percent", "50%"),
            ("-50%", "50%"),
            ("12,5%", "12.5%"),
            ("half", None),
            ("5 to 10%", None),
            ("1/3", None),
            ("30% of seats", None),
            ("0", None),
        ],
    ),
    (
        values.as_times,
        Times,
        [("2.5x", "2.5 times"), ("2-3 times", None), ("2.5", "2.5 times"), ("0.5", None), ("twice", None)],
    ),
    (
        values.as_two_numbers,
        Between,
        [
            ("3-10", "3 and 10"),
            ("10 to 3", "3 and 10"),
            ("3 10", "3 and 10"),
            ("3", None),
            ("1 2 3", None),
            ("-3 to 5", "-3 and 5"),
            ("10% and 20%", None),
            ("1.5k and 2", None),
        ],
    ),
    (
        values.as_two_ages,
        Ages,
        [
            ("30-90 days", "30 days and 90 days ago"),
            ("90 days and 30 days", "30 days and 90 days ago"),
            ("2-4 weeks ago", "2 weeks and 4 weeks ago"),
            ("30-90", None),
            ("1 week to 30 days", "1 weeks and 30 days ago"),
            ("1 to 2 or 3 days", None),
            ("1-2 months", None),
            ("30", None),
        ],
    ),
    (
        values.as_pace,
        Pace,
        [
            ("500/hour", "at most 500 per hour"),
            ("500 an hour", "at most 500 per hour"),
            ("max 20/min", "at most 20 per minute"),
            ("100/d", "at most 100 per day"),
            ("500", None),
            ("500 in 2 hours", None),
            ("1000 per week", None),
            ("1.5k per hour", None),
            ("10/s", None),
            ("slowly", None),
        ],
    ),
    (
        values.as_time_of_day,
        ClockTime,
        [
            ("9pm", "21:00"),
            ("9 am", "09:00"),
            ("12am", "00:00"),
            ("12pm", "12:00"),
            ("21", "21:00"),
            ("21.30", "21:30"),
            ("2130", "21:30"),
            ("21h30", "21:30"),
            ("25:00", None),
            ("night", None),
        ],
    ),
    (
        values.as_offset,
        Offset,
        [
            ("0", "start"),
            ("day 0", "start"),
            ("begin", "start"),
            ("day 20", "20 days"),
            ("20", "20 days"),
            ("20d", "20 days"),
            ("-5 days", None),
        ],
    ),
    (hints.as_id, RuleId, [("Gone Quiet!", "gone-quiet"), ("gone_quiet", "gone-quiet"), ("a", None), ("123", None)]),
    (hints.as_type, TypeName, [("Purchase", "purchase"), ("cart left", "cart_left"), ("!!", None)]),
    (
        hints.as_reference,
        Reference,
        [
            ("purchase amount", "purchase.amount"),
            ("purchase:amount", "purchase.amount"),
            ("Purchase.Amount", "purchase.Amount"),
            ("purchase->amount", "purchase.amount"),
            ("amount", "purchase.amount"),
            ("effective at", "cancellation.effective_at"),
            ("plan", None),
            ("a.b.c", None),
        ],
    ),
    (
        hints.as_zone,
        Zone,
        [
            ("Berlin", "Europe/Berlin"),
            ("new york", "America/New_York"),
            ("Europe/Berln", "Europe/Berlin"),
            ("?", None),
        ],
    ),
]
CASES = [(read, kind, written, meant) for read, kind, cases in WRITTEN for written, meant in cases]


@pytest.mark.parametrize(("read", "kind", "written", "meant"), CASES)
def test_what_people_write_is_understood(
    read: Callable[[str], str | None], kind: Any, written: str, meant: str | None
) -> None:
    assert read(written) == meant


@pytest.mark.parametrize(("read", "kind"), [row[:2] for row in WRITTEN])
@given(written=st.text(max_size=20) | st.from_regex(r"[-0-9.,:/ ]{0,6}[a-zA-Z% ]{0,9}", fullmatch=True))
def test_for_any_text_the_hint_is_possible(read: Callable[[str], str | None], kind: Any, written: str) -> None:
    if (meant := read(written)) is not None:
        TypeAdapter(kind).validate_python(meant)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2 mails", "2 actions"),
        ("1", "1 action"),
        ("max. 3", "3 actions"),
        ("0", None),
        ("few", None),
        ("2-3 mails", None),
        ("2 per week", None),
    ],
)
def test_so_many_mails_are_so_many_actions(written: str, meant: str | None) -> None:
    assert values.as_actions(written) == meant
    if meant is not None:
        Limit.model_validate({"at most": meant, "within": "7 days"})


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("three", "3"),
        ("3x", "3"),
        ("3 purchases", "3"),
        (">= 3", None),
        ("3 days", None),
        ("3 percent", None),
        ("30%", None),
        ("3k", None),
        ("3 million", None),
        ("3 of 5", None),
        ("500 EUR", "500"),
        ("500 cents", None),
        ("1,000", "1000"),
        ("1,000.50", "1000.50"),
        ("2,5", "2.5"),
        ("3.", "3"),
        ("3 to 5", None),
        ("some", None),
    ],
)
def test_numbers_are_found_in_words(written: str, meant: str | None) -> None:
    assert values.as_number(written, ["purchase"]) == meant


@pytest.mark.parametrize(
    ("written", "possible", "meant"),
    [
        ("at_least", ["at least", "at most"], "at least"),
        ("AT  LEAST", ["at least", "at most"], "at least"),
        ("min", ["at least", "at most"], "at least"),
        ("<=", ["at least", "at most"], "at most"),
        ("equals", ["exactly", "is"], "is"),
        ("equals", ["exactly"], "exactly"),
        ("within", ["none", "for"], "for"),
        ("for", ["count", "within"], "within"),
        ("name", ["id", "title", "name"], "name"),
        ("name", ["id", "title"], "id"),
        ("temlpate", ["title", "template"], "template"),
        ("qqqqq", ["title", "template"], None),
    ],
)
def test_the_key_that_was_meant_looks_alike_or_is_called_so_by_people(
    written: str, possible: list[str], meant: str | None
) -> None:
    assert hints.meant_key(written, possible) == meant


@pytest.mark.parametrize(
    ("written", "possible", "meant"),
    [
        ("on", ["draft", "shadow", "live", "paused"], "live"),
        ("LIVE", ["draft", "shadow", "live", "paused"], "live"),
        ("disabled", ["draft", "shadow", "live", "paused"], "paused"),
        ("winback", ["at-risk", "win-back"], "win-back"),
        ("canceled", ["active", "cancelled"], "cancelled"),
        ("none", ["nothing"], "nothing"),
        ("xyz", ["nothing"], None),
    ],
)
def test_the_value_that_was_meant_looks_alike_or_is_called_so_by_people(
    written: str, possible: list[str], meant: str | None
) -> None:
    assert hints.meant_value(written, possible) == meant


@pytest.mark.parametrize(
    ("written", "kind", "value", "below"),
    [
        ("purchase at least 3", "count", "purchase", ["at least: 3"]),
        ("purchase for 45 days", "none", "purchase", ["for: 45 days"]),
        ("purchase in the last 45 days", "none", "purchase", ["for: 45 days"]),
        ("purchase >= 3", "count", "purchase", ["at least: 3"]),
        ("purchase no more than 3", "count", "purchase", ["at most: 3"]),
        ("purchase no less than 3", "count", "purchase", ["at least: 3"]),
        ("purchase at least 3 within 30 days", "count", "purchase", ["at least: 3", "within: 30 days"]),
        ("purchase at least 3 for 30 days", "count", "purchase", ["at least: 3", "within: 30 days"]),
        ("purchase.amount > 50", "sum", "purchase.amount", ["more than: 50"]),
    ],
)
def test_what_stands_in_one_line_is_put_into_several_and_no_part_is_lost(
    written: str, kind: str, value: str, below: list[str]
) -> None:
    lines = hints.in_lines(written, kind)
    assert lines is not None
    assert (lines.value, [f"{key}: {bound}" for key, bound in lines.below]) == (value, below)


@pytest.mark.parametrize(
    ("written", "kind"),
    [
        ("purchase", "count"),
        ("forever", "count"),
        ("purchase != 3", "count"),
        ("purchase at least 3 or at most 1 per week", "count"),
        ("purchase at least three or so", "count"),
        ("purchase for 45 days unless cancelled", "none"),
        ("14 days at most", "expires after"),
    ],
)
def test_a_line_of_which_a_part_is_not_understood_is_not_put_into_two(written: str, kind: str) -> None:
    assert hints.in_lines(written, kind) is None


@pytest.mark.parametrize(
    ("line", "with_colon"),
    [
        ("    at least 3", "at least: 3"),
        ("  - none purchase", "none: purchase"),
        ("status live", "status: live"),
        ("expires after 14 days", "expires after: 14 days"),
        ("nothing like it", None),
        ("count purchase at least 3", None),
        ("not cancelled", None),
        ("when status cancelled", None),
    ],
)
def test_a_line_that_lacks_its_colon_gets_it(line: str, with_colon: str | None) -> None:
    assert hints.key_at_the_beginning(line) == with_colon


def test_an_age_may_be_meant_without_ago() -> None:
    assert TypeAdapter(Age).validate_python("30 days") == TypeAdapter(Age).validate_python("30 days ago")


def test_a_pause_without_end_is_never_and_an_expiry_is_not() -> None:
    assert hints.rewritten("duration", "no", "again after") == "never"
    assert hints.rewritten("duration", "no", "expires after") is None
