"""Laws of `linger customer show`: any id is printed unchanged, and a missing store is an error of one line."""

import hmac
import io
import sys
from typing import Any, Final, cast

import pytest
from rich.console import Console

from tests.support.builders import day
from tests.unit.cli.program import Linger
from workers.audit import trail
from workers.audit.record import Intent, Outcome
from workers.cli.customer import render
from workers.customer_export.knowledge import Knowledge
from workers.demo.embedded import HOST, free_ports
from workers.settings import Settings

NOTHING_ELSE: Final[dict[str, Any]] = {
    "partition": 3,
    "known_since": "2024-01-01T00:00:00Z",
    "latest_event": "2024-01-02T00:00:00Z",
    "looked_again_at": None,
    "bytes": 200,
    "events": [],
    "rules": [],
    "timer_decided_at": None,
    "decided_under": 1,
    "filtered_events": [],
    "episodes": [],
    "attributes": {},
    "template_values": {},
    "history_until": {},
    "known_by_history_until": None,
    "pairs": {},
    "waiting_actions": [],
    "counted_actions": [],
    "nothing_changes_before": {},
    "event_ids": [],
    "forgotten_from": None,
    "held_actions": [],
    "unpublished": [],
    "mark": None,
    "evaluation": {"due": None, "waiting_for": {}},
    "elsewhere": {"topics": {"linger.activity": "the events"}, "command": "linger customer export"},
}


def known_of(customer_id: str, **more: Any) -> Knowledge:
    known = {**NOTHING_ELSE, "customer_id": customer_id, **more}
    return cast(Knowledge, known)


def shown(customer_id: str, now_day: float = 90, **more: Any) -> str:
    screen = io.StringIO()
    render(known_of(customer_id, **more), day(now_day), Console(file=screen, width=200))
    return screen.getvalue()


def test_what_is_known_besides_events_is_shown_in_tables() -> None:
    action = {"rule": {"id": "soft"}, "customer_id": "ada", "variables": {"name": "[b]Greta[/b]"}}
    text = shown(
        "ada",
        attributes={"profile.email": {"value": "gdpr@example.org", "at": "2024-01-03T00:00:00Z"}},
        template_values={"profile.first_name": "Greta"},
        history_until={"login": "2024-01-06T00:00:00Z"},
        pairs={"a>b": {"first": "2024-01-04T00:00:00Z", "then": None}},
        episodes=[
            {"rule": "#0a0b", "exists": False, "began": None, "holds": True, "last_acted": "2024-01-05T00:00:00Z"}
        ],
        waiting_actions=[{"rule": "quiet", "variables": {"points": 5}, "known": {}, "why": []}],
        held_actions=[{"action": action, "ordered": "release"}],
        unpublished=[{"topic": "linger.at-risk", "headers": {}, "content": {"status": "active"}}],
        event_ids=["00", "01"],
    )
    for part in (
        "gdpr@example.org",
        "profile.first_name (for templates)",
        "2024-01-04T00:00:00Z",
        "history until 2024-01-06T00:00:00Z",
        "#0a0b",
        '"points": 5',
        "held; ordered: release",
        "[b]Greta[/b]",
        "waits for Kafka: linger.at-risk",
        "Hashes of the latest 2 event ids",
        "linger.activity: the events",
    ):
        assert part in text


def test_when_a_customer_is_forgotten_is_shown_and_that_the_moment_has_passed() -> None:
    begins = "2024-04-01T00:00:00Z"
    assert f"forgotten from {begins} on, if there is no sign of life" in shown("ada", 90.9, forgotten_from=begins)
    assert f"forgotten since {begins}: what happens next" in shown("ada", 91, forgotten_from=begins)
    assert "forgotten" not in shown("ada")


def test_a_customer_is_shown_by_id() -> None:
    assert "Customer ada (partition 3, 200 bytes)" in shown("ada")


@pytest.mark.parametrize("customer_id", ["a[/b]", "[red]x", "[/]", ":x:"])
def test_a_customer_is_shown_by_any_id(customer_id: str) -> None:
    assert f"Customer {customer_id} (partition" in shown(customer_id)


def test_a_store_that_is_not_there_is_said_so(linger: Linger, monkeypatch: pytest.MonkeyPatch) -> None:
    async def take(settings: Settings, record: Intent | Outcome) -> None:
        assert settings.redis_timeout_ms

    monkeypatch.setattr(trail, "append", take)
    (port,) = free_ports(1)
    answer = linger("customer", "show", "ada", REDIS_URL=f"redis://{HOST}:{port}/0", REDIS_TIMEOUT_MS="300")
    assert answer.status == 1
    assert "Redis does not answer" in answer.err
    assert "Traceback" not in answer.err


# --- the hash of a customer in logs ---------------------------------------------------------------------------------


def test_the_hash_is_the_one_that_logs_use_for_the_key_that_is_set(linger: Linger) -> None:
    answer = linger("customer", "ref", "Zoë\n1", LOG_KEY="k")
    expected = hmac.new(b"k", "Zoë\n1".encode(), "sha256").hexdigest()[:12]
    assert (answer.status, answer.out, answer.err) == (0, f"{expected}\n", "")


def test_ids_from_standard_input_are_hashed_line_by_line(linger: Linger, monkeypatch: pytest.MonkeyPatch) -> None:
    alone = [linger("customer", "ref", customer_id, LOG_KEY="k").out for customer_id in ("ada", " b b ")]
    for text in ("ada\n b b \n", "ada\r\n b b "):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
        assert linger("customer", "ref", "-", LOG_KEY="k").out == "".join(alone)


@pytest.mark.parametrize("given", [b"", b"ada\n\nbob\n", b"\xff\n"])
def test_standard_input_without_an_id_or_not_in_utf_8_is_refused(
    linger: Linger, monkeypatch: pytest.MonkeyPatch, given: bytes
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given)))
    answer = linger("customer", "ref", "-", LOG_KEY="k")
    assert (answer.status, answer.out) == (2, "")
    assert answer.err.startswith("error: standard input ")


def test_without_a_key_there_is_no_hash_to_compare(linger: Linger) -> None:
    answer = linger("customer", "ref", "ada")
    assert (answer.status, answer.out) == (2, "")
    assert answer.err.startswith("error: LINGER_LOG_KEY is not set")


@pytest.mark.parametrize("words", [["a\x1b[2J"], ["pause", "--a\x1b[2J"], ["rules", "a\x1b[2J"]])
def test_a_usage_error_repeats_what_was_typed_without_control_characters(linger: Linger, words: list[str]) -> None:
    answer = linger(*words)
    assert answer.status == 2
    assert "\x1b" not in answer.err
    assert "\\x1b[2J" in answer.err


def test_an_argument_with_escapes_is_printed_without_them(linger: Linger) -> None:
    answer = linger("dead-letters", "show", "a\x1b[2J\nb")
    assert answer.status == 2
    assert answer.err.startswith("error: 'a\\x1b[2J\\nb' is not a place")
