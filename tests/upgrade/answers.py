"""What is known of the stored customers: what the release before published, and what they did.

Each file is JSON lines in xz; `tests/data/upgrade/README.md` says what a line has.
"""

import json
import lzma
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

from schemas.actions import action_id
from tests.upgrade.shop import Event
from workers.core.events.decoding import epoch_ms

PUBLISHED: Final = "published.jsonl.xz"
RECORDS: Final = "records.jsonl.xz"
"""The same as published, as whole contents: all that a mailer gets. The release 0.1.0 has none."""
PUBLISHED_TOPICS: Final = ("at-risk", "win-back", "decisions")
LAST_EVENTS: Final = "last-events.jsonl.xz"
HELD: Final = "held"
FURTHER_EVENTS: Final = "further-events.jsonl.xz"


class Published(NamedTuple):
    """What the release before decided about a customer after the upgrade's moment.

    Attributes:
        rule, customer, start_ms: rule, customer and begin of the episode: together, the action.
        what: the action's status, or the kind of decision; `held` also for an action that its pace still held.
        at_ms: when it was decided or taken back.
        detail: the reason of a retraction, or the detail of a decision.
    """

    rule: str
    customer: str
    start_ms: int
    what: str
    at_ms: int
    detail: str


def read_published(folder: Path) -> list[Published]:
    """Return everything that the release before published about the further events, and what it held in the end."""
    return [Published(*line) for line in read_lines(folder / PUBLISHED)]


def read_records(folder: Path) -> list[dict[str, Any]]:
    """Return the contents of what a release published about the further events, sorted by `place_of_record`."""
    return list(read_lines(folder / RECORDS))


def published_line(content: Mapping[str, Any]) -> Published:
    """Return the line for the content of a record."""
    rule, customer, start_ms = content["rule"]["id"], content["customer_id"], ms_of(content["episode_started_at"])
    assert content["action_id"] == action_id(rule, customer, start_ms)
    return Published(
        rule,
        customer,
        start_ms,
        content.get("decision") or content["status"],
        ms_of(content.get("retracted_at") or content["decided_at"]),
        content.get("retracted_because") or content.get("detail") or "",
    )


def place_of_record(content: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return by what contents are sorted, so that two runs can be compared."""
    return published_line(content), json.dumps(content, sort_keys=True)


def ms_of(moment: str) -> int:
    """Return a written moment in epoch milliseconds."""
    return epoch_ms(datetime.fromisoformat(moment).astimezone(UTC))


def read_events(path: Path) -> list[Event]:
    """Return events in the order in which they were written."""
    return [Event(*line) for line in read_lines(path)]


def read_lines(path: Path) -> Iterator[Any]:
    """Yield the values of a file of lines."""
    with lzma.open(path, "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def write_lines(path: Path, lines: Sequence[Any]) -> None:
    """Write values as lines."""
    text = "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines)
    path.write_bytes(lzma.compress(text.encode(), preset=9 | lzma.PRESET_EXTREME))
