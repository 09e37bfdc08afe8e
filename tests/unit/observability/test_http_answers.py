"""Laws of what the endpoints say: one meaning for each status, every condition with its reason, in text and JSON."""

import json
from typing import Any

import pytest

from workers.observability.conditions import CATALOGUE, LINES_OF_READYZ, Note, Reasons
from workers.observability.http_answers import Answer, live_answer, ready_answer, status_answer
from workers.observability.http_requests import Refused, Request

LINES_BEFORE = [
    *("outside", "rules", "newest_sources", "patterns", "assigned", "stopped", "lost", "pauses", "brake", "sources"),
    *("skipped", "stopped_sources", "schema_registry"),
]


def reasons(**given: str) -> Reasons:
    return {**dict.fromkeys(CATALOGUE), **given}


def asked(query: str | None = None, accept: str | None = None) -> Request:
    headers = {} if accept is None else {"accept": accept}
    return Request("GET", "/statusz", "localhost", headers, query={} if query is None else {"format": query})


def body(answer: Answer) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(answer.body)
    return read


def test_livez_says_why_there_is_no_progress() -> None:
    assert (live_answer(None).status, body(live_answer(None))) == (200, {"progress": "ok"})
    assert (live_answer("no tick").status, body(live_answer("no tick"))) == (503, {"progress": "no tick"})


def test_the_body_of_readyz_lists_the_lines_of_the_release_before_and_its_status_is_readiness_alone() -> None:
    failing = {name: f"{name} fails" for name in LINES_BEFORE}
    answer = ready_answer(None, reasons(**failing, progress="not listed", group="not listed"))
    assert (answer.status, body(answer)) == (200, {"ready": "ok", **failing})
    assert list(LINES_OF_READYZ) == LINES_BEFORE
    answer = ready_answer("the worker is ending", reasons())
    assert (answer.status, body(answer)) == (
        503,
        {"ready": "the worker is ending", **dict.fromkeys(LINES_BEFORE, "ok")},
    )


def test_statusz_answers_200_whatever_fails_and_has_every_condition() -> None:
    answer = status_answer(asked("json"), "every partition is stopped", reasons(stopped="partitions [1]"))
    document = body(answer)
    assert (answer.status, answer.content_type) == (200, "application/json")
    assert (document["ready"], document["unready_because"]) == (False, "every partition is stopped")
    assert list(document["conditions"]) == list(CATALOGUE)
    remedy = CATALOGUE["stopped"].remedy
    assert document["conditions"]["stopped"] == {"ok": False, "reason": "partitions [1]", "remedy": remedy}
    assert document["conditions"]["rules"] == {"ok": True, "reason": None, "remedy": None}


def test_a_note_is_said_and_does_not_fail() -> None:
    noted = reasons(patterns=Note("no topic matches shop yet"))
    expected = {"ok": True, "reason": "no topic matches shop yet", "remedy": None}
    assert body(status_answer(asked("json"), None, noted))["conditions"]["patterns"] == expected
    assert b"\n[+]patterns ok: no topic matches shop yet\n" in status_answer(asked(), None, noted).body


def test_the_text_has_a_line_for_each_condition_and_what_to_do_about_those_that_fail() -> None:
    answer = status_answer(asked(), None, reasons(brake="it holds 3 actions"))
    lines = answer.body.decode().splitlines()
    assert answer.content_type.startswith("text/plain")
    assert "[+]rules ok" in lines
    at = lines.index("[-]brake failed: it holds 3 actions")
    assert lines[at + 1] == f"   what to do: {CATALOGUE['brake'].remedy}"
    assert (len(lines), lines[-1]) == (len(CATALOGUE) + 2, "ready")
    assert status_answer(asked(), "it ends", reasons()).body.endswith(b"\nnot ready: it ends\n")


def test_a_reason_cannot_make_a_line_of_its_own_or_steer_a_terminal() -> None:
    text = status_answer(asked(), None, reasons(rules="a\n[+]brake ok\x1b[2J\u2028é")).body.decode()
    assert "[-]rules failed: a\\n[+]brake ok\\x1b[2J\\u2028é\n" in text


@pytest.mark.parametrize(
    ("query", "accept", "is_json"),
    [
        (None, None, False),
        (None, "*/*", False),
        (None, "text/html,application/xhtml+xml,*/*;q=0.8", False),
        (None, "application/json", True),
        (None, "Application/JSON; charset=utf-8", True),
        (None, "text/plain;q=0.5, application/json", True),
        (None, "text/plain, application/json;q=0.5", False),
        (None, "application/json;q=0", False),
        (None, "application/json;q=many", False),
        ("json", "text/plain", True),
        ("text", "application/json", False),
    ],
)
def test_who_asks_chooses_the_form(query: str | None, accept: str | None, is_json: bool) -> None:
    answer = status_answer(asked(query, accept), None, reasons())
    assert (answer.content_type == "application/json") == is_json


def test_another_form_is_refused() -> None:
    with pytest.raises(Refused, match="format is json or text") as refused:
        status_answer(asked("yaml"), None, reasons())
    assert refused.value.status == 400
