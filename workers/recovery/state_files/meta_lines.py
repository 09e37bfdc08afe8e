"""The first line of a partition's part, and the `meta` that it was made of. Pure."""

from collections.abc import Mapping
from typing import Final

from workers.recovery.state_files.lines import FORMAT, PartitionHead
from workers.sealed_lines import DamagedFile
from workers.state.consistency import Log
from workers.state.meta import (
    GENERATION,
    LAYOUT,
    MARKED,
    MEANING,
    OWNERSHIP,
    PARTITIONS,
    REBUILDING,
    RULES,
    SWEPT,
    counter_field,
    high_water_field,
    meaning_of,
    meant_in,
    since_field,
    topic_id_of,
)

_OFFSET: Final = "offset"
_TOPIC_ID: Final = "topic_id"
_VERSION: Final = "version"
_NOT_OF_STATE: Final = {*OWNERSHIP, _VERSION, REBUILDING, LAYOUT, MARKED}
_NAMED: Final = {_OFFSET, _TOPIC_ID, PARTITIONS, GENERATION, RULES, MEANING}


def head_of(
    partition: int,
    fields: Mapping[str, str],
    log: Log,
    *,
    namespace: str,
    release: str,
    written_at: str,
    rule_versions: Mapping[str, str],
    published: Mapping[str, int],
    marks_key: str = "",
    experiments: Mapping[str, int] = {},
) -> PartitionHead:
    """Return the first line of a partition's part.

    Args:
        partition: its number.
        fields: its `meta`, as stored.
        log: its log.
        namespace: where it is stored.
        release: of Linger.
        written_at: when, ISO 8601.
        rule_versions: by rule, if the rules are those of `fields`.
        published: by topic, up to which offset was published.
        marks_key: what shows the key of marks, "" without one.
        experiments: figures of experiments.
    """
    high_waters, since, counters, others = {}, {}, {}, {}
    for name, value in fields.items():
        if name in _NOT_OF_STATE or name in _NAMED or not value:
            continue
        _, has_name, rest = name.partition(":")
        if has_name and high_water_field(rest) == name:
            high_waters[rest] = int(value)
        elif has_name and since_field(rest) == name:
            since[rest] = int(value)
        elif has_name and counter_field(rest) == name:
            counters[rest] = int(value)
        else:
            others[name] = value
    return PartitionHead(
        format=FORMAT,
        release=release,
        written_at=written_at,
        namespace=namespace,
        topic=log.topic,
        topic_id=topic_id_of(fields),
        partition=partition,
        partitions=int(fields.get(PARTITIONS) or log.partitions),
        offset=int(fields.get(_OFFSET, -1)),
        generation=int(fields.get(GENERATION) or 0),
        rules=fields.get(RULES, ""),
        rule_versions=dict(rule_versions),
        meaning=fields.get(MEANING, ""),
        high_waters=high_waters,
        since=since,
        counters=counters,
        fields=others,
        published=dict(published),
        marks_key=marks_key,
        experiments=dict(experiments),
    )


def meta_of(head: PartitionHead) -> dict[str, str | int]:
    """Return the fields of `meta` that a first line stands for, without owner, version and offset.

    Raises:
        DamagedFile: if the line has a field that is no part of the state.
    """
    fields: dict[str, str | int] = {PARTITIONS: head.partitions, GENERATION: head.generation, RULES: head.rules}
    if head.topic_id is not None:
        fields[_TOPIC_ID] = head.topic_id
    if head.meaning:
        fields[MEANING] = head.meaning
    for name, number in head.high_waters.items():
        fields[high_water_field(name)] = number
    for name, number in head.since.items():
        fields[since_field(name)] = number
    for name, number in head.counters.items():
        fields[counter_field(name)] = number
    for name, value in head.fields.items():
        if name in _NOT_OF_STATE or name in _NAMED or name in fields:
            raise DamagedFile(f"its first line has '{name}' among the other fields, where it cannot be")
        fields[name] = value
    texts = {name: str(value) for name, value in fields.items()}
    try:
        meaning_of(texts), meant_in(texts), int(texts.get(SWEPT) or 0)
    except ValueError as error:
        raise DamagedFile(f"its first line says of the meaning of rules what cannot be read: {error}") from None
    return fields
