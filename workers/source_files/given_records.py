"""`linger sources test`: given records are put through the mapping of a source, and compared with expected events.

What maps them is what a worker runs. This module must never know how a mapping is written.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, NamedTuple

import orjson

from schemas.events import InvalidEvent, read_json
from schemas.source_tests import ExpectedRefusal, ExpectedSkip, GivenRecord, SourceTest, SourceTestFile
from schemas.sources import Source, SourcesFile
from workers.core.formats.confluent import REGISTRY_FORMATS
from workers.core.mapping.converter import Canonical, compile_converter, compile_many
from workers.core.mapping.places import steps_of
from workers.core.mapping.record import SourceRecord
from workers.core.mapping.skipped import Skipped
from workers.rule_files.positions import Position

__all__ = ["Difference", "SourceTestResult", "UnusableTest", "run_source_tests"]

USUAL_TIMESTAMP: Final = datetime(2026, 10, 3, 16, 15, tzinfo=UTC)
"""Kafka's timestamp of a record that says none."""
_LATEST_MS: Final = int(datetime(9000, 1, 1, tzinfo=UTC).timestamp() * 1000)
"""No time of a sample is too late: a sample is about its mapping, not about the day on which it is run."""
_TIMES: Final = ("occurred_at", "effective_at")

Outcome = Canonical | Skipped | InvalidEvent


class UnusableTest(ValueError):
    """A sample that cannot be run; its text says why, and what to write instead."""


class Difference(NamedTuple):
    """One field in which what was found is not what was expected.

    Attributes:
        field: its name; with its number before it if a record has several items.
        expected: as a text; None if there was to be nothing.
        found: as a text; None if there is nothing.
    """

    field: str
    expected: str | None
    found: str | None


@dataclass(frozen=True, slots=True)
class SourceTestResult:
    """What came of one sample.

    Attributes:
        name: the sample's.
        file: of the sample.
        at: where it stands.
        differences: none if it passed.
        problem: why it could not be run, if it could not.
        detail: what the mapping said of a refused record.
    """

    name: str
    file: str
    at: Position
    differences: tuple[Difference, ...] = ()
    problem: str | None = None
    detail: str | None = None

    @property
    def passed(self) -> bool:
        """Whether it ran, and everything was as expected."""
        return self.problem is None and not self.differences


@dataclass(slots=True)
class _Mappings:
    """The compiled mappings of a file of sources, each made when it is first needed."""

    sources: SourcesFile
    hash_key: bytes | None
    made: dict[str, Callable[[SourceRecord], list[Outcome]]] = field(default_factory=dict)

    def of(self, topic: str) -> Callable[[SourceRecord], list[Outcome]]:
        if topic not in self.made:
            self.made[topic] = _mapping(self._source(topic), list(self.sources.event_types), self.hash_key)
        return self.made[topic]

    def _source(self, topic: str) -> Source:
        for source in sorted(self.sources.sources, key=lambda source: source.pattern is not None):
            if source.is_topic_of(topic):
                return source if source.pattern is None else source.of_topic(topic)
        known = ", ".join(source.name for source in self.sources.sources)
        raise UnusableTest(f"no source reads the topic '{topic}'; there are {known}")

    def only_topic(self) -> str:
        """Return the topic of a sample that names none."""
        if len(self.sources.sources) == 1 and self.sources.sources[0].pattern is None:
            return self.sources.sources[0].topic
        known = ", ".join(source.name for source in self.sources.sources)
        raise UnusableTest(f"needs 'topic', since there are several: {known}")


def run_source_tests(
    file: Path, content: SourceTestFile, sources: SourcesFile, at: Sequence[Position], hash_key: bytes | None = None
) -> list[SourceTestResult]:
    """Put every sample of a file through its mapping.

    Args:
        file: the file; records can have their bytes in files beside it.
        content: what it says.
        sources: the file of sources, or the pack alone.
        at: where each sample stands.
        hash_key: the key of `hashed`, if there is one.
    """
    mappings = _Mappings(sources, hash_key)
    results = []
    for sample, position in zip(content.samples, at, strict=True):
        try:
            results.append(_result(file, content, sample, position, mappings))
        except UnusableTest as problem:
            results.append(SourceTestResult(sample.name, str(file), position, problem=str(problem)))
    return results


def _result(
    file: Path, content: SourceTestFile, sample: SourceTest, at: Position, mappings: _Mappings
) -> SourceTestResult:
    topic = sample.topic or content.topic or mappings.only_topic()
    mapping = mappings.of(topic)
    record = _record(topic, _whole(sample.given, content.records, file.parent), file.parent)
    outcomes = mapping(record)
    differences = _differences(sample, outcomes)
    details = [outcome.detail for outcome in outcomes if isinstance(outcome, InvalidEvent)]
    detail = "; ".join(details) if differences and details else None
    return SourceTestResult(sample.name, str(file), at, tuple(differences), None, detail)


def _mapping(
    source: Source, declared: Sequence[str], hash_key: bytes | None
) -> Callable[[SourceRecord], list[Outcome]]:
    """Return what a worker does with a record of a source: one outcome for each item."""
    # What a schema registry would decode is written in a sample as the document that comes of it.
    read = read_json if source.format in REGISTRY_FORMATS else None
    try:
        if source.format != "canonical" and source.has_many():
            many = compile_many(source, declared, hash_key, read)
            return lambda record: _caught(lambda: many(record, _LATEST_MS))
        one = compile_converter(source, declared, hash_key, read)
    except ValueError as error:
        raise UnusableTest(str(error)) from None
    return lambda record: _caught(lambda: [one(record, _LATEST_MS)])


def _caught(run: Callable[[], list[Any]]) -> list[Outcome]:
    try:
        return run()
    except InvalidEvent as error:
        return [error]


# --- the record -------------------------------------------------------------------------------------------------


class _Whole(NamedTuple):
    """A record with everything that it has from others."""

    value: Any
    file: str | None
    headers: Mapping[str, str | None]
    key: str | None
    timestamp: datetime | None


def _whole(given: GivenRecord | str, records: Mapping[str, GivenRecord], folder: Path, depth: int = 0) -> _Whole:
    if isinstance(given, str):
        given = GivenRecord(like=given)
    if given.like is None:
        return _changed(_Whole(given.value, given.file, {}, None, None), given, folder)
    if given.like not in records or depth > len(records):
        known = ", ".join(f"'{name}'" for name in records) or "none"
        circle = "; it is like itself" if given.like in records else ""
        raise UnusableTest(f"there is no record '{given.like}'{circle}; under 'records' are {known}")
    return _changed(_whole(records[given.like], records, folder, depth + 1), given, folder)


def _changed(base: _Whole, given: GivenRecord, folder: Path) -> _Whole:
    value, file = base.value, base.file
    if given.set or given.remove:
        if file is not None:
            value, file = _document(folder, file), None
        value = deepcopy(value)
        for path, new in given.set.items():
            _put(value, steps_of(path), path, new)
        for path in given.remove:
            _take_away(value, steps_of(path), path)
    headers = {name: text for name, text in {**base.headers, **given.headers}.items() if text is not None}
    return _Whole(value, file, headers, given.key or base.key, given.timestamp or base.timestamp)


def _put(node: Any, steps: Sequence[str | int], path: str, value: Any) -> None:
    for step, following in pairwise(steps):
        empty: Any = [] if isinstance(following, int) else {}
        if isinstance(node, dict) and isinstance(step, str) and node.get(step) is None:
            node[step] = empty
        elif isinstance(node, list) and step == len(node):
            node.append(empty)
        node = _inside(node, step, path)
    last = steps[-1]
    if isinstance(node, list) and last == len(node):
        node.append(value)
    elif (
        isinstance(node, dict) if isinstance(last, str) else isinstance(node, list) and -len(node) <= last < len(node)
    ):
        node[last] = value
    else:
        raise UnusableTest(f"'set' names {path}, and there is no place for it in the value")


def _take_away(node: Any, steps: Sequence[str | int], path: str) -> None:
    for step in steps[:-1]:
        node = _inside(node, step, path)
    try:
        del node[steps[-1]]
    except (LookupError, TypeError):
        raise UnusableTest(f"'remove' names {path}, which the value does not have") from None


def _inside(node: Any, step: str | int, path: str) -> Any:
    try:
        return node[step]
    except (LookupError, TypeError):
        raise UnusableTest(f"the value has no {path}: there is nothing at '{step}'") from None


def _record(topic: str, whole: _Whole, folder: Path) -> SourceRecord:
    timestamp = whole.timestamp or USUAL_TIMESTAMP
    return SourceRecord(
        topic=topic,
        partition=0,
        offset=0,
        timestamp_ms=int(timestamp.timestamp() * 1000),
        key=None if whole.key is None else whole.key.encode(),
        value=_bytes(whole, folder),
        headers=[(name, (text or "").encode()) for name, text in whole.headers.items()],
    )


def _bytes(whole: _Whole, folder: Path) -> bytes | None:
    if whole.file is not None:
        return _content(folder, whole.file)
    if whole.value is None:
        return None
    return whole.value.encode() if isinstance(whole.value, str) else orjson.dumps(whole.value)


def _document(folder: Path, file: str) -> Any:
    try:
        return orjson.loads(_content(folder, file))
    except orjson.JSONDecodeError as error:
        raise UnusableTest(f"'set' and 'remove' change JSON, and the file '{file}' has none: {error}") from None


def _content(folder: Path, file: str) -> bytes:
    try:
        return (folder / file).read_bytes()
    except OSError as error:
        raise UnusableTest(f"the file '{file}' cannot be read: {error.strerror or error}") from None


# --- the comparison ---------------------------------------------------------------------------------------------


def _differences(sample: SourceTest, outcomes: Sequence[Outcome]) -> list[Difference]:
    is_list = isinstance(sample.expect, list)
    expected = sample.expect if isinstance(sample.expect, list) else [sample.expect]
    found: list[Difference] = []
    for number in range(max(len(expected), len(outcomes))):
        wanted = _wanted(expected[number]) if number < len(expected) else {}
        got = _got(outcomes[number]) if number < len(outcomes) else {}
        unchecked = {name for name in ("case", "field") if name not in wanted}
        before = f"item {number}: " if is_list or len(outcomes) > 1 else ""
        for name in dict.fromkeys([*wanted, *got]):
            if name not in unchecked and wanted.get(name) != got.get(name):
                found.append(Difference(before + name, _shown(wanted.get(name)), _shown(got.get(name))))
    return found


def _wanted(expected: Any) -> dict[str, Any]:
    if isinstance(expected, ExpectedSkip | ExpectedRefusal):
        return expected.model_dump(exclude_none=True)
    content = expected.model_dump(exclude={"attributes"}, exclude_none=True)
    return dict(_flat({**content, "attributes": expected.attributes}))


def _got(outcome: Outcome) -> dict[str, Any]:
    if isinstance(outcome, Skipped):
        return {"skipped": outcome.by}
    if isinstance(outcome, InvalidEvent):
        return {"refused": outcome.reason, **({} if outcome.field is None else {"field": outcome.field})}
    content = json.loads(outcome.value, parse_float=Decimal)
    return dict(_flat({**content, **({"case": outcome.case} if outcome.case else {})}))


def _flat(content: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the fields with values that can be compared: moments, exact amounts, attributes by `attributes.NAME`."""
    for name, value in content.items():
        if name == "attributes":
            for attribute, inner in (value or {}).items():
                yield f"attributes.{attribute}", _comparable(inner)
        elif value is not None:
            yield name, _moment(value) if name in _TIMES else _amount(value) if name == "amount" else value


def _comparable(value: Any) -> Any:
    return Decimal(str(value)) if isinstance(value, float) else value


def _moment(value: Any) -> Any:
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    return moment.astimezone(UTC)


def _amount(value: Any) -> Any:
    try:
        return Decimal(str(value))
    except InvalidOperation:
        return value


def _shown(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return (
        f"'{value}'"
        if isinstance(value, str)
        else "true"
        if value is True
        else "false"
        if value is False
        else f"{value}"
    )
