"""What is known of the stored customers: what the release before published, and what they did.

Each file is JSON lines in xz; `tests/data/upgrade/README.md` says what a line has.
"""

import json
import lzma
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from tests.upgrade.shop import Event

PUBLISHED: Final = "published.jsonl.xz"
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
