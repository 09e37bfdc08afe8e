"""Laws of differences: an example passes if exactly what it expects is decided."""

from typing import Any, Final

import pytest

from tests.unit.rule_tests.example_rules import ACTS, BOUGHT, run_one, text_of


def test_an_example_passes_if_exactly_what_it_expects_is_decided() -> None:
    result = run_one(ACTS)
    assert result.passed
    assert [entry.mark for entry in result.timeline] == ["given", "met"]


@pytest.mark.parametrize(
    "expect",
    [
        "nothing",
        [{"at": "44 days", "action": "at-risk"}],
        [{"at": "45 days 1 second", "action": "at-risk"}],
        [{"at": "44 days 23 hours 59 minutes 59 seconds", "action": "at-risk"}],
        [{"at": "45 days", "action": "win-back"}],
        [{"at": "45 days", "retracted": "customer_returned"}],
        [*ACTS, {"at": "46 days", "action": "at-risk"}],
        [*ACTS, *ACTS],
        [{"at": "45 days", "action": "at-risk", "variables": {"name": "Ada"}}],
        [{"at": "45 days", "action": "at-risk", "not before": "45 days"}],
    ],
)
def test_an_example_fails_if_anything_else_is_expected(expect: Any) -> None:
    assert not run_one(expect).passed


def test_moments_between_two_seconds_are_written_as_the_second_before() -> None:
    expect = [{"at": "7 days", "action": "at-risk"}]
    assert run_one(expect, when={"not": {"last": "purchase", "at most": "7 days ago"}}).passed


def test_reasons_why_nothing_is_sent_need_no_mention() -> None:
    given = [{"at": "start", "event": "purchase", "every": "50 days", "times": 2}]
    result = run_one([*ACTS, {"at": "50 days", "retracted": "customer_returned"}], given, again_after="never")
    assert result.passed
    assert [entry.mark for entry in result.timeline] == ["given", "met", "given", "met", "noted"]


def test_once_one_such_reason_is_expected_all_of_them_are() -> None:
    given = [{"at": "start", "event": "purchase", "every": "50 days", "times": 3}]
    expect = [
        *ACTS,
        {"at": "50 days", "retracted": "customer_returned"},
        {"at": "95 days", "decision": "cooling_down"},
    ]
    result = run_one(expect, given, again_after="never")
    assert [entry.mark for entry in result.timeline if entry.mark != "given"] == ["met", "met", "met", "unexpected"]
    assert run_one([*expect, {"at": "145 days", "decision": "cooling_down"}], given, again_after="never").passed


def test_what_cannot_be_known_needs_no_mention_even_beside_other_reasons() -> None:
    given = [{"at": "start", "event": "purchase"}]
    when = {"all": [{"last": "purchase", "at least": "5 days ago"}, {"none": "login", "for": "20 days"}]}
    expect = [{"at": "20 days", "action": "at-risk"}]
    assert run_one(expect, given, when=when).passed
    unknown = {"at": "5 days", "decision": "not_observable"}
    assert run_one([unknown, *expect], given, when=when).passed
    assert not run_one([{**unknown, "at": "6 days"}, *expect], given, when=when).passed
    suppressed = [
        *expect,
        {"at": "30 days", "retracted": "customer_returned"},
        {"at": "35 days", "decision": "cooling_down"},
    ]
    twice = [*given, {"at": "30 days", "event": "purchase"}]
    again = [entry.mark for entry in run_one(suppressed, twice, when=when, again_after="never").timeline]
    assert "unexpected" not in again


@pytest.mark.parametrize(
    ("written", "fits"),
    [
        ({"price": 25}, True),
        ({"price": 25.0}, True),
        ({"price": "25"}, True),
        ({"price": 26}, False),
        ({"price": True}, False),
        ({}, False),
        ({"price": 25, "more": 1}, False),
    ],
)
def test_variables_are_compared_by_what_they_mean_once_they_are_written(written: Any, fits: bool) -> None:
    given = [{"at": "start", "event": "purchase", "with": {"amount": 25}}]
    expect = [{**ACTS[0], "variables": written}]
    assert run_one(expect, given, variables={"price": "purchase.amount"}).passed is fits
    assert run_one(ACTS, given, variables={"price": "purchase.amount"}).passed


def test_what_is_true_is_not_the_number_one() -> None:
    given = [*BOUGHT, {"at": "start", "event": "profile", "with": {"club": True}}]
    content: Any = {"variables": {"club": "profile.club"}}
    assert run_one([{**ACTS[0], "variables": {"club": True}}], given, **content).passed
    assert not run_one([{**ACTS[0], "variables": {"club": 1}}], given, **content).passed


def test_a_missing_variable_can_be_expected() -> None:
    expect = [{**ACTS[0], "variables": {"club": None}}]
    assert run_one(expect, variables={"club": "profile.club"}).passed


CARRIES: Final = {"channel": "phone", "locale": "nl-BE", "labels": {"campaign": "spring", "cost": 4}}


def test_channel_locale_and_labels_are_compared_if_they_are_expected() -> None:
    assert run_one(ACTS, **CARRIES).passed
    assert run_one([{**ACTS[0], **CARRIES}], **CARRIES).passed
    for name, other, says in (
        ("channel", "mail", "with another channel"),
        ("locale", "de-DE", "with another locale"),
        ("labels", {"campaign": "spring"}, "with other labels"),
    ):
        result = run_one([{**ACTS[0], name: other}], **CARRIES)
        assert f"it happens, {says}" in text_of(result)
        (instead,) = result.instead
        assert getattr(instead, name) == CARRIES[name]
        assert [each for each in CARRIES if getattr(instead, each) is not None] == [name]
    assert "it happens, without a channel" in text_of(run_one([{**ACTS[0], "channel": "phone"}]))
    assert "it happens, without labels" in text_of(run_one([{**ACTS[0], "labels": {"campaign": "spring"}}]))
