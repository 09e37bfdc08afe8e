"""From samples to the text of a first `sources.yaml`."""

import json
from collections.abc import Collection, Sequence
from typing import Any, Final, NamedTuple

from workers.core.mapping.documents import ReadValue
from workers.core.mapping.record import SourceRecord
from workers.source_trial.guessing.cases import guess_cases
from workers.source_trial.guessing.envelopes import Around, find_envelopes
from workers.source_trial.guessing.leaves import Header
from workers.source_trial.guessing.systems import system_of
from workers.source_trial.guessing.writing import written_pack, written_skeleton, written_source

__all__ = ["Guessed", "guess_topic"]

_MOST_RECORDS: Final = 2_000


class Guessed(NamedTuple):
    """What was guessed of a topic.

    Attributes:
        text: of `sources.yaml`.
        pack: the pack that reads the records; None if there is none.
        to_check: how many lines need a look.
    """

    text: str
    pack: str | None
    to_check: int


def guess_topic(
    records: Sequence[SourceRecord],
    topic: str,
    origin: str,
    packs: Collection[str],
    read_value: ReadValue | None = None,
) -> Guessed:
    """Guess a first mapping of a topic from some of its records.

    Args:
        records: the samples, at least one.
        topic: its name.
        origin: from what it is guessed, for the comment at the top.
        packs: the names of the packs that there are.
        read_value: reads values by the schemas that they name; None if there is no registry.
    """
    records = records[:_MOST_RECORDS]
    pack = _pack_of(records, packs)
    if pack is not None:
        return _guessed(written_pack(pack, topic, origin), pack)
    around = find_envelopes(records, read_value)
    if not around.documents:
        why = [*around.why, *sorted(set(around.unreadable.values()))[:3]]
        text = written_skeleton(topic, origin, around.format, why or ["no record has a value"])
        return _guessed(text, None)
    headers, keys = _headers(records, around), _keys(records, around)
    source = guess_cases(around, headers, keys, topic)
    tombstones = sum(record.value is None for record in records)
    if tombstones:
        around.why.append(f"{tombstones} of {len(records)} records have no value, and are skipped")
    if around.unreadable:
        first = next(iter(around.unreadable.values()))
        source.notes.append(f"{len(around.unreadable)} of {len(records)} records cannot be read: {first}")
    return _guessed(written_source(source, topic, origin), None)


def _guessed(text: str, pack: str | None) -> Guessed:
    body = text.partition("\nsources:")[2]
    return Guessed(text, pack, body.count("CHECK"))


def _pack_of(records: Sequence[SourceRecord], packs: Collection[str]) -> str | None:
    documents: list[Any] = []
    headers: list[dict[str, str]] = []
    for record in records:
        if record.value is None:
            continue
        if record.value.count(b"\t") >= 100 and record.value[:1] not in (b"{", b"["):
            return "snowplow" if "snowplow" in packs else None
        try:
            documents.append(json.loads(record.value))
        except (ValueError, RecursionError):
            return None
        headers.append({name.lower(): value.decode(errors="replace") for name, value in record.headers if value})
    if not documents:
        return None
    found = system_of(documents, headers)
    return found if found in packs else None


def _headers(records: Sequence[SourceRecord], around: Around) -> list[Header]:
    """Return what the headers hold, by document; names are the same in any case."""
    names: dict[str, str] = {}
    values: dict[str, dict[int, str]] = {}
    for number, index in enumerate(around.records):
        for name, value in records[index].headers:
            if value is None:
                continue
            names.setdefault(name.lower(), name)
            values.setdefault(name.lower(), {})[number] = value.decode(errors="replace")
    return [Header(names[key], len(around.records), found) for key, found in values.items()]


def _keys(records: Sequence[SourceRecord], around: Around) -> frozenset[int]:
    """Return the documents whose record has a Kafka key that may name a customer: a text, and no structure."""
    keys = {number: records[index].key for number, index in enumerate(around.records)}
    return frozenset(number for number, key in keys.items() if key and key[:1] not in (b"{", b"[", b"\0"))
