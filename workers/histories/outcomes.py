"""What records became under a mapping: how many events of each type, how many were skipped by what, refused for what.

Pure. `linger sources try` and the doctor word their summaries from it.
"""

from collections import Counter
from typing import Any, Final

from schemas.events import InvalidEvent, LeftOut
from schemas.sources import NO_CASE, ONLY_WHEN, TOMBSTONE
from workers.core.mapping.skipped import Skipped
from workers.core.mapping.trace import ConditionTrace, ItemTrace, RecordTrace
from workers.core.mapping.words import shown

__all__ = ["Outcomes"]

_BY_WORDS: Final = {ONLY_WHEN: "'only_when'", NO_CASE: "no case", TOMBSTONE: "having no value"}
_MOST_FOUND: Final = 5


class Outcomes:
    """Counts of what records became.

    A record that has several items counts once as a record, and each item counts as what it became.

    Attributes:
        records: number of records.
        events: number of events, by type.
        skipped: number of records or items that are no event on purpose, by what skips them.
        conditions: of those, by the condition that did not hold: by its key, the values found, with their numbers.
        refused: number of records or items that cannot be read, by reason.
        first_refusal: where the first of them is, and its reason with detail; None if there is none.
        left_out: number of optional values that were cut or left out, by `type.attribute` and reason.
    """

    def __init__(self) -> None:
        self.records = 0
        self.events: Counter[str] = Counter()
        self.skipped: Counter[str] = Counter()
        self.conditions: dict[str, Counter[str]] = {}
        self.refused: Counter[str] = Counter()
        self.first_refusal: tuple[str, str] | None = None
        self.left_out: Counter[tuple[str, str]] = Counter()

    def note_event(self, event_type: str, left_out: LeftOut) -> None:
        """Count an event.

        Args:
            event_type: its type.
            left_out: what was cut or left out of it.
        """
        self.events[event_type] += 1
        self.left_out.update((f"{event_type}.{name}", reason) for name, reason in left_out)

    def note(self, place: str, trace: RecordTrace) -> None:
        """Count what one record became.

        Args:
            place: where it is.
            trace: what the mapping did with it.
        """
        self.records += 1
        if trace.refusal is not None:
            self._refuse(place, trace.refusal)
        for item in trace.items:
            match item.result:
                case Skipped(by=by):
                    self.skipped[by] += 1
                    for condition in failed_conditions(item):
                        self.conditions.setdefault(condition.key, Counter())[_found(condition)] += 1
                case InvalidEvent() as error:
                    self._refuse(place if len(trace.items) == 1 else f"{place}, item {item.number}", error)
                case event:
                    self.note_event(event.type, event.left_out())

    def _refuse(self, place: str, error: InvalidEvent) -> None:
        self.refused[error.reason] += 1
        if self.first_refusal is None:
            self.first_refusal = (place, str(error))

    def sentence(self) -> str:
        """Return all of it in one sentence, such as `20 records: 12 events (purchase 12); skipped 7 by no case`."""
        total = self.events.total()
        parts = [f"{total:,} event{'s' if total != 1 else ''}"]
        if self.events:
            parts[0] += f" ({_counted(self.events)})"
        if self.skipped:
            listed = ", ".join(f"{count:,} by {_BY_WORDS.get(by, by)}" for by, count in self.skipped.most_common())
            parts.append(f"skipped {listed}")
        if self.refused:
            parts.append(f"{self.refused.total():,} refused ({_counted(self.refused)})")
        return f"{self.records:,} record{'s' if self.records != 1 else ''}: {'; '.join(parts)}"

    def skipped_because(self) -> list[str]:
        """Return for each condition that skipped something what was found there, the most frequent first."""
        ordered = sorted(self.conditions.items(), key=lambda item: -item[1].total())
        return [f"{key} was {_counted(found, _MOST_FOUND)}" for key, found in ordered]

    def document(self) -> dict[str, Any]:
        """Return the counts as `--json` prints them."""
        return {
            "records": self.records,
            "events": dict(self.events),
            "skipped": dict(self.skipped),
            "skipped_because": {key: dict(found) for key, found in self.conditions.items()},
            "refused": dict(self.refused),
            "left_out": [
                {"value": name, "reason": reason, "count": count} for (name, reason), count in self.left_out.items()
            ],
        }


def failed_conditions(item: ItemTrace) -> list[ConditionTrace]:
    """Return the conditions that skipped an item, each key once."""
    failed = [condition for condition in item.shared if not condition.holds]
    if not failed and item.case is None:  # a case may skip what it takes
        # That a case which skips does not take a record says nothing, unless there are no others.
        cases = [case for case in item.cases if case.event] or item.cases
        failed = [case.failed for case in cases if case.failed is not None]
    return list({condition.key: condition for condition in failed}.values())


def _found(condition: ConditionTrace) -> str:
    if condition.found is None:
        return "missing"
    if isinstance(condition.found, bool):
        return "true" if condition.found else "false"
    return condition.found if isinstance(condition.found, str) else shown(condition.found, 40)


def _counted(counts: Counter[str], most: int | None = None) -> str:
    listed = ", ".join(f"{name} {count:,}" for name, count in counts.most_common(most))
    more = 0 if most is None else len(counts) - most
    return f"{listed} and {more} more" if more > 0 else listed
