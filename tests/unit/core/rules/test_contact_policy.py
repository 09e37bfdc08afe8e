"""Laws of the contact policy: limits, quiet hours, consent, hold-out."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from schemas.consent import answers, spelling_of
from schemas.rules import ForEveryRule
from workers.core.rules.contact_policy import ContactPolicy, compile_contact_policy


def contact_policy(**content: Any) -> ContactPolicy:
    """Compile `for every rule`, keys with underscores for spaces."""
    return compile_contact_policy(
        ForEveryRule.model_validate({name.replace("_", " "): value for name, value in content.items()})
    )


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1000)


BERLIN = {"quiet_hours": {"from": "21:00", "until": "08:00"}, "time_zone": {"otherwise": "Europe/Berlin"}}


@pytest.mark.parametrize(
    ("now", "until"),
    [
        ("2024-01-10T20:59:59+01:00", None),
        ("2024-01-10T21:00:00+01:00", "2024-01-11T08:00:00+01:00"),
        ("2024-01-11T03:00:00+01:00", "2024-01-11T08:00:00+01:00"),
        ("2024-01-11T07:59:59+01:00", "2024-01-11T08:00:00+01:00"),
        ("2024-01-11T08:00:00+01:00", None),
        ("2024-03-30T23:00:00+01:00", "2024-03-31T08:00:00+02:00"),  # clocks are put forward in between
        ("2024-10-26T23:00:00+02:00", "2024-10-27T08:00:00+01:00"),  # and back
    ],
)
def test_quiet_hours_end_when_the_customers_clock_says_so(now: str, until: str | None) -> None:
    until_ms = contact_policy(**BERLIN).quiet_until_ms(at(now), {})
    assert until_ms == (None if until is None else at(until))


def test_quiet_hours_that_end_in_an_hour_that_is_skipped_or_repeated_still_end_later_than_now() -> None:
    night = contact_policy(quiet_hours={"from": "22:00", "until": "02:30"}, time_zone={"otherwise": "Europe/Berlin"})
    skipped = night.quiet_until_ms(at("2024-03-31T01:30:00+01:00"), {})
    assert skipped == at("2024-03-31T03:30:00+02:00")
    first = night.quiet_until_ms(at("2024-10-27T02:10:00+02:00"), {})
    assert first == at("2024-10-27T02:30:00+02:00")
    second = night.quiet_until_ms(at("2024-10-27T02:10:00+01:00"), {})
    assert second == at("2024-10-27T02:30:00+01:00")


@given(
    st.integers(at("2020-01-01T00:00:00+00:00"), at("2030-01-01T00:00:00+00:00")),
    st.sampled_from(
        ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Africa/Casablanca", "UTC"]
    ),
)
def test_no_customer_is_woken_and_none_waits_longer_than_a_day(now_ms: int, zone: str) -> None:
    quiet = contact_policy(quiet_hours={"from": "21:00", "until": "08:00"}, time_zone={"otherwise": zone})
    until_ms = quiet.quiet_until_ms(now_ms, {})
    if until_ms is not None:
        assert now_ms < until_ms <= now_ms + 13 * 3_600_000
        assert quiet.quiet_until_ms(until_ms, {}) is None


def test_the_first_zone_that_is_known_counts() -> None:
    ladder = contact_policy(
        time_zone={
            "from": "profile.zone",
            "country": "profile.country",
            "zones": {"PT": "Europe/Lisbon"},
            "otherwise": "Asia/Tokyo",
        }
    )
    assert ladder.zone_of({"profile.zone": ("America/Lima", 1), "profile.country": ("PT", 1)}) == "America/Lima"
    assert ladder.zone_of({"profile.zone": ("nonsense", 1), "profile.country": ("PT", 1)}) == "Europe/Lisbon"
    assert ladder.zone_of({"profile.zone": ("../etc/passwd", 1)}) == "Asia/Tokyo"
    assert ladder.zone_of({"profile.country": ("XX", 1)}) == "Asia/Tokyo"
    assert contact_policy().zone_of({}) == "UTC"


def test_an_opt_out_is_any_of_the_values_and_silence_counts_as_the_policy_says() -> None:
    policy = {"from": "profile.consent", "opted out": [False, "no"]}
    asked = contact_policy(consent=policy)
    assert asked.is_opted_out({"profile.consent": (False, 1)})
    assert asked.is_opted_out({"profile.consent": ("No", 1)})
    assert not asked.is_opted_out({"profile.consent": (True, 1)})
    assert not asked.is_opted_out({})
    assert contact_policy(consent={**policy, "unknown": "opted out"}).is_opted_out({})


@pytest.mark.parametrize(
    "answer",
    [
        False,
        "false",
        "FALSE",
        0,
        0.0,
        "0",
        "no",
        "no ",
        "NO",
        "n",
        "off",
        "Unsubscribed",
        "opted_out",
        "opt-out",
        "OPTED  OUT",
    ],
)
def test_every_common_spelling_of_no_is_a_no(answer: Any) -> None:
    asked = contact_policy(consent={"from": "profile.consent"})
    assert asked.is_opted_out({"profile.consent": (answer, 1)})
    assert asked.not_understood({"profile.consent": (answer, 1)}) is None


@pytest.mark.parametrize(
    "answer", [True, "true", "True", 1, 1.0, "1", "yes", " Yes", "y", "on", "subscribed", "opted_in"]
)
def test_every_common_spelling_of_yes_is_a_yes(answer: Any) -> None:
    asked = contact_policy(consent={"from": "profile.consent"})
    assert not asked.is_opted_out({"profile.consent": (answer, 1)})


@pytest.mark.parametrize(
    "answer", ["nein danke", "", " ", "pending", 2, -1, 0.5, "null", "undefined", 10**18, float("1e300")]
)
def test_what_is_neither_yes_nor_no_is_never_written_to(answer: Any) -> None:
    asked = contact_policy(consent={"from": "profile.consent"})
    assert asked.is_opted_out({"profile.consent": (answer, 1)})
    spelling = asked.not_understood({"profile.consent": (answer, 1)})
    assert spelling is not None
    assert len(spelling) <= 40


def test_what_a_rule_file_names_comes_before_the_common_spellings() -> None:
    consent = {"from": "profile.consent", "opted in": ["Nein danke", "off"], "opted out": ["JA", "on"]}
    asked = contact_policy(consent=consent)
    opted_out = [
        word for word in ("nein  danke", "off", "ja", "on") if asked.is_opted_out({"profile.consent": (word, 1)})
    ]
    assert opted_out == ["ja", "on"]


def test_an_attribute_that_says_whether_the_customer_opted_out_is_read_the_other_way_round() -> None:
    asked = contact_policy(consent={"from": "profile.opted_out", "opted out": [True]})
    for answer, is_opted_out in ((True, True), ("yes", True), (1, True), (False, False), ("no", False), ("0", False)):
        assert asked.is_opted_out({"profile.opted_out": (answer, 1)}) is is_opted_out
    assert asked.is_opted_out({"profile.opted_out": ("unsubscribed", 1)})
    assert asked.is_opted_out({"profile.opted_out": ("maybe", 1)})


def test_one_spelling_cannot_mean_yes_and_no() -> None:
    with pytest.raises(ValidationError, match="'no' cannot mean both"):
        contact_policy(consent={"from": "profile.consent", "opted in": ["no"], "opted out": ["NO "]})


def test_a_limit_counts_what_happened_in_its_stretch_of_time() -> None:
    limited = contact_policy(limits=[{"at most": "2 actions", "within": "7 days"}])
    week = 7 * 86_400_000
    assert limited.reached([0, 1], week, {}) is None
    assert limited.reached([1, 2], week, {}) == "at most 2 actions within 7 days"
    assert limited.remembers_ms == week


def test_a_limit_per_calendar_day_follows_the_customers_calendar() -> None:
    limited = contact_policy(
        limits=[{"at most": "1 action", "per": "calendar day"}], time_zone={"otherwise": "Pacific/Auckland"}
    )
    first = at("2024-05-10T23:30:00+12:00")
    assert limited.reached([first], at("2024-05-10T23:59:00+12:00"), {}) == "at most 1 action per calendar day"
    assert limited.reached([first], at("2024-05-11T00:01:00+12:00"), {}) is None


def test_a_calendar_week_begins_on_monday() -> None:
    limited = contact_policy(limits=[{"at most": "1 action", "per": "calendar week"}])
    sunday = at("2024-05-12T12:00:00+00:00")
    assert limited.reached([sunday], at("2024-05-12T23:59:00+00:00"), {}) is not None
    assert limited.reached([sunday], at("2024-05-13T00:00:00+00:00"), {}) is None


def test_times_are_read_in_utc_in_any_time_zone_of_the_machine() -> None:
    utc = contact_policy(quiet_hours={"from": "21:00", "until": "08:00"})
    assert utc.quiet_until_ms(at("2024-01-01T21:00:00+00:00"), {}) == int(
        datetime(2024, 1, 2, 8, tzinfo=UTC).timestamp() * 1000
    )


@pytest.mark.parametrize("answer", ["-1", "_1", "-yes", "1-", "yes_"])
def test_a_sign_before_or_after_a_spelling_is_part_of_it(answer: str) -> None:
    assert spelling_of(answer) == answer
    assert spelling_of(answer) not in answers((), ())
