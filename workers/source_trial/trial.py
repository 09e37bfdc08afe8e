"""The mapping of a topic, tried on samples: nothing is written, and neither rules nor Redis are needed."""

import asyncio
import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from schemas.events import InvalidEvent
from schemas.sources import Source, SourcesFile
from workers.core.mapping.converter import Canonical, ManyConverter, compile_converter, compile_many
from workers.core.mapping.documents import ReadValue
from workers.core.mapping.trace import RecordTrace, compile_trace
from workers.errors import StartupError
from workers.histories.outcomes import Outcomes
from workers.histories.personal import without_values_in
from workers.registry.for_commands import reader_for
from workers.settings import Settings
from workers.source_trial.in_force import Position
from workers.source_trial.samples import Sample

__all__ = ["Setup", "Trace", "Trial", "Tried", "counted", "setup_for", "source_of", "takes_lists", "tracer"]

Trace = Callable[[Sample], RecordTrace]
"""`trace(sample)` -> what the mapping did with it."""


class Setup(NamedTuple):
    """What a mapping needs beside the file that it is in.

    Attributes:
        latest: the latest plausible moment of an event.
        hash_key: the key of `hashed`; None if nothing is hashed.
        read_value: reads a value by its schema; None for formats without schemas.
    """

    latest: datetime
    hash_key: bytes | None = None
    read_value: ReadValue | None = None


def setup_for(source: Source, samples: Sequence[Sample], settings: Settings, now: datetime) -> Setup:
    """Return what a mapping needs to be tried on some samples; asks a schema registry for their schemas, if need be.

    Args:
        source: with the mapping.
        samples: all that it will be tried on.
        settings: of the workers.
        now: the present time.

    Raises:
        StartupError: if a value is hashed and there is no key, or a schema is needed and there is no registry.
        RegistryUnavailable: if the registry does not answer.
    """
    if source.hashes() and settings.hash_key is None:
        raise StartupError(["a value is 'hashed', so the setting LINGER_ID_KEY is needed, as in the workers"])
    values = [sample.record.value for sample in samples]
    read_value = asyncio.run(reader_for(source.format, values, settings.registry_connection()))
    return Setup(now + settings.max_future, settings.hash_key, read_value)


class Tried(NamedTuple):
    """One sample, and what the mapping did with it."""

    sample: Sample
    trace: RecordTrace


@dataclass(frozen=True, slots=True)
class Trial:
    """A mapping over some samples.

    Attributes:
        source: with the mapping.
        tried: each sample with what it became.
        outcomes: the same, counted.
    """

    source: Source
    tried: Sequence[Tried]
    outcomes: Outcomes

    @classmethod
    def of(cls, source: Source, trace: Trace, samples: Sequence[Sample]) -> "Trial":
        """Try a mapping on samples, in their order."""
        outcomes = Outcomes()
        tried = []
        for sample in samples:
            found = trace(sample)
            outcomes.note(sample.place, found)
            tried.append(Tried(sample, found))
        return cls(source, tried, outcomes)


def source_of(sources: SourcesFile, topic: str, file: Path) -> Source:
    """Return the source that reads a topic; of one with a pattern, as it reads this topic.

    Args:
        sources: the content of the file.
        topic: the topic.
        file: its name, for the message.

    Raises:
        StartupError: if no source reads it, with those that there are.
    """
    for source in sources.sources:
        if source.is_topic_of(topic):
            return source.of_topic(topic)
    names = [source.name for source in sources.sources]
    close = difflib.get_close_matches(topic, names, 1)
    known = f"did you mean '{close[0]}'?" if close else f"it has {', '.join(names[:10])}"
    raise StartupError([f"{file} has no source for the topic '{topic}'; {known}"])


def counted(
    source: Source, sources: SourcesFile, setup: Setup, samples: Sequence[Sample]
) -> tuple[dict[Position, str], Outcomes]:
    """Return which events a mapping gives for many samples, by the position of each; and all outcomes, counted.

    Events are made as a worker makes them, so this is fast. Only what is no event is looked at closely.

    Args:
        source: with the mapping.
        sources: the file that it is in.
        setup: what the mapping needs beside it.
        samples: the records.
    """
    trace = tracer(source, sources, setup)
    latest_ms = round(setup.latest.timestamp() * 1000)
    convert = _converter(source, sources, setup)
    types: dict[Position, str] = {}
    outcomes = Outcomes()
    for sample in samples:
        record = sample.record
        try:
            results = convert(record, latest_ms)
        except InvalidEvent:
            results = []
        events = [(item, result) for item, result in enumerate(results) if isinstance(result, Canonical)]
        for item, event in events:
            types[record.partition, record.offset, item] = event.type
        if results and len(events) == len(results):
            outcomes.records += 1
            for _, event in events:
                outcomes.note_event(event.type, event.left_out)
        else:
            outcomes.note(sample.place, trace(sample))
    return types, outcomes


def _converter(source: Source, sources: SourcesFile, setup: Setup) -> ManyConverter:
    """Return what makes events of a record as a worker does, one entry for each item."""
    declared = frozenset(sources.event_types)
    if source.has_many():
        return compile_many(source, declared, setup.hash_key, setup.read_value)
    convert = compile_converter(source, declared, setup.hash_key, setup.read_value)
    return lambda record, latest_ms: [convert(record, latest_ms)]


def takes_lists(source: Source) -> bool:
    """Return whether a list is one record of a source, which its mapping takes apart."""
    return any(step.kind in ("each", "cloudevents") and step.path is None for step in source.unwrap)


def tracer(source: Source, sources: SourcesFile, setup: Setup, *, show_personal: bool = False) -> Trace:
    """Return what says of each sample what the mapping of a source does with it.

    Args:
        source: with the mapping.
        sources: the file that it is in, for what it declares of types and attributes.
        setup: what the mapping needs beside it.
        show_personal: whether values of personal attributes are shown; otherwise they are masked.
    """
    declared = frozenset(sources.event_types)
    trace = compile_trace(source, declared, setup.latest, setup.hash_key, setup.read_value)
    if not show_personal:
        trace = without_values_in(trace, source, sources.personal())
    return lambda sample: trace(sample.record)
