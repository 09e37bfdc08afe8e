"""A Redis as data: every key with its type and value, in a file that no version of Redis is needed to read.

The file is msgpack in xz: first the places where the workers stood (`Places`), then one `[key, type, value]` after
the other, in the order of the keys. Four bytes before each part say how long it is. Hashes are pairs, sorted sets
pairs of member and score. Keys that expire are left out: they are counters of past periods.

Names of topics and keys begin with `PREFIX`. `fill` replaces it, wherever it stands, by a prefix of the same length.
"""

import lzma
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec

from workers.state.connection import RedisServers
from workers.state.scan import escaped, scan_keys

PREFIX: Final = "upgrade."
_BATCH: Final = 1_000

Entry = tuple[bytes, str, Any]


class Places(msgspec.Struct):
    """Where the workers of the release before stood.

    Attributes:
        release: that release.
        now_ms: the moment, on the replay's clock.
        sources: by `topic:partition`, the offset after the last record of a source, all of it read.
        activity: by partition of the activity topic, the next offset to read.
        paused: rules that an operator had paused.
        broken: as `sources`, of a source that was stopped because it cannot be read; nothing of it is committed.
    """

    release: str
    now_ms: int
    sources: dict[str, int]
    activity: dict[int, int]
    paused: list[str] = []
    broken: dict[str, int] = {}


async def dump(redis: RedisServers, prefix: str = PREFIX) -> list[Entry]:
    """Return everything whose key begins with `prefix` and that does not expire, in the order of the keys."""
    keys: list[bytes] = []
    cursor = 0
    while True:
        cursor, found = await scan_keys(redis, cursor, f"{escaped(prefix)}*", _BATCH)
        keys += found
        if not cursor:
            break
    entries: list[Entry] = []
    for batch in _batches(sorted(set(keys))):
        kinds = await redis.call([("TYPE", key) for key in batch])
        lasting = await redis.call([("PTTL", key) for key in batch])
        kept = [(key, kind.decode()) for key, kind, left in zip(batch, kinds, lasting, strict=True) if left == -1]
        values = await redis.call([_READ[kind](key) for key, kind in kept])
        entries += [(key, kind, _plain(kind, raw)) for (key, kind), raw in zip(kept, values, strict=True)]
    return entries


async def load(redis: RedisServers, entries: list[Entry]) -> None:
    """Write entries into a Redis that has none of these keys."""
    for batch in _batches(entries):
        await redis.call([_written(*entry) for entry in batch])


def renamed(entry: Entry, prefix: str) -> Entry:
    """Return an entry with another prefix in its key and value.

    Raises:
        ValueError: if the prefix has not the length of `PREFIX`: lengths are stored beside names.
    """
    if len(prefix) != len(PREFIX):
        raise ValueError(f"'{prefix}' has not the length of '{PREFIX}'")

    def changed(value: Any) -> Any:
        if isinstance(value, bytes):
            return value.replace(PREFIX.encode(), prefix.encode())
        return [changed(part) for part in value] if isinstance(value, list | tuple) else value

    key, kind, value = entry
    return changed(key), kind, changed(value)


def write(path: Path, places: Places, entries: list[Entry]) -> None:
    """Write a file of stored entries."""
    encode = msgspec.msgpack.Encoder().encode
    with lzma.open(path, "wb", preset=9 | lzma.PRESET_EXTREME) as file:
        for part in (places, *entries):
            raw = encode(part)
            file.write(len(raw).to_bytes(4, "big") + raw)


def read(path: Path) -> tuple[Places, list[Entry]]:
    """Read what `write` wrote."""
    first, *others = _parts(lzma.decompress(path.read_bytes()))
    decode = msgspec.msgpack.Decoder(tuple[bytes, str, Any]).decode
    return msgspec.msgpack.decode(first, type=Places), [decode(raw) for raw in others]


def _parts(raw: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(raw):
        size = int.from_bytes(raw[at : at + 4], "big")
        yield raw[at + 4 : at + 4 + size]
        at += 4 + size


def _batches(items: list[Any]) -> Iterator[list[Any]]:
    for start in range(0, len(items), _BATCH):
        yield items[start : start + _BATCH]


_READ: Final[dict[str, Any]] = {
    "string": lambda key: ("GET", key),
    "hash": lambda key: ("HGETALL", key),
    "set": lambda key: ("SMEMBERS", key),
    "list": lambda key: ("LRANGE", key, 0, -1),
    "zset": lambda key: ("ZRANGE", key, 0, -1, "WITHSCORES"),
}
_WRITE: Final = {"hash": "HSET", "set": "SADD", "list": "RPUSH"}


def _plain(kind: str, raw: Any) -> Any:
    if kind == "hash":
        pairs = raw.items() if isinstance(raw, dict) else zip(*[iter(raw)] * 2, strict=True)
        return sorted([name, value] for name, value in pairs)
    if kind == "zset":
        pairs = raw if raw and isinstance(raw[0], list | tuple) else zip(*[iter(raw)] * 2, strict=True)
        return [[member, float(score)] for member, score in pairs]
    return sorted(raw) if kind == "set" else raw


def _written(key: bytes, kind: str, value: Any) -> tuple[Any, ...]:
    if kind == "string":
        return ("SET", key, value)
    if kind == "zset":
        return ("ZADD", key, *(part for member, score in value for part in (repr(score), member)))
    flat = [part for pair in value for part in pair] if kind == "hash" else value
    return (_WRITE[kind], key, *flat)
