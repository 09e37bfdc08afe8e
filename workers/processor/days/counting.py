"""What a step writes of the book: facts of open days, and what was decided, by the records that it publishes."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from schemas.durations import DAY_MS
from workers.core.book import fields
from workers.core.book.fields import as_other, is_lasting, parts_of, value_of
from workers.core.decisions.published import PublishedRecord
from workers.state.open_days.stored import stored_field

Line = tuple[int, str, int]
"""A day, a field of the book, and by how much it grows."""

OPEN_DAYS: Final = 7
"""How many days a day stays open after its end."""
NO_DAY: Final = 1 << 40
MOST_VALUES_OPEN: Final = 500
"""How many values of a day have a field of their own before the day is closed; then the most frequent 50 stay."""
_RETRACTED: Final = "retracted"
_NAMED: Final = {
    "active": fields.ACTED,
    "shadow": fields.SHADOW,
    "held": fields.HELD,
    "held_out": fields.HELD_OUT,
}
"""By the status of a record, the doing that it is; any other is refused."""


@dataclass(slots=True)
class Counted:
    """Which days a partition has counted that are open, and which values have fields of their own.

    Attributes:
        oldest: the first of these days; `NO_DAY` if there is none.
        known: the values by day and name.
    """

    oldest: int = NO_DAY
    known: dict[tuple[int, str], set[str]] = field(default_factory=dict)

    def note(self, stored: Iterable[str]) -> None:
        """Note fields that are stored, as Redis has them."""
        for one in stored:
            text, _, name = one.partition("|")
            day = int(text)
            self.oldest = min(self.oldest, day)
            if (value := value_of(name)) is not None:
                self.known.setdefault((day, value[0]), set()).add(value[1])

    def begin_with(self, days: Iterable[int]) -> None:
        """Note that only these days are open; the others are closed."""
        self.oldest = min(days, default=NO_DAY)
        self.known = {place: values for place, values in self.known.items() if place[0] >= self.oldest}

    def fitted(self, lines: Iterable[Line]) -> list[Line]:
        """Return lines with no more values than have room; of the rest, those of all other values."""
        added: dict[tuple[int, str], set[str]] = {}
        fitted = []
        for day, name, number in lines:
            if (value := value_of(name)) is not None:
                place = day, value[0]
                known, new = self.known.get(place, set()), added.setdefault(place, set())
                if value[1] not in known and value[1] not in new:
                    if len(known) + len(new) >= MOST_VALUES_OPEN:
                        fitted.append((day, as_other(name), number))
                        continue
                    new.add(value[1])
            fitted.append((day, name, number))
        return fitted


def counted_facts(lines: Iterable[Line], closed_before: int) -> list[Line]:
    """Return those facts that a rebuild counts again, of days that are not closed."""
    return [line for line in lines if line[0] >= closed_before and not is_lasting(line[1])]


def lasting_facts(lines: Iterable[Line], closed_before: int) -> list[Line]:
    """Return those facts that a rebuild does not count: moves, and how many events there were of closed days."""
    lasting = []
    for day, name, number in lines:
        if is_lasting(name):
            lasting.append((day, name, number))
        elif day < closed_before and parts_of(name)[0] == fields.EVENTS:
            lasting.append((day, fields.AFTER_CLOSING, number))
    return lasting


def none_closed(lines: Iterable[Line], closed_before: int, today: int) -> list[Line]:
    """Return lines in which what is of a closed day counts on this one."""
    return [(day if day >= closed_before else max(today, closed_before), name, number) for day, name, number in lines]


def summed(lines: Iterable[Line]) -> dict[str, int]:
    """Return the sums of lines by the fields of Redis; a sum of 0 is left out."""
    sums: Counter[str] = Counter()
    for day, name, number in lines:
        sums[stored_field(day, name)] += number
    return {name: number for name, number in sums.items() if number}


def doings_of(records: Iterable[PublishedRecord], unsent: Iterable[PublishedRecord]) -> list[Line]:
    """Return what was decided, by the day of the decision.

    Args:
        records: what a step publishes of actions and decisions.
        unsent: actions of earlier steps that were counted, and are held now.
    """
    done: Counter[tuple[int, str]] = Counter()
    for record in records:
        done[record.decided_ms // DAY_MS, _doing(record)] += 1
    for record in unsent:
        done[record.decided_ms // DAY_MS, _doing(record)] -= 1
    return [(day, name, number) for (day, name), number in done.items() if number]


def _doing(record: PublishedRecord) -> str:
    if record.status == _RETRACTED:
        content = record.content()
        return fields.field(fields.RETRACTED, record.rule, getattr(content, "retracted_because", None))
    name = _NAMED.get(record.status)
    if name is None:
        return fields.field(fields.REFUSED, record.rule, record.status)
    return fields.field(name, record.rule)
