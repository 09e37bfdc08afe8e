"""Timelines as lines of text: decisions, expectations, why they differ, and what to write instead.

This module must never know how an example is run, nor where its file is.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, Literal

import orjson
from rich.text import Text

from schemas.rules import Expected, write_offset
from workers.core.conditions.condition import FALSE, TRUE
from workers.core.events.decoding import DecodedEvent
from workers.rule_files.problems import printable
from workers.rule_tests.entries import ConditionFinding, Mark, TimelineEntry, words_of
from workers.rule_tests.runner import ExampleResult

LineStyle = Literal["plain", "good", "bad", "extra", "quiet", "head"]
"""good: as expected; bad: expected and missing; extra: happened, but not expected; quiet: less important."""

MARKS: Final[dict[Mark, str]] = {"given": " ", "met": "✓", "noted": "·", "unexpected": "+", "missing": "-"}
_STYLE_OF_MARK: Final[dict[Mark, LineStyle]] = {
    "given": "plain",
    "met": "good",
    "noted": "quiet",
    "unexpected": "extra",
    "missing": "bad",
}
_STYLES: Final[dict[LineStyle, str]] = {
    "plain": "",
    "good": "green",
    "bad": "red",
    "extra": "yellow",
    "quiet": "dim",
    "head": "bold",
}
_TRUTHS: Final = {FALSE: "false", TRUE: "true"}
_MOST_ALIKE: Final = 5
"""A longer row of equal events is shown as the first, the last, and the number between them."""
_MOST_ATTRIBUTES: Final = 6


@dataclass(frozen=True, slots=True)
class StyledLine:
    """One line of text.

    Attributes:
        text: the line.
        style: its meaning, which becomes a colour on a terminal.
    """

    text: str
    style: LineStyle = "plain"


def timeline_of(result: ExampleResult) -> list[StyledLine]:
    """Return the timeline of a result and, if it failed, the `expect:` under which it would pass.

    Marks: `✓` as expected, `+` happened, but was not expected, `-` expected, but did not happen, `·` a reason why
    nothing is sent, which need not be expected.
    """
    if result.problem is not None:
        hint = f" ({result.hint})" if result.hint else ""
        return [StyledLine(f"  cannot be run: {result.problem}{hint}", "bad")]
    rows = _collapsed(result.timeline)
    width = max((len(write_offset(entry.at)) for entry, _ in rows), default=0)
    lines = [line for entry, more in rows for line in _entry_lines(entry, more, result, width)]
    if result.passed:
        return lines
    return [*lines, *_instead_lines(result)]


def title_of(result: ExampleResult) -> StyledLine:
    """Return the line with the name and location of an example, and whether it passed."""
    mark = "✓" if result.passed else "✗"
    owner = f"{result.owner}: " if result.owner and result.owner != result.location.file else ""
    return StyledLine(f"{mark} {owner}{result.name}  [{result.location}]", "good" if result.passed else "bad")


def as_text(lines: Iterable[StyledLine]) -> str:
    """Write lines as plain text."""
    return "".join(f"{printable(line.text)}\n" for line in lines)


def as_rich(lines: Iterable[StyledLine]) -> Text:
    """Return lines as text with colours; the console leaves them out if it has none."""
    return Text("\n").join(Text(printable(line.text), style=_STYLES[line.style]) for line in lines)


# -- entries ---------------------------------------------------------------------------------------------------


def _collapsed(timeline: Sequence[TimelineEntry]) -> list[tuple[TimelineEntry, int]]:
    """Return the entries to show, each with the number of equal ones that are left out before it."""
    rows: list[tuple[TimelineEntry, int]] = []
    run: list[TimelineEntry] = []
    for entry in [*timeline, None]:
        if run and (entry is None or not _are_equal_events(run[0], entry)):
            shown = run if len(run) <= _MOST_ALIKE else [run[0], run[-1]]
            rows += [(equal, len(run) - len(shown) if equal is run[-1] else 0) for equal in shown]
            run = []
        if entry is not None:
            run.append(entry)
    return rows


def _are_equal_events(entry: TimelineEntry, other: TimelineEntry) -> bool:
    event, other_event = entry.event, other.event
    if event is None or other_event is None:
        return False
    return (event.type, event.attributes) == (other_event.type, other_event.attributes)


def _entry_lines(entry: TimelineEntry, more: int, result: ExampleResult, width: int) -> Iterator[StyledLine]:
    if more:
        yield StyledLine(f"    {'…':<{width}}  … {more} more like this", "quiet")
    when = f"{result.start + entry.at:%a %Y-%m-%d %H:%M}{_seconds(result, entry)}"
    head = f"  {MARKS[entry.mark]} {write_offset(entry.at):<{width}}  {when}  "
    style, indent = _STYLE_OF_MARK[entry.mark], " " * 8
    if entry.event is not None:
        yield StyledLine(head + _event_words(entry.event), style)
        return
    assert entry.expected is not None
    what = words_of(entry.expected, len(result.rules) > 1)
    earliest = entry.expected.not_before
    if earliest is not None:
        what += f", not before {write_offset(earliest)}"
    difference = {"missing": "  expected, and does not happen", "unexpected": "  happens, and is not expected"}
    yield StyledLine(head + what + difference.get(entry.mark, ""), style)
    if entry.mark == "met":
        return
    yield from _detail_lines(entry.expected, indent)
    for note in entry.notes:
        yield StyledLine(indent + note, "quiet" if entry.mark == "noted" else "plain")
    if entry.mark == "unexpected":
        yield from _reason_lines(entry.findings, indent)
    else:
        yield from _finding_lines(entry.findings, indent + "  ")
    if entry.remark is not None:
        yield StyledLine(indent + entry.remark)


def _detail_lines(expected: Expected, indent: str) -> Iterator[StyledLine]:
    for name in ("variables", "labels"):
        if details := getattr(expected, name):
            words = ", ".join(f"{each} {_value_words(value)}" for each, value in details.items())
            yield StyledLine(f"{indent}{name}: {words}")
    for name in ("channel", "locale", "stage") if not expected.is_stage else ():
        if (detail := getattr(expected, name)) is not None:
            yield StyledLine(f"{indent}{name}: {detail}")
    if expected.value is not None:
        own = expected.value.model_dump(exclude_none=True)
        yield StyledLine(f"{indent}value: {', '.join(f'{each} {_value_words(one)}' for each, one in own.items())}")


def _seconds(result: ExampleResult, entry: TimelineEntry) -> str:
    time = result.start + entry.at
    return f":{time:%S}" if time.second else ""


def _event_words(event: DecodedEvent) -> str:
    attributes = list(event.attributes.items())
    parts = [f"{name} {_value_words(value)}" for name, value in attributes[:_MOST_ATTRIBUTES]]
    more = [f"{len(attributes) - _MOST_ATTRIBUTES} more"] if len(attributes) > _MOST_ATTRIBUTES else []
    return event.type + (f" ({', '.join([*parts, *more])})" if parts else "")


def _value_words(value: Any) -> str:
    if isinstance(value, Decimal):
        return f"{value:f}"
    return str(value).lower() if isinstance(value, bool) else "nothing" if value is None else str(value)


# -- why, and why not ------------------------------------------------------------------------------------------


def _reason_lines(findings: Sequence[ConditionFinding], indent: str) -> Iterator[StyledLine]:
    """Yield why a rule acts: the conditions that are true, except those inside a condition that is not."""
    lead, untrue = "because ", None
    for finding in findings:
        if untrue is not None and finding.depth > untrue:
            continue
        untrue = None if finding.truth == TRUE else finding.depth
        if finding.truth == TRUE and not finding.is_group:
            yield StyledLine(f"{indent}{lead}{_finding_words(finding)}")
            lead = "    and "


def _finding_lines(findings: Sequence[ConditionFinding], indent: str) -> Iterator[StyledLine]:
    width = max((len(_truth_words(finding)) for finding in findings), default=0)
    for finding in findings:
        changes = ""
        if finding.changes is not None:
            changes = f"; changes at {write_offset(finding.changes)} if nothing happens"
        text = f"{_truth_words(finding):<{width}}  {'  ' * finding.depth}{_finding_words(finding)}{changes}"
        yield StyledLine(
            indent + text, "good" if finding.truth == TRUE else "bad" if finding.truth == FALSE else "extra"
        )


def _finding_words(finding: ConditionFinding) -> str:
    return finding.condition if finding.is_group else f"{finding.condition}: {_value_words(finding.observed)}"


def _truth_words(finding: ConditionFinding) -> str:
    return _TRUTHS.get(finding.truth, "not observable")


# -- what to write ---------------------------------------------------------------------------------------------


def _instead_lines(result: ExampleResult) -> Iterator[StyledLine]:
    yield StyledLine("")
    yield StyledLine("  If what happens is right, write:", "head")
    for text in instead_of(result).splitlines():
        yield StyledLine(f"    {text}")


def instead_of(result: ExampleResult) -> str:
    """Return the `expect:` under which an example would pass, as YAML to paste."""
    if not result.instead:
        return "expect: nothing\n"
    lines = ["expect:"]
    for expected in result.instead:
        content = expected.model_dump(mode="json", by_alias=True, exclude_none=True)
        if expected.variables is not None:
            content["variables"] = expected.variables  # including those without a value
        if len(result.rules) == 1:
            content.pop("rule", None)
        lines += [
            f"  {'  ' if index else '- '}{name}: {_yaml(value)}"
            for index, (name, value) in enumerate(content.items())
        ]
    return "\n".join(lines) + "\n"


def _yaml(value: Any) -> str:
    # Offsets, ids and words of the grammar need no quotes; values of events may.
    is_plain = isinstance(value, str) and value not in ("true", "false", "null")
    return str(value) if is_plain else orjson.dumps(value).decode()
