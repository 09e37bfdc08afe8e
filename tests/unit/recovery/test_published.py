"""Laws of what counts as published already."""

from datetime import timedelta
from typing import Any, Literal

from schemas.actions import DISCARDED_DETAIL, Action, Decision, Rule, Suppression, action_id, encode, moment
from tests.support.builders import day
from workers.core.decisions.published import held_back, record_of
from workers.recovery.published import ABANDONED, ACTIVE, HELD, RETRACTED, Published


def action(at_day: float = 1, status: Literal["active", "retracted"] = "active", **other: Any) -> Action:
    at = moment(day(at_day))
    return Action(
        action_id=action_id("soft", "ada", day(at_day)),
        action="at-risk",
        status=status,
        customer_id="ada",
        rule=Rule("soft", "v1"),
        episode_started_at=at,
        decided_at=at,
        expires_at=at + timedelta(days=14),
        template="t",
        variables={},
        why=(),
        **other,
    )


def decision(kind: Suppression) -> Decision:
    at = moment(day(1))
    return Decision(
        action_id=action().action_id,
        decision=kind,
        action="at-risk",
        customer_id="ada",
        rule=Rule("soft", "v1"),
        episode_started_at=at,
        decided_at=at,
        detail="",
    )


def held(detail: str) -> bytes:
    """Return the decision that the action is not sent, as published."""
    value = held_back(record_of(action(), "linger"), detail).value
    assert value is not None
    return value


def test_what_is_known_of_an_id_is_everything_that_was_ever_said_about_it() -> None:
    published = Published()
    assert published.status_of(action().action_id) == 0
    published.add(0, held("more than 1 per day"))
    assert published.status_of(action().action_id) == HELD
    published.add(0, held(DISCARDED_DETAIL))
    published.add(0, encode(action()))
    published.add(0, encode(action(status="retracted", retracted_at=moment(day(3)))))
    published.add(0, None)
    assert published.status_of(action().action_id) == HELD | ABANDONED | ACTIVE | RETRACTED


def test_why_an_action_is_held_is_known_from_the_last_words_about_it() -> None:
    for details, because in (
        (["more than 1 per day: it waits its turn"], "pace"),
        (["paused by ann@shop: wrong offer"], "pause"),
        (["the brake holds it: more than 500 per hour of all rules"], "brake"),
        (["more than 1 per day: it waits its turn", "paused by ann@shop"], "pause"),  # released during a pause
        (["the brake holds it: more than 500", "paused by ann@shop"], "brake"),
        (["paused by ann@shop", DISCARDED_DETAIL], None),
        ([], None),
    ):
        published = Published()
        for detail in details:
            published.add(0, held(detail))
        assert published.held_because(action().action_id) == because
    published.add(0, held("paused by ann@shop"))
    published.add(0, encode(action()))
    assert published.held_because(action().action_id) is None


def test_a_decision_is_known_by_its_id_and_its_kind() -> None:
    published = Published()
    published.add(0, encode(decision("capped")))
    assert published.has_decision(decision("capped").action_id, "capped")
    assert not published.has_decision(decision("capped").action_id, "outranked")


def test_the_latest_moment_decided_is_that_of_the_partition_or_else_of_all() -> None:
    published = Published()
    assert published.decided_ms(0) == 0
    published.add(1, encode(action(5)))
    published.add(1, encode(action(2)))
    published.add(2, encode(action(1, "retracted", retracted_at=moment(day(7)))))
    assert (published.decided_ms(0), published.decided_ms(1), published.decided_ms(2)) == (day(7), day(5), day(7))


def test_where_records_were_deleted_only_later_ones_can_be_missed() -> None:
    published = Published(kept_from_ms={("linger.at-risk", 1): day(10)})
    assert not published.is_retained("linger.at-risk", 1, day(9))
    assert published.is_retained("linger.at-risk", 1, day(10))
    assert published.is_retained("linger.at-risk", 0, day(1))
