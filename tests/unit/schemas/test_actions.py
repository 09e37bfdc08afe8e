"""Laws of what is published: the schema, the page for mailers and the records say the same."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any, Final, get_args

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from schemas.actions import Action, Reason, Retraction, Rule, Suppression, action_id, encode, moment
from schemas.generate import documents
from tests.support.paths import ROOT

SCHEMA: Final = documents()["action.schema.json"]
PAGE: Final = (ROOT / "docs/mailers.md").read_text()
MOMENTS: Final = ("episode_started_at", "decided_at", "expires_at", "not_before", "retracted_at")


def problems(document: dict[str, Any]) -> list[str]:
    return [error.message for error in Draft202012Validator(SCHEMA).iter_errors(document)]


def published(**others: Any) -> dict[str, Any]:
    at = moment(1_700_000_000_123)
    fields: dict[str, Any] = {
        "action_id": action_id("quiet", "ada", 1_700_000_000_123),
        "action": "at-risk",
        "status": "active",
        "customer_id": "ada",
        "rule": Rule("quiet", "1"),
        "episode_started_at": at,
        "decided_at": at,
        "expires_at": at,
        "template": "t",
        "variables": {"name": None, "orders": 3},
        "why": (Reason("c", None, "b"),),
        **others,
    }
    document: dict[str, Any] = msgspec.json.decode(encode(Action(**fields)))
    return document


TAKEN_BACK: Final = {"retracted_at": datetime(2024, 1, 1, tzinfo=UTC), "retracted_because": "opted_out"}


def test_what_is_published_fits_its_schema() -> None:
    assert problems(published()) == []
    assert problems(published(not_before=datetime(2024, 1, 1, tzinfo=UTC), time_zone="Europe/Berlin")) == []
    for because in get_args(Retraction):
        assert problems(published(status="retracted", **{**TAKEN_BACK, "retracted_because": because})) == []


@pytest.mark.parametrize(
    "others",
    [{"status": "retracted"}, {"status": "retracted", "retracted_at": TAKEN_BACK["retracted_at"]}, TAKEN_BACK],
)
def test_when_and_why_something_was_retracted_belong_to_a_retraction_and_to_nothing_else(
    others: dict[str, Any],
) -> None:
    assert problems(published(**others)) != []


def test_moments_and_ids_have_their_format() -> None:
    fields = SCHEMA["$defs"]["Action"]["properties"]
    for name in MOMENTS:
        assert "date-time" in {part.get("format") for part in [fields[name], *fields[name].get("anyOf", ())]}, name
    assert fields["action_id"]["format"] == "uuid"
    assert documents()["decision.schema.json"]["$defs"]["Decision"]["properties"]["action_id"]["format"] == "uuid"


def test_the_page_for_mailers_names_every_field_of_an_action_and_no_other() -> None:
    table = PAGE[PAGE.index("## The fields") : PAGE.index("The headers make")]
    named = {
        name for row in re.findall(r"^\| (`.*?) \|", table, re.MULTILINE) for name in re.findall(r"`([\w.]+)`", row)
    }
    fields = set(SCHEMA["$defs"]["Action"]["properties"]) - {"rule"}
    assert named == fields | {f"rule.{name}" for name in SCHEMA["$defs"]["Rule"]["properties"]}


def test_the_page_for_mailers_names_every_reason() -> None:
    (because,) = re.findall(r"^\| `retracted_because` \| (.*) \|$", PAGE, re.MULTILINE)
    assert set(get_args(Retraction)) <= set(re.findall(r"`(\w+)`", because))
    decisions = PAGE[PAGE.index("| `decision` | reason |") :]
    named = set(re.findall(r"^\| `(\w+)` \|", decisions, re.MULTILINE)) - {"decision"}
    assert named | {"not_observable"} == set(get_args(Suppression))


@given(st.integers(0, 253_402_300_799_999))
@example(8_631_651_937_974)  # in the year 2243: a float of seconds is a microsecond off
def test_a_moment_is_exact_to_the_millisecond(at_ms: int) -> None:
    assert moment(at_ms) == datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=at_ms)
    assert moment(at_ms).tzinfo is UTC
