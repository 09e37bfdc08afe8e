"""Laws of open actions: those that a mailer may carry out after an erasure, and no others."""

from datetime import UTC, datetime
from typing import Any, Final

import pytest

from schemas.actions import Action, Rule, encode
from tests.support.builders import day
from workers.customer_orders.open_actions import OpenAction, OpenActions, advice, not_taken_back
from workers.settings import read_settings


def value(action_id: str, **other: Any) -> bytes:
    def at(number: float) -> datetime:
        return datetime.fromtimestamp(day(number) / 1000, UTC)

    fields: dict[str, Any] = {
        "action": "at-risk",
        "status": "active",
        "customer_id": "ada",
        "rule": Rule(id="quiet", version="0123456789ab"),
        "episode_started_at": at(1),
        "decided_at": at(1),
        "expires_at": at(10),
        "template": "t",
        "variables": {},
        "why": (),
    }
    days = {name: at(number) for name, number in other.items() if name.endswith("_at")}
    return encode(Action(action_id=action_id, **{**fields, **other, **days}))


def still_open(*values: bytes | None, name: str = "at-risk", at_day: float = 5) -> list[str]:
    actions = OpenActions(("at-risk", "win-back"))
    for one in values:
        actions.take(name, one)
    return [action.action_id for action in actions.at(day(at_day))]


def test_an_action_is_open_from_its_decision_until_it_ends() -> None:
    assert [still_open(value("a"), at_day=at_day) for at_day in (0.9, 1, 9.9, 10)] == [[], ["a"], ["a"], []]


def test_a_retraction_is_final_wherever_it_stands() -> None:
    back = value("a", status="retracted", retracted_at=3, retracted_because="erased")
    assert still_open(value("a"), value("b"), back) == ["b"]
    assert still_open(back, value("a")) == []


@pytest.mark.parametrize("raw", [None, b"", b"no JSON", b"[]", b'{"action_id": "a"}'])
def test_what_is_no_action_is_left_out(raw: bytes | None) -> None:
    assert still_open(raw) == []


def test_decisions_and_events_are_no_actions() -> None:
    assert still_open(value("a"), name="decisions") == []
    assert still_open(value("a"), name="activity") == []
    assert still_open(value("a"), name="win-back") == ["a"]


SETTINGS: Final = read_settings({})


def test_it_is_said_where_they_are_and_of_very_many_that_not_all_are_shown() -> None:
    one = OpenAction("at-risk", "a-1", "quiet", day(1), day(10))
    assert not_taken_back(1).startswith("1 action is still open")
    assert advice([one], SETTINGS).endswith("drop: linger.at-risk a-1 (rule quiet, until 2024-01-11T00:00:00Z)")
    many = advice([one] * 1_200, SETTINGS)
    assert many.startswith("1,200 actions are still open")
    assert many.endswith("… (--json has all of them)")
