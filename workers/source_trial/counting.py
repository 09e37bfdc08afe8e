"""What a mapping makes of many records, beside the mapping in force: events of each type a day, and what differs."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from workers.clock import iso_text
from workers.source_trial.in_force import Position, Span, Written

__all__ = ["Comparison", "TypeCount", "compare", "spans_of"]

_DAY_MS: Final = 86_400_000
_MINUTE_MS: Final = 60_000


@dataclass(frozen=True, slots=True)
class TypeCount:
    """The events of one type.

    Attributes:
        type: the event type.
        in_force: how many Linger wrote.
        this_file: how many this mapping would give.
        gained: for how many records only this mapping gives it.
        lost: for how many records only the mapping in force gave it.
    """

    type: str
    in_force: int
    this_file: int
    gained: int
    lost: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two mappings over the same records.

    Attributes:
        records: how many were read.
        first_ms: the earliest Kafka timestamp among them, epoch milliseconds.
        last_ms: the latest.
        types: by event type, in the order of their names.
        in_force: what is known of the mapping in force.
    """

    records: int
    first_ms: int
    last_ms: int
    types: tuple[TypeCount, ...]
    in_force: Written

    @property
    def days(self) -> float | None:
        """How many days the records cover; None if that is too short for numbers a day to mean anything."""
        covered_ms = self.last_ms - self.first_ms
        return covered_ms / _DAY_MS if covered_ms >= _MINUTE_MS else None

    def a_day(self, count: int) -> float | None:
        """Return a number of events as events a day."""
        days = self.days
        return None if days is None else count / days

    def document(self) -> dict[str, Any]:
        """Return the comparison as `--json` prints it."""
        return {
            "records": self.records,
            "from": iso_text(self.first_ms),
            "to": iso_text(self.last_ms),
            "days": self.days,
            "in_force_is_complete": self.in_force.is_complete and self.in_force.has_topic,
            "types": [
                {
                    "type": each.type,
                    "in_force": each.in_force,
                    "this_file": each.this_file,
                    "in_force_a_day": self.a_day(each.in_force),
                    "this_file_a_day": self.a_day(each.this_file),
                    "gained": each.gained,
                    "lost": each.lost,
                }
                for each in self.types
            ],
        }


def spans_of(positions: Sequence[tuple[int, int, int]]) -> dict[int, Span]:
    """Return by partition which offsets were read, and since when.

    Args:
        positions: partition, offset and Kafka timestamp (epoch milliseconds) of each record.
    """
    spans: dict[int, Span] = {}
    for partition, offset, at_ms in positions:
        known = spans.get(partition, Span(offset, offset, at_ms))
        spans[partition] = Span(min(known.first, offset), max(known.last, offset), min(known.since_ms, at_ms))
    return spans


def compare(records: Sequence[tuple[int, int, int]], mapped: Mapping[Position, str], in_force: Written) -> Comparison:
    """Compare what a mapping gives for some records with what Linger wrote for them.

    Args:
        records: partition, offset and Kafka timestamp of each record, at least one.
        mapped: by position, the event type that this mapping gives.
        in_force: what Linger wrote.
    """
    times = [at_ms for _, _, at_ms in records]
    ours, theirs = Counter(mapped.values()), Counter(in_force.types.values())
    gained = Counter(kind for place, kind in mapped.items() if in_force.types.get(place) != kind)
    lost = Counter(kind for place, kind in in_force.types.items() if mapped.get(place) != kind)
    types = tuple(
        TypeCount(kind, theirs[kind], ours[kind], gained[kind], lost[kind]) for kind in sorted({*ours, *theirs})
    )
    return Comparison(len(records), min(times), max(times), types, in_force)
