"""What the sources of a file read, as a table for people and as values for machines.

This module must never know how a record is mapped.
"""

from collections.abc import Iterator
from typing import Any

from schemas.durations import write_duration
from schemas.sources import Case, Source, SourcesFile, Unwrap

__all__ = ["overview_document", "overview_lines"]


def overview_lines(sources: SourcesFile) -> Iterator[str]:
    """Yield a table of each source: its topic, its format, its cases, and how long it may be silent."""
    for source in sources.sources:
        yield _title(source)
        rows = [_row(source, case) for case in source.every_case()]
        rows += [(event_type, event_type, _silence(source, event_type)) for event_type in source.events]
        widths = [max(len(row[column]) for row in rows) for column in range(2)]
        for name, becomes, silence in rows:
            yield f"  {name:<{widths[0]}}  {becomes:<{widths[1]}}  {silence}".rstrip()
        yield ""
    yield _summary(sources)


def _title(source: Source) -> str:
    parts = [source.format, *([f"pack {source.pack}"] if source.pack is not None else [])]
    if source.unwrap:
        parts.append("unwrap " + ", ".join(map(_in_words, source.unwrap)))
    if source.only_when:
        parts.append("only when " + ", ".join(source.only_when))
    if source.history_before is not None:
        parts.append(f"history before {source.history_before:%Y-%m-%d}")
    return f"{source.name}: {'; '.join(parts)}; silent after {write_duration(source.max_silence)}"


def _row(source: Source, case: Case) -> tuple[str, str, str]:
    if case.skip is not None:
        return case.label(), "skipped", ""
    if case.refuse is not None:
        return case.label(), f"dead letter {case.refuse}", ""
    return case.label(), case.event, _silence(source, case.event)


def _silence(source: Source, event_type: str) -> str:
    own = source.silence_of(event_type)
    return "" if own is None else f"silent after {write_duration(own)}"


def _in_words(step: Unwrap) -> str:
    return step.kind if step.path is None else f"{step.kind} {step.path}"


def _summary(sources: SourcesFile) -> str:
    count = len(sources.sources)
    types = sorted({event_type for source in sources.sources for event_type in source.types()})
    return f"{count} source{'' if count == 1 else 's'}, no mistakes; they bring {', '.join(types)}"


def overview_document(sources: SourcesFile) -> list[dict[str, Any]]:
    """Return the same as plain values, for JSON; durations in seconds."""
    return [
        {
            "topic": source.one_topic,
            "pattern": source.pattern,
            "format": source.format,
            "pack": source.pack,
            "unwrap": [_in_words(step) for step in source.unwrap],
            "max_silence_seconds": source.max_silence.total_seconds(),
            "types": list(source.types()),
            "cases": [
                {
                    "name": case.label(),
                    "event": case.event or None,
                    "skip": case.skip is not None,
                    "refuse": case.refuse,
                    "max_silence_seconds": _seconds(source, case.event),
                }
                for case in source.every_case()
            ],
        }
        for source in sources.sources
    ]


def _seconds(source: Source, event_type: str) -> float | None:
    own = source.silence_of(event_type) if event_type else None
    return None if own is None else own.total_seconds()
