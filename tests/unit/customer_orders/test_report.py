"""Laws of the reports: what stays is listed by topic with its dates, and what is not done is not called done."""

import io
from typing import Any, Final

import pytest
from rich.console import Console

from schemas.orders import ERASE, SUPPRESS
from workers.customer_orders.carrying_out import Outcome
from workers.customer_orders.marks import MarkedId, MarkedRef
from workers.customer_orders.open_actions import OpenAction
from workers.customer_orders.orders import Instruction
from workers.customer_orders.remains import Remains, TopicRemains
from workers.customer_orders.removal import removal_of
from workers.customer_orders.report import (
    Report,
    document_of,
    id_document,
    not_done,
    ref_document,
    render,
    render_marked,
    render_marks,
    stored_text,
)
from workers.customer_orders.stored import Stored
from workers.settings import read_settings
from workers.state.marks.mark import Mark

SETTINGS: Final = read_settings({})
ERASURE: Final = Instruction(ERASE, "asked", "Ann")
DAY_MS: Final = 86_400_000
MONTH: Final = {"retention.ms": str(30 * DAY_MS)}
REMAINS: Final = Remains(
    (
        TopicRemains("activity", {"key": 3, "refused": 1}, 0, DAY_MS, removal_of(DAY_MS, MONTH)),
        TopicRemains("at-risk", {"key": 1}, 0, 0, removal_of(0, {"cleanup.policy": "compact"})),
        TopicRemains("decisions", {"key": 2}, 0, 0, removal_of(0, None)),
        TopicRemains("dead-letter", {"content": 2}, 0, 0, removal_of(0, {"retention.ms": "-1"})),
        TopicRemains("requests", {}, None, None, None),
    ),
    ("win-back",),
    seeks_contents=True,
)


def printed(report: Report) -> str:
    screen = io.StringIO()
    render(report, SETTINGS, Console(file=screen, width=300))
    return screen.getvalue()


def test_what_stays_is_listed_with_counts_dates_and_the_operators_own_topics() -> None:
    text = printed(Report(ERASURE, 1, False, written=1, outcome=Outcome(), remains=REMAINS, sources=["shop.orders"]))
    rows = {line.split("│")[1].strip(): line for line in text.splitlines() if line.startswith("│")}
    assert "4 (3 by key, 1 refused there)" in rows["linger.activity"]
    assert "1970-02-01 to 1970-02-08" in rows["linger.activity"]
    assert "never" in rows["linger.at-risk"]
    assert "not known" in rows["linger.decisions"]
    assert "2 (by content)" in rows["linger.dead-letter"]
    assert "never" in rows["linger.dead-letter"]
    assert "yours: Linger only reads it" in rows["shop.orders"]
    assert "There is no topic linger.win-back" in text
    assert "linger.decisions: Kafka does not show this user" in text
    assert "Carried out, and everything that follows from it is in Kafka. That marks say so was not seen" in text


def test_the_document_has_the_same() -> None:
    report = Report(ERASURE, 1, False, written=1, outcome=Outcome(), remains=REMAINS, sources=["shop.orders"])
    document = document_of(report, SETTINGS)
    assert (document["order"], document["written"], document["carried_out"]) == ("erase", 1, True)
    stays: dict[str, Any] = document["stays"]
    assert stays["yours"] == ["shop.orders"]
    assert stays["missing"] == ["linger.win-back"]
    activity = stays["topics"][0]
    assert activity["topic"] == "linger.activity"
    assert (activity["records"], activity["found"]) == (4, {"key": 3, "refused": 1})
    assert (activity["first"], activity["last"]) == ("1970-01-01T00:00:00Z", "1970-01-02T00:00:00Z")
    assert (activity["removed_from"], activity["removed_by"]) == ("1970-02-01T00:00:00Z", "1970-02-08T00:00:00Z")
    assert [topic["is_never_removed"] for topic in stays["topics"]] == [False, True, False, True, False]


def test_with_too_many_ids_for_contents_it_says_that_they_are_not_searched() -> None:
    remains = Remains(REMAINS.topics, (), seeks_contents=False)
    text = printed(Report(ERASURE, 500, False, written=500, outcome=Outcome(), remains=remains, sources=[]))
    assert "contents are not searched" in text
    assert document_of(Report(ERASURE, 500, False, remains=remains), SETTINGS)["stays"]["contents"] is None


def test_sources_that_cannot_be_read_are_said_and_not_left_out() -> None:
    report = Report(ERASURE, 1, False, written=1, outcome=Outcome(), remains=REMAINS, sources=None)
    assert "sources.yaml cannot be read" in printed(report)
    assert document_of(report, SETTINGS)["stays"]["yours"] is None


def test_a_dry_run_says_what_would_happen_and_that_nothing_did() -> None:
    stored = Stored(known=1, bytes=250, held=2, unsent=1)
    text = printed(Report(ERASURE, 1, True, stored=stored, remains=REMAINS, sources=[]))
    assert "Redis holds of the customer: 250 bytes of state, 2 held actions, 1 records that wait for Kafka." in text
    assert "linger customer erase would write 1 order." in text
    assert "Nothing was written." in text
    assert "Carried out" not in text


def test_where_nothing_is_stored_that_is_said() -> None:
    assert stored_text(Stored(), 1) == "Redis holds nothing of the customer."
    assert stored_text(Stored(), 3) == "Redis holds nothing of any of the 3 customers."
    assert stored_text(Stored(known=2, bytes=9), 3).startswith("Redis holds of 2 of 3 customers: 9 bytes")


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        (Outcome((1,), (), False), "No worker runs."),
        (Outcome((1, 2), (), True), "the workers of partitions 1, 2 have not come to the order"),
        (Outcome((), (), True, 2), "did not carry out 2 of them"),
        (Outcome((), (3,), None), "in partitions 3 records of the customers still wait for Kafka"),
        (Outcome(tuple(range(20)), (), True), "10, 11, …"),
    ],
)
def test_what_is_not_done_is_said_with_what_it_waits_for(outcome: Outcome, words: str) -> None:
    assert words in not_done(outcome)
    text = printed(Report(Instruction(SUPPRESS, "r", "b"), 1, False, written=1, outcome=outcome))
    assert words in text
    assert "Carried out" not in text


def test_an_order_that_the_mark_shows_is_done() -> None:
    report = Report(Instruction(SUPPRESS, "r", "b"), 1, False, written=1, outcome=Outcome(refused=0))
    assert (
        printed(report)
        == "1 order to suppress written.\nCarried out, and everything that follows from it is in Kafka.\n"
    )
    assert document_of(report, SETTINGS)["carried_out"] is True


def test_an_action_that_is_not_taken_back_is_said_only_once_the_order_is_carried_out() -> None:
    left = OpenAction("win-back", "a-1", "gone", 0, DAY_MS)
    remains = Remains(REMAINS.topics, (), seeks_contents=True, open_actions=(left,))
    done = Report(ERASURE, 1, False, written=1, outcome=Outcome(refused=0), remains=remains, sources=[])
    assert "Have your mailers drop: linger.win-back a-1" in printed(done)
    entry = {
        "topic": "linger.win-back",
        "action_id": "a-1",
        "rule": "gone",
        "expires_at": "1970-01-02T00:00:00Z",
    }
    assert document_of(done, SETTINGS)["not_taken_back"] == [entry]
    for report in (
        Report(ERASURE, 1, True, remains=remains, sources=[]),
        Report(ERASURE, 1, False, written=1, outcome=Outcome((1,)), remains=remains, sources=[]),
    ):
        assert "a-1" not in printed(report)
        assert document_of(report, SETTINGS)["not_taken_back"] == []


def test_an_order_that_was_not_waited_for_is_not_called_done() -> None:
    report = Report(ERASURE, 1, False, written=1)
    assert "It was not waited for" in printed(report)
    assert document_of(report, SETTINGS)["carried_out"] is None


MARK: Final = Mark("t", suppressed_ms=1000, opted_out_ms=2000, erased_ms=3000)


def test_marks_are_shown_with_their_moments_and_without_an_id() -> None:
    document = ref_document(MarkedRef(3, b"\x0a\x0b", MARK))
    moments = {
        "suppressed_since": "1970-01-01T00:00:01Z",
        "opted_out_since": "1970-01-01T00:00:02Z",
        "erased_at": "1970-01-01T00:00:03Z",
    }
    assert document == {"partition": 3, "ref": "0a0b", **moments}
    assert id_document(MarkedId("ada", MARK)) == {"customer_id": "ada", **moments}
    screen = io.StringIO()
    render_marks([MarkedRef(3, b"\x0a\x0b", MARK)], Console(file=screen, width=200))
    for part in ("0a0b", *moments.values()):
        assert part in screen.getvalue()


def test_marked_customers_are_shown_by_any_id_and_counted() -> None:
    screen = io.StringIO()
    render_marked([MarkedId("[red]x[/]", MARK)], 9, Console(file=screen, width=200))
    assert "[red]x[/]" in screen.getvalue()
    assert "1 of 9 customers are suppressed, opted out or erased." in screen.getvalue()


def test_without_a_mark_that_is_said() -> None:
    screen = io.StringIO()
    render_marks([], Console(file=screen, width=200))
    assert screen.getvalue() == "No customer is suppressed, opted out or erased.\n"
