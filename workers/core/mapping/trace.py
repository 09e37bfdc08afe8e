"""What a mapping did with one record, for people: which case, every value with the place it came from, or why not.

It maps with the parts that workers use, one step at a time, and is for tools: it costs many times more. Pure.
"""

from dataclasses import dataclass, field
from typing import Any

from schemas.events import Event, InvalidEvent
from workers.core.mapping.skipped import Skipped


@dataclass(frozen=True, slots=True)
class ConditionTrace:
    """One entry of an `only_when`.

    Attributes:
        key: as written, such as `data.object.status` or `header X-Kind`.
        wanted: what is asked for, in words, such as `invoice.paid` or `more than 0`.
        found: the value there; None for nothing. For `find`, what the expression gives.
        holds: whether it holds.
    """

    key: str
    wanted: str
    found: Any
    holds: bool


@dataclass(frozen=True, slots=True)
class CaseTrace:
    """One case that was looked at.

    Attributes:
        number: from 1.
        name: what metrics call it.
        event: its event type.
        conditions: in their order, up to the first that does not hold.
        takes: whether this case takes the item.
    """

    number: int
    name: str
    event: str
    conditions: tuple[ConditionTrace, ...]
    takes: bool

    @property
    def failed(self) -> ConditionTrace | None:
        """The condition because of which the case does not take the item."""
        return next((condition for condition in self.conditions if not condition.holds), None)


@dataclass(frozen=True, slots=True)
class ValueTrace:
    """One field or attribute.

    Attributes:
        name: the field or attribute.
        is_attribute: whether it is an attribute.
        place: where the value was found, in words, such as `path 'data.id'`; all places if there is none.
        others: for a list of places which one it was, such as `2nd of 3 places; 1st is empty`; else empty.
        found: the value there, as it is; None for nothing.
        value: what the event has; None if the event does not have it.
        changes: what was done to it, in order, such as `lower: mara@example.com` or `2900 minor, 2 decimals → 29.00`.
        left_out: the reason for which it was cut or left out; empty if it was not.
    """

    name: str
    is_attribute: bool
    place: str
    others: str
    found: Any
    value: Any
    changes: tuple[str, ...] = ()
    left_out: str = ""


@dataclass(frozen=True, slots=True)
class ItemTrace:
    """One item of a record.

    Attributes:
        number: from 0, as in the position of the event.
        result: the event; or what skipped the item; or why it is refused.
        document: what the places of this item are about; None if it was not reached.
        shared: the conditions of the source, up to the first that does not hold.
        cases: the cases that were looked at, the one that takes the item last.
        values: the fields, then the attributes. For a refused item, those that could be found.
        is_history: whether it is a row of a snapshot.
    """

    number: int
    result: Event | Skipped | InvalidEvent
    document: Any = None
    shared: tuple[ConditionTrace, ...] = ()
    cases: tuple[CaseTrace, ...] = ()
    values: tuple[ValueTrace, ...] = ()
    is_history: bool = False

    @property
    def case(self) -> CaseTrace | None:
        """The case that takes the item, if one does."""
        return self.cases[-1] if self.cases and self.cases[-1].takes else None


@dataclass(frozen=True, slots=True)
class RecordTrace:
    """What a mapping did with a record.

    Attributes:
        items: what is in the record, in order.
        refusal: why the record as a whole cannot be read; None if it can.
    """

    items: tuple[ItemTrace, ...] = field(default=())
    refusal: InvalidEvent | None = None
