"""Both languages say everything, with the same gaps; numbers, dates and amounts look as people write them."""

import re

import pytest

from workers.report.document import (
    AsOf,
    Count,
    Day,
    Incomplete,
    Interval,
    Label,
    Missing,
    Moment,
    Money,
    Month,
    Number,
    Period,
    Share,
    Word,
)
from workers.report.words.language import LANGUAGES

ENGLISH, DUTCH = LANGUAGES["en"], LANGUAGES["nl"]
GAP = re.compile(r"\{(\w+)[|}]")


def test_both_languages_have_the_same_keys_in_the_same_order() -> None:
    assert list(ENGLISH.words) == list(DUTCH.words)


@pytest.mark.parametrize("key", ENGLISH.words)
def test_a_phrase_has_the_same_gaps_in_both_languages(key: str) -> None:
    assert set(GAP.findall(ENGLISH.words[key])) == set(GAP.findall(DUTCH.words[key]))


def test_every_sentence_ends_with_a_full_stop_and_no_title_does() -> None:
    for words in (ENGLISH.words, DUTCH.words):
        for key, phrase in words.items():
            if key.endswith(".sentence") or key.startswith(("reason.", "note.", "verdict.")):
                assert phrase.endswith("."), key
            if key.endswith((".title", ".of")):
                assert not phrase.endswith("."), key


def test_everything_that_is_defined_has_a_title_and_a_sentence() -> None:
    titles = {key.removesuffix(".title") for key in ENGLISH.words if key.endswith(".title")} - {"report"}
    assert titles == {key.removesuffix(".sentence") for key in ENGLISH.words if key.endswith(".sentence")}


@pytest.mark.parametrize(
    ("value", "english", "dutch"),
    [
        (Count(1234567), "1,234,567", "1.234.567"),
        (Number(-0.04), "0.0", "0,0"),
        (Number(-3.04), "−3.0", "−3,0"),
        (Share(1, 3), "33.3%", "33,3%"),
        (Share(1, 4_000), "0.03%", "0,03%"),
        (Share(0, 4_000), "0.0%", "0,0%"),
        (Money(123_456_000, "EUR"), "€12,346", "€\xa012.346"),
        (Money(-125_000, "EUR"), "−€12.50", "€\xa0−12,50"),
        (Money(4_800_000, "USD"), "$480", "$\xa0480"),
        (Money(4_800_000, "CHF"), "CHF\xa0480", "CHF\xa0480"),
        (Money(4_800_000, "-"), "480", "480"),
        (Money(9_999_999, "EUR"), "€1,000", "€\xa01.000"),
        (Interval(Number(1.25, 0), Number(8, 0), Number(4, 0)), "4 (1 to 8)", "4 (1 tot 8)"),
        (Day(0), "1 January 1970", "1 januari 1970"),
        (Month("2026-03"), "March 2026", "maart 2026"),
        (Moment(1_796_131_543_000), "1 December 2026, 13:25 UTC", "1 december 2026, 13:25 UTC"),
        (Label("erg duur"), "erg duur", "erg duur"),
        (Word("silent_for", {"days": Count(90)}), "90 days or longer", "90 dagen of langer"),
        (Incomplete(Count(2)), "2*", "2*"),
        (Missing("no_events"), "–", "–"),
    ],
    ids=repr,
)
def test_a_value_looks_as_people_write_it(value: object, english: str, dutch: str) -> None:
    assert (ENGLISH.text(value), DUTCH.text(value)) == (english, dutch)  # type: ignore[arg-type]


def test_a_share_within_a_phrase_and_in_a_narrow_place_has_no_decimals_that_say_nothing() -> None:
    assert ENGLISH.say("pareto.title", {"share": Share(20, 100), "currency": Label("EUR")}).startswith(
        "Brought by the top 20%"
    )
    assert (DUTCH.short(Share(1, 8)), DUTCH.short(Share(1, 4))) == ("12,5%", "25%")


def test_one_of_something_is_singular() -> None:
    assert ENGLISH.say("churn_contract.of", {"n": Count(1)}) == "1 contract at the start"
    assert DUTCH.say("churn_contract.of", {"n": Count(2)}) == "2 contracten aan het begin"


def test_a_period_is_as_short_as_it_can_be() -> None:
    assert ENGLISH.time(Period(20_758, 20_787)) == "November 2026"
    assert ENGLISH.time(Period(20_758, 20_758)) == "1 November 2026"
    assert ENGLISH.time(Period(20_758, 20_760)) == "1–3 November 2026"
    assert DUTCH.time(Period(20_727, 20_760)) == "1 oktober – 3 november 2026"  # codespell:ignore
    assert ENGLISH.time(Period(20_454, 20_760)) == "1 January – 3 November 2026"
    assert ENGLISH.time(Period(20_453, 20_760)) == "31 December 2025 – 3 November 2026"
    assert DUTCH.time(AsOf(0)) == "stand op 1 januari 1970, 00:00 UTC"


def test_why_there_is_no_value_is_a_sentence() -> None:
    missing = Missing("too_young", {"days": Count(30)})
    assert ENGLISH.reason(missing) == "No customer's first order is 30 days old yet."
    assert DUTCH.reason(missing) == "Van geen enkele klant is de eerste bestelling al 30 dagen oud."
