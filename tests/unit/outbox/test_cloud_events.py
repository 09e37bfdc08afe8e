"""Laws of what is published: CloudEvents, deterministic, and true to the published schemas."""

import json
import re
from datetime import UTC, datetime
from typing import Any, Final

import pytest
from jsonschema import Draft202012Validator, FormatChecker  # type: ignore[import-untyped]

from tests.support.builders import TYPES, day, event, rule, rules, watched
from tests.support.decided import decide
from tests.support.messages import messages
from tests.support.paths import ROOT
from workers.core.events.decoding import DecodedEvent
from workers.kafka.records import OutboxRecord, decode_record, encode_record

QUIET: Final = {
    "all": [{"count": "purchase", "at least": 2, "within": "60 days"}, {"none": "purchase", "for": "9 days"}]
}


def validator(name: str) -> Draft202012Validator:
    schema = json.loads(ROOT.joinpath("schemas", "json", f"{name}.schema.json").read_text())
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema, format_checker=FormatChecker())


def published(
    events: list[DecodedEvent],
    *,
    upto_day: float = 0,
    customer: str = "ada",
    types: tuple[str, ...] = TYPES,
    **content: Any,
) -> list[OutboxRecord]:
    """Return the records that some events lead to under one rule."""
    ruleset = rules(rule("quiet", **{"when": QUIET, **content}), types=types)
    upto_ms = day(upto_day) if upto_day else 0
    return messages(decide(customer, None, events, ruleset, watched(ruleset), upto_ms).decisions, "linger")


def bought(*days: float) -> list[DecodedEvent]:
    return [event("purchase", at, event_id=f"p{at}") for at in days]


def headers(record: OutboxRecord) -> dict[str, str]:
    return {name: (value or b"").decode() for name, value in record.headers}


def body(record: OutboxRecord) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(record.value or b"")
    return document


# --- where and to whom --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["at-risk", "win-back"])
def test_an_action_goes_to_the_topic_of_its_name(name: str) -> None:
    (record,) = published(bought(1, 2), upto_day=20, action=name)
    assert record.topic == f"linger.{name}"
    assert headers(record)["ce_type"] == f"linger.{name}.v1"


def test_a_decision_not_to_act_goes_to_the_decisions() -> None:
    (record,) = published(bought(1, 2), upto_day=20, status="shadow")
    assert record.topic == "linger.decisions"
    assert headers(record)["ce_type"] == "linger.decision.v1"
    assert body(record)["decision"] == "shadow"


@pytest.mark.parametrize("customer", ["ada", "å/🦊 {x}:\r\n", "ü" * 128])
def test_the_key_is_the_customer_as_bytes(customer: str) -> None:
    (record,) = published(bought(1, 2), upto_day=20, customer=customer)
    assert record.key == customer.encode()
    assert headers(record)["ce_subject"] == customer
    assert body(record)["customer_id"] == customer


# --- CloudEvents --------------------------------------------------------------------------------------------------


def test_an_action_carries_the_headers_of_a_cloudevent_in_binary_mode() -> None:
    (record,) = published(bought(1, 2), upto_day=20)
    assert headers(record) == {
        "ce_specversion": "1.0",
        "content-type": "application/json",
        "ce_id": body(record)["action_id"],
        "ce_type": "linger.at-risk.v1",
        "ce_source": "/linger/rules/quiet",
        "ce_subject": "ada",
        "ce_time": "2024-01-12T00:00:00Z",
        "ce_expirytime": "2024-01-26T00:00:00Z",
    }


def test_the_times_of_an_action_are_those_of_the_customer_and_not_of_a_clock() -> None:
    (record,) = published(bought(1, 2), upto_day=400)
    assert body(record)["decided_at"] == body(record)["episode_started_at"] == "2024-01-12T00:00:00Z"
    assert body(record)["expires_at"] == "2024-01-26T00:00:00Z"


def test_times_are_written_with_the_milliseconds_they_have() -> None:
    (record,) = published([*bought(1), event("purchase", 2 + 0.123 / 86_400, event_id="x")], upto_day=20)
    assert headers(record)["ce_time"] == "2024-01-12T00:00:00.123000Z"
    assert datetime.fromisoformat(headers(record)["ce_time"]) == datetime(2024, 1, 12, 0, 0, 0, 123_000, UTC)


def test_a_decision_not_to_act_has_an_id_of_its_own() -> None:
    (acted,) = published(bought(1, 2), upto_day=20)
    (shadow,) = published(bought(1, 2), upto_day=20, status="shadow")
    assert body(shadow)["action_id"] == body(acted)["action_id"]
    assert headers(shadow)["ce_id"] == f"{headers(acted)['ce_id']}:shadow"


def test_a_retraction_is_another_event_about_the_same_action() -> None:
    first, second = published(bought(1, 2, 15))
    assert [body(one)["status"] for one in (first, second)] == ["active", "retracted"]
    assert body(first)["action_id"] == body(second)["action_id"]
    assert headers(second)["ce_id"] == f"{headers(first)['ce_id']}:retracted"
    assert headers(second)["ce_time"] == "2024-01-16T00:00:00Z"
    assert (first.topic, first.key) == (second.topic, second.key)


def test_an_action_id_is_a_uuid_of_version_5() -> None:
    (record,) = published(bought(1, 2), upto_day=20)
    assert re.fullmatch(
        r"[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", body(record)["action_id"]
    )


# --- deterministic ------------------------------------------------------------------------------------------------


def test_equal_decisions_give_equal_bytes() -> None:
    assert published(bought(1, 2, 15), upto_day=40) == published(bought(1, 2, 15), upto_day=40)


def test_what_comes_out_of_the_outbox_is_what_was_put_in() -> None:
    for record in published(bought(1, 2, 15), upto_day=40):
        assert decode_record(encode_record(record)) == record


def test_nothing_decided_is_nothing_to_publish() -> None:
    assert messages([], "linger") == []


# --- true to the schemas ------------------------------------------------------------------------------------------

EVERYTHING: Final = {
    "any": [
        QUIET,
        {"not": {"sum": "purchase.amount", "at least": "1.5", "at most": 7, "within": "12 days"}},
        {"count": "purchase", "at most": 3, "where": {"amount": {"at least": 30}, "currency": {"other than": "USD"}}},
        {"none": "login", "for": "90 minutes", "where": {"how": ["app", "web"]}},
        {"status": "active"},
    ]
}


@pytest.mark.parametrize("when", [QUIET, *EVERYTHING["any"], EVERYTHING], ids=str)
@pytest.mark.parametrize("status", ["live", "shadow"])
def test_every_message_is_as_its_schema_says(when: Any, status: str) -> None:
    events = [*bought(1, 2), event("login", 3, how="app"), *bought(15, 16), event("cancellation", 17, reason="price")]
    records = published(
        events,
        upto_day=40,
        when=when,
        status=status,
        variables={"reason": "cancellation.reason", "sum": "purchase.amount"},
    )
    assert records
    for record in records:
        validator("decision" if record.topic.endswith("decisions") else "action").validate(body(record))


VALUES: Final = ["text", "", 5, -1, 2.5, 10**15, None]


@pytest.mark.parametrize(
    "value",
    [
        *VALUES,
        True,
        False,
    ],
)
def test_a_variable_is_written_as_its_schema_says_for_any_value_of_the_event(value: Any) -> None:
    (record,) = published(
        [event("nps", 1, event_id="n", score=value)],
        types=(*TYPES, "nps"),
        when={"count": "nps", "at least": 1},
        variables={"score": "nps.score"},
    )
    assert body(record)["variables"] == {"score": value}
    validator("action").validate(body(record))


def test_a_variable_of_an_event_that_never_happened_is_null() -> None:
    (record,) = published(bought(1, 2), upto_day=20, variables={"reason": "cancellation.reason"})
    assert body(record)["variables"] == {"reason": None}
    validator("action").validate(body(record))


def test_the_schemas_refuse_what_is_neither_action_nor_decision() -> None:
    for name in ("action", "decision"):
        assert not validator(name).is_valid({})
        assert not validator(name).is_valid({"action_id": "x"})
