"""What a report is made of, before it is text, JSON, CSV or a page: ids and numbers, no words.

Words for the ids stand in `workers/report/words`. An id of a figure, a table, a chart or a section has a `title`
and a `sentence` there, which defines it; every other id has one word or phrase. Pure.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

UTC_ZONE = "UTC"
"""In which every day and month of a report begins and ends."""


@dataclass(frozen=True, slots=True)
class Count:
    """How many: customers, events, purchases."""

    number: int


@dataclass(frozen=True, slots=True)
class Number:
    """A number that is no count: a score, a mean of days; it may be below 0.

    Attributes:
        number: it.
        places: how many decimals are shown.
    """

    number: float
    places: int = 1


@dataclass(frozen=True, slots=True)
class Share:
    """A part of a whole, which is never 0: where the whole is 0, the value is `Missing`."""

    part: int
    whole: int

    @property
    def ratio(self) -> float:
        """The share as a number; below 0 or above 1 only where parts are amounts of money."""
        return self.part / self.whole


@dataclass(frozen=True, slots=True)
class Money:
    """An amount of one currency.

    Attributes:
        amount: in ten-thousandths of it.
        currency: its code of three letters; `-` if events say none.
    """

    amount: int
    currency: str


@dataclass(frozen=True, slots=True)
class Interval:
    """From where to where the true value lies.

    Attributes:
        low, high: of the same kind as the value between them.
        middle: what was measured.
    """

    low: "Count | Number | Money"
    high: "Count | Number | Money"
    middle: "Count | Number | Money"


@dataclass(frozen=True, slots=True)
class Day:
    """A day in UTC.

    Attributes:
        number: days since 1970-01-01.
    """

    number: int


@dataclass(frozen=True, slots=True)
class Month:
    """A month in UTC, as `2026-11`."""

    text: str


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment, in milliseconds since 1970."""

    at_ms: int


@dataclass(frozen=True, slots=True)
class Word:
    """Something that the words have a phrase for, such as a state of a verdict.

    Attributes:
        id: of the phrase.
        given: what stands in its gaps, by name.
    """

    id: str
    given: Mapping[str, "Value"] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Label:
    """A text that a user has declared, such as a reason or the name of a rule: shown as it stands."""

    text: str


@dataclass(frozen=True, slots=True)
class Missing:
    """There is no value; a page says why, and never shows 0 instead.

    Attributes:
        reason: the id of why; its phrase is `reason.ID`.
        given: what stands in the gaps of the phrase, by name.
    """

    reason: str
    given: Mapping[str, "Value"] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Incomplete:
    """A value of a period that has not ended, or that is not seen to its end: it can still change."""

    value: "Value"


Value = Count | Number | Share | Money | Interval | Day | Month | Moment | Word | Label | Missing | Incomplete


@dataclass(frozen=True, slots=True)
class Period:
    """Whole days, the first and the last included; in UTC.

    Attributes:
        first, last: as days since 1970-01-01.
    """

    first: int
    last: int


@dataclass(frozen=True, slots=True)
class AsOf:
    """A moment instead of a period: what is true at it, in milliseconds since 1970."""

    at_ms: int


Time = Period | AsOf


@dataclass(frozen=True, slots=True)
class Part:
    """A number from which a figure is made, or that belongs beside it.

    Attributes:
        id: of its phrase, `part.ID`.
        value: it.
    """

    id: str
    value: Value


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One number with everything that it takes to read it.

    Attributes:
        id: of the figure and of its definition: `ID.title` and `ID.sentence`.
        value: it, or why there is none.
        denominator: of how many it is a share or a mean, or over how many it is a sum; `ID.of` says of what.
        time: of when it is.
        parts: what it is made of.
        given: what stands in the gaps of the sentence, by name.
    """

    id: str
    value: Value
    time: Time
    denominator: Value | None = None
    parts: tuple[Part, ...] = ()
    given: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows of values.

    Attributes:
        id: of the table and of its definition: `ID.title` and `ID.sentence`.
        columns: ids of what stands in each, `column.ID`.
        rows: a value for each column; what stands first names the row.
        time: of when it is.
        given: what stands in the gaps of the sentence, by name.
        empty: why there is no row; None if there are rows.
    """

    id: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Value, ...], ...]
    time: Time
    given: Mapping[str, Value] = field(default_factory=dict)
    empty: Missing | None = None


class ChartKind(StrEnum):
    """How a chart is drawn."""

    BARS = "bars"
    LINES = "lines"
    STACKED = "stacked"
    TRIANGLE = "triangle"
    INTERVAL = "interval"


@dataclass(frozen=True, slots=True)
class Series:
    """What one line, one colour of bars or one row of a triangle shows.

    Attributes:
        name: its `Word`, `Label` or `Month`.
        values: one for each place of the chart; `Missing` where there is none.
    """

    name: Value
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Note:
    """A remark on a section or a chart.

    Attributes:
        id: of its phrase, `note.ID`.
        given: what stands in its gaps, by name.
    """

    id: str
    given: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A picture of numbers that stand in a table, too; it must be understood without anything around it.

    Attributes:
        id: of the chart and of its definition: `ID.title` and `ID.sentence`.
        kind: how it is drawn.
        x, y: ids of what the axes show, `axis.ID`.
        places: along x, or across a triangle.
        series: all of them have as many values as there are places.
        time: of when it is.
        whole: of how many all values are parts, so that each is said as a share, too; None if of none.
        details: what else is said of each place, or of each row of a triangle; its name says what that is.
        groups: to which group each place belongs, by which it has its colour; from the worst to the best.
        notes: what must be known to read it.
        table: the id of the table of the same section that has these numbers; None if no table has.
        given: what stands in the gaps of the sentence, by name.
    """

    id: str
    kind: ChartKind
    x: str
    y: str
    places: tuple[Value, ...]
    series: tuple[Series, ...]
    time: Time
    whole: Count | None = None
    details: Series | None = None
    groups: tuple[Value, ...] = ()
    notes: tuple[Note, ...] = ()
    table: str | None = None
    given: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """What belongs together: it answers one question.

    Attributes:
        id: of the section: `section.ID.title` and `section.ID.sentence`.
        figures, tables, charts, notes: shown in this order.
    """

    id: str
    figures: tuple[Figure, ...] = ()
    tables: tuple[Table, ...] = ()
    charts: tuple[Chart, ...] = ()
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All of it.

    Attributes:
        period: for which it was asked.
        source: from where the numbers are: `Word("source.live")` or `Word("source.history")` with a name.
        at_ms: when it was made, or the moment of the history's end, in milliseconds since 1970.
        sections: in the order in which they are read.
        notes: on all of it.
        zone: in which days and months are counted.
    """

    period: Period
    source: Word
    at_ms: int
    sections: tuple[Section, ...]
    notes: tuple[Note, ...] = ()
    zone: str = UTC_ZONE
