"""What became of records under a mapping: so many events of which type, so many skipped by what, refused for what.

Pure. `linger sources try` and the doctor word their summaries from it.
"""

from collections import Counter
from typing import Any, Final

__all__ = ["Outcomes"]

_BY_WORDS: Final = {
    "only_when": "'only_when'",
    "no case": "no case",
    "tombstone": "having no value",
}


class Outcomes:
    """Counts of what became of records.

    A record that has several items counts once as a record, and each item counts as what it became.

    Attributes:
        records: number of records.
        events: number of events, by type.
        skipped: number of records or items that are no event on purpose, by what skips them.
        refused: number of records or items that cannot be read, by reason.
        first_refusal: where the first of them is, and its reason with detail; None if there is none.
        left_out: number of optional values that were cut or left out, by `type.attribute` and reason.
    """

    def __init__(self) -> None:
        self.records = 0
        self.events: Counter[str] = Counter()
        self.skipped: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.first_refusal: tuple[str, str] | None = None
        self.left_out: Counter[tuple[str, str]] = Counter()

    def note_event(self, event_type: str, left_out: tuple[tuple[str, str], ...] = ()) -> None:
        """Count an event."""
        self.events[event_type] += 1
        self.left_out.update((f"{event_type}.{name}", reason) for name, reason in left_out)

    def note_skipped(self, by: str) -> None:
        """Count what is no event on purpose; `by` is as a mapping says it."""
        self.skipped[by] += 1

    def note_refused(self, place: str, reason: str, text: str) -> None:
        """Count what cannot be read.

        Args:
            place: where it is.
            reason: the code.
            text: the code with its detail.
        """
        self.refused[reason] += 1
        if self.first_refusal is None:
            self.first_refusal = (place, text)

    def sentence(self) -> str:
        """Return all of it in one sentence, such as `20 records: 12 events (purchase 12); 7 skipped by no case`."""
        parts = [f"{self.events.total():,} event{'s' if self.events.total() != 1 else ''}"]
        if self.events:
            parts[0] += f" ({_counted(self.events)})"
        if self.skipped:
            listed = ", ".join(f"{count:,} by {_BY_WORDS.get(by, by)}" for by, count in self.skipped.most_common())
            parts.append(f"skipped {listed}")
        if self.refused:
            parts.append(f"{self.refused.total():,} refused ({_counted(self.refused)})")
        return f"{self.records:,} record{'s' if self.records != 1 else ''}: {'; '.join(parts)}"

    def document(self) -> dict[str, Any]:
        """Return the counts as `--json` prints them."""
        return {
            "records": self.records,
            "events": dict(self.events),
            "skipped": dict(self.skipped),
            "refused": dict(self.refused),
            "left_out": [
                {"value": name, "reason": reason, "count": count} for (name, reason), count in self.left_out.items()
            ],
        }


def _counted(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts.most_common())
