"""Laws of the page: one file that loads nothing, everything escaped, in order of time."""

import re
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.examples import examples
from tests.unit.customer_export.persons import AT_MS, exported, found_in, kafka_record
from tests.unit.explain.test_stored_activity import RULES, everything, stored
from workers.customer_export.document import Export
from workers.customer_export.from_redis import HeldRecord
from workers.customer_export.gathering import state_of
from workers.customer_export.page import page_of
from workers.customer_export.timeline import timeline
from workers.kafka.records import OutboxRecord
from workers.state.marks.mark import Mark, encode_mark

EVIL: Final = "<script>alert(1)</script>\"'&\u202e\x1b[2J\u2066"
LOADS: Final = {"script", "img", "iframe", "link", "object", "embed", "base", "form", "svg", "video", "audio"}


class Reader(HTMLParser):
    """Reads a page: its elements, its attributes and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: dict[str, list[str | None]] = {}
        self.text: list[str] = []
        self.open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            self.attributes.setdefault(name, []).append(value)
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] != ["style"]:
            self.text.append(data)


def evil_everywhere(evil: str = EVIL) -> Export:
    """An export in which a text stands in every place that comes from elsewhere."""
    event = {"event_id": evil, "type": evil, "customer_id": evil, "attributes": {evil: evil}, "occurred_at": evil}
    key, raw = evil.encode(errors="surrogatepass"), evil.encode(errors="surrogatepass")
    action = {"action_id": evil, "action": evil, "rule": {"id": evil}, "template": evil, "why": [{"condition": evil}]}
    letter = kafka_record("dead-letter", raw, key=key, headers=[("linger-reason", raw), ("linger-detail", raw)])
    held = OutboxRecord(evil, key, b"\xff", ((evil, raw),))
    state = state_of(stored(everything()), RULES)
    assert state["facts"] is not None
    state["facts"]["attributes"] = {evil: {"value": evil, "at": evil}}
    rule: dict[str, Any] = {"rule": evil, "title": evil, "verdict": evil, "holds_since": evil}
    return exported(
        evil,
        found_in("activity", kafka_record("activity", event, key=key)),
        found_in("at-risk", kafka_record("at-risk", action, key=key)),
        found_in("dead-letter", letter, matched_by="content"),
        state=state,
        following={
            "rules": [{**rule, "states": [{"text": evil}]}],
            "looks_again": evil,
            "looks_again_because": [evil],
        },
        problems=[evil],
        held={evil: HeldRecord(held, {"pace": AT_MS}, "release")},
        unpublished=(held,),
        waiting_ms={evil: AT_MS},
        ref=b"\x01" * 16,
        mark=Mark(evil, opted_out_ms=AT_MS),
    )


def test_nothing_of_a_value_becomes_an_element_or_steers() -> None:
    page = page_of(evil_everywhere())
    read = Reader(page)
    assert LOADS.isdisjoint(read.tags)
    assert read.open == []
    plain = Reader(page_of(evil_everywhere("plain")))
    assert set(read.tags) == set(plain.tags)
    assert read.attributes == plain.attributes
    assert not re.search("[\x00-\x09\x0b-\x1f\u202a-\u202e\u2066-\u2069]", page)
    assert any(text == r"<script>alert(1)</script>" + "\"'&" + r"\u202e\x1b[2J\u2066" for text in read.text)


@given(st.text(max_size=30))
@examples(100)
def test_whatever_a_value_is_the_page_has_the_same_elements(text: str) -> None:
    evil = text.encode(errors="ignore").decode() or "x"
    read = Reader(page_of(evil_everywhere(f"v{evil}")))
    assert read.open == []
    assert LOADS.isdisjoint(read.tags)
    page_of(evil_everywhere(f"v{evil}")).encode()


def test_the_page_is_one_file_that_may_load_nothing_but_its_own_style() -> None:
    page = page_of(evil_everywhere("ada"))
    style = re.search("<style>(.*)</style>", page, re.DOTALL)
    assert style is not None
    digest = b64encode(sha256(style[1].encode()).digest()).decode()
    policy = f"default-src &#x27;none&#x27;; style-src &#x27;sha256-{digest}&#x27;"
    assert policy in page
    assert "url(" not in style[1]
    assert "@import" not in style[1]
    read = Reader(page)
    assert read.attributes.keys() == {"lang", "charset", "http-equiv", "content", "name", "class", "id", "href"}
    assert all((link or "").startswith("#") for link in read.attributes["href"])


def test_a_text_from_right_to_left_stands_alone() -> None:
    page = page_of(exported("שרה"))
    assert "<bdi>שרה</bdi>" in page


def test_what_happened_stands_in_order_of_time_with_what_it_was() -> None:
    moment = "2024-01-0{}T00:00:00Z"
    action = {"action_id": "a", "action": "at-risk", "rule": {"id": "quiet"}, "template": "t", "status": "active"}
    reasons = [{"condition": "no purchase for 45 days", "observed": 46, "bound": "x"}]
    taken_back = {"status": "retracted", "retracted_at": moment.format(4), "retracted_because": "customer_returned"}
    decision = {"action_id": "b", "decision": "opted_out", "rule": {"id": "loud"}, "detail": "said no"}
    intent = {"phase": "intent", "id": "i", "at_ms": AT_MS + 7 * 86_400_000, "user": "u@h", "command": "why"}
    order = {"type": "linger.suppress", "event_id": "o", "occurred_at": moment.format(5), "reason": "asked"}
    event = {"type": "login", "event_id": "e", "occurred_at": moment.format(1)}
    held = OutboxRecord("linger.at-risk", b"ada", b'{"action_id": "c", "decided_at": "2024-01-09T00:00:00Z"}', ())
    export = exported(
        "ada",
        found_in("activity", kafka_record("activity", order), kafka_record("activity", event, offset=1)),
        found_in(
            "at-risk",
            kafka_record("at-risk", {**action, "decided_at": moment.format(2), "why": reasons}),
            kafka_record("at-risk", {**action, **taken_back}),
        ),
        found_in("decisions", kafka_record("decisions", {**decision, "decided_at": moment.format(3)})),
        found_in("dead-letter", kafka_record("dead-letter", b"x", headers=[("linger-reason", b"not_json")], at_ms=0)),
        found_in("requests", kafka_record("requests", {"request": "erase", "requested_at": moment.format(6)})),
        found_in("marks", kafka_record("marks", encode_mark(Mark("", 1))), matched_by="ref"),
        found_in("audit", kafka_record("audit", intent), matched_by="hash"),
        held={"c": HeldRecord(held, {}, None)},
    )
    assert [(entry.kind, entry.title, entry.state) for entry in timeline(export)] == [
        ("dead letter", "not_json", ""),
        ("event", "login", ""),
        ("mark", "mark written", ""),
        ("action", "'at-risk' by 'quiet', message 't'", ""),
        ("decision", "no action of 'loud': opted_out", ""),
        ("retraction", "'at-risk' by 'quiet' taken back", ""),
        ("order", "linger.suppress", ""),
        ("request", "erase", ""),
        ("command", "why", ""),
        ("action", "'None' by ''", "held"),
    ]
    texts = [entry.text for entry in timeline(export)]
    assert texts[2] == "suppressed since 1970-01-01T00:00:00.001Z"
    assert texts[3] == "no purchase for 45 days: 46"
    assert texts[5] == "customer returned"
    page = page_of(export)
    assert page.index("not_json") < page.index("linger.suppress") < page.index('<span class="state">')


@pytest.mark.parametrize("number", [0, 1])
def test_a_page_without_records_says_so(number: int) -> None:
    topic = found_in("activity", *[kafka_record("activity", b"x")] * number)
    assert ("There is no record of this person" in page_of(exported("ada", topic))) == (not number)
