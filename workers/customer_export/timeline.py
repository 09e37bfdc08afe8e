"""What happened to a person, in order of time: events, orders, decisions, actions, retractions. Pure."""

from base64 import b64decode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

import msgspec

from workers.customer_export.contents import iso_text, moment_ms, shown_text
from workers.customer_export.document import Export, Placed, Unplaced
from workers.state.marks.mark import decode_mark

Kind = Literal[
    "event", "order", "action", "retraction", "decision", "dead letter", "request", "mark", "command", "record"
]
_ORDERS: Final = "linger."
_REASON: Final = "linger-reason"
_DETAIL: Final = "linger-detail"


@dataclass(frozen=True, slots=True)
class Entry:
    """Something that happened.

    Attributes:
        at_ms: when, in epoch milliseconds; None if that is not known.
        kind: what it is.
        title: what happened, in a few words.
        text: more about it; empty if there is no more.
        state: where it is, if no topic has it yet: `held`, `not yet published`; else empty.
        record: the record that says so.
    """

    at_ms: int | None
    kind: Kind
    title: str
    text: str
    state: str
    record: Unplaced


def timeline(export: Export) -> list[Entry]:
    """Return everything that happened to a person, the oldest first; what has no known time stands last."""
    entries = [*_published(export), *_pending(export)]
    # Python's sort is stable: what happened at one moment stays in the order of the topics.
    return sorted(entries, key=lambda entry: (entry.at_ms is None, entry.at_ms or 0))


def _published(export: Export) -> Iterator[Entry]:
    for record in export["records"]:
        yield _entry(record, _written_ms(record), "")


def _pending(export: Export) -> Iterator[Entry]:
    for held in export["held_actions"]:
        yield _entry(held["record"], None, "held")
    for record in export["unpublished"]:
        yield _entry(record, None, "not yet published")


def _entry(record: Unplaced, written_ms: int | None, state: str) -> Entry:
    content = record["content"] if isinstance(record["content"], dict) else {}
    headers = {header["name"]: header["value"] or "" for header in record["headers"]}
    kind: Kind
    if _REASON in headers:
        kind, title, text = "dead letter", headers[_REASON], headers.get(_DETAIL, "")
        at_ms = written_ms
    elif "action_id" in content and "decision" in content:
        kind, title = "decision", f"no action of '{_rule(content)}': {content['decision']}"
        text, at_ms = str(content.get("detail", "")), moment_ms(content.get("decided_at"))
    elif "action_id" in content:
        kind, title, text, at_ms = _action(content)
    elif "event_id" in content and "type" in content:
        kind = "order" if str(content["type"]).startswith(_ORDERS) else "event"
        title, text = str(content["type"]), str(content.get("reason", "")) if kind == "order" else ""
        at_ms = moment_ms(content.get("occurred_at"))
    elif "request" in content:
        kind, title, text = "request", str(content["request"]), str(content.get("reason", ""))
        at_ms = moment_ms(content.get("requested_at"))
    else:
        kind, title, text, at_ms = _other(record, content)
    return Entry(written_ms if at_ms is None else at_ms, kind, title, text, state, record)


def _action(content: Mapping[str, Any]) -> tuple[Kind, str, str, int | None]:
    what = f"'{content.get('action')}' by '{_rule(content)}'"
    if content.get("status") == "retracted":
        because = str(content.get("retracted_because", "")).replace("_", " ")
        return "retraction", f"{what} taken back", because, moment_ms(content.get("retracted_at"))
    reasons = [reason for reason in content.get("why") or () if isinstance(reason, dict)]
    text = "; ".join(f"{reason.get('condition')}: {shown_text('json', reason.get('observed'))}" for reason in reasons)
    template = f"{what}, message '{content.get('template')}'" if "template" in content else what
    return "action", template, text, moment_ms(content.get("decided_at"))


def _other(record: Unplaced, content: Mapping[str, Any]) -> tuple[Kind, str, str, int | None]:
    at_ms = content.get("at_ms")
    if "phase" in content:
        title = str(content.get("command") or content.get("outcome", ""))
        by = f"by {content.get('by') or content.get('user')}" if "command" in content else ""
        return "command", title, by, at_ms if isinstance(at_ms, int) else None
    if record["key"] is not None and record.get("matched_by") == "ref":
        return "mark", "mark removed" if record["form"] == "none" else "mark written", _mark(record), None
    return "record", record["topic"], "", None


def _mark(record: Unplaced) -> str:
    """Return what a mark says, in words; empty if it cannot be read."""
    try:
        mark = decode_mark(b64decode(str(record["content"])))
    except (ValueError, msgspec.MsgspecError):
        return ""
    said = (("suppressed", mark.suppressed_ms), ("opted out", mark.opted_out_ms), ("erased", mark.erased_ms))
    return "; ".join(f"{words} since {iso_text(at_ms)}" for words, at_ms in said if at_ms) or "says nothing any more"


def _rule(content: Mapping[str, Any]) -> str:
    rule = content.get("rule")
    return str(rule.get("id", "")) if isinstance(rule, dict) else ""


def _written_ms(record: Placed) -> int | None:
    return moment_ms(record["written_at"])
