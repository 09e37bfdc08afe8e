"""A search for what is known of a person, in any form, over everything that a deployment holds.

Every Redis key and value of a namespace, and every record, key and header of every topic of Linger's.
"""

import base64
import json
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any, NamedTuple
from urllib.parse import quote

import msgspec
from aiokafka.structs import ConsumerRecord

from tests.support.site import Site
from workers.kafka.range_reader import OffsetRange, opened_reader, read_ranges
from workers.kafka.records import TopicPartition
from workers.kafka.topics import connected_admin, log_bounds
from workers.state.scan import escaped, scan_keys


class InRedis(NamedTuple):
    """A place in Redis where something was found.

    Attributes:
        key: of Redis.
        what: name of what was found.
        form: in which it is there.
    """

    key: str
    what: str
    form: str


class InKafka(NamedTuple):
    """A record in which something was found.

    Attributes:
        topic: without the prefix of the deployment.
        partition, offset: of the record.
        part: `key`, `value`, or the name of a header.
        what: name of what was found.
        form: in which it is there.
    """

    topic: str
    partition: int
    offset: int
    part: str
    what: str
    form: str


Wanted = Mapping[str, str | float]
"""What to look for, under a name that says what it is."""


def forms_of(value: str | float) -> dict[str, bytes]:
    """Return a value as it may be written: plain, in JSON, in msgpack, in hexadecimal digits, in a URL, in base64.

    Base64 depends on where in its text the value begins, so there are three forms of it, without what depends on the
    characters before and after.
    """
    text = value if isinstance(value, str) else json.dumps(value)
    raw = text.encode()
    forms = {
        "plain": raw,
        "json": json.dumps(text)[1:-1].encode(),
        "json-slashes": json.dumps(text)[1:-1].replace("/", "\\/").encode(),
        "hex": raw.hex().encode(),
        "url": quote(text, safe="").encode(),
        "msgpack": msgspec.msgpack.encode(value),
    }
    for begin in range(3):
        whole = base64.b64encode(b"\0" * begin + raw)
        first, last = -(-begin * 8 // 6), (begin + len(raw)) * 8 // 6
        forms[f"base64-{begin}"] = whole[first:last]
    return forms


class Search:
    """Looks for some values."""

    def __init__(self, wanted: Wanted) -> None:
        """Take the values; each should be long enough to be found nowhere by chance."""
        self._forms = [(name, form, raw) for name, value in wanted.items() for form, raw in forms_of(value).items()]

    def found_in(self, raw: bytes) -> Iterable[tuple[str, str]]:
        """Yield the name and the form of each value that some bytes hold, each value once."""
        seen: set[str] = set()
        for name, form, wanted in self._forms:
            if name not in seen and wanted in raw:
                seen.add(name)
                yield name, form

    async def in_redis(self, place: Site) -> list[InRedis]:
        """Look at every key of the site's namespace, of any type, and at the name of each key."""
        return [
            InRedis(key.decode(errors="replace"), *found)
            async for key, parts in contents_of_redis(place)
            for found in self.found_in(b"\0".join([key, *parts]))
        ]

    async def in_kafka(self, place: Site, topics: Iterable[str] | None = None) -> list[InKafka]:
        """Look at every record of every topic of Linger's, or of some."""
        return [
            InKafka(
                record.topic.removeprefix(place.settings.topic("")), record.partition, record.offset, part, *found
            )
            async for record in records_of(place, topics)
            for part, raw in parts_of(record)
            for found in self.found_in(raw)
        ]


def parts_of(record: ConsumerRecord) -> list[tuple[str, bytes]]:
    """Return all bytes of a record, and what each of them is."""
    headers = [(name, name.encode() + b"\0" + (value or b"")) for name, value in record.headers]
    return [("key", record.key or b""), ("value", record.value or b""), *headers]


async def contents_of_redis(place: Site) -> AsyncIterator[tuple[bytes, list[bytes]]]:
    """Yield every key of the site's namespace, and all bytes that are stored under it."""
    cursor, pattern, seen = -1, f"{escaped(place.settings.redis_namespace)}:*", set[bytes]()
    while cursor:
        cursor, keys = await scan_keys(place.store.redis, max(0, cursor), pattern, 1_000)
        for key in set(keys) - seen:
            seen.add(key)
            yield key, await _parts(place, key)


async def _parts(place: Site, key: bytes) -> list[bytes]:
    kind = (await place.store.redis.call([("TYPE", key)]))[0].decode()
    if kind == "none":
        return []
    command: tuple[Any, ...] = {
        "string": ("GET", key),
        "hash": ("HGETALL", key),
        "list": ("LRANGE", key, 0, -1),
        "set": ("SMEMBERS", key),
        "zset": ("ZRANGE", key, 0, -1),
        "stream": ("XRANGE", key, "-", "+"),
    }[kind]
    return list(_flat((await place.store.redis.call([command]))[0]))


def _flat(answer: Any) -> Iterable[bytes]:
    if isinstance(answer, bytes):
        yield answer
    elif isinstance(answer, str):
        yield answer.encode()
    elif isinstance(answer, Mapping):
        for pair in answer.items():
            yield from _flat(list(pair))
    elif answer is not None:
        for part in answer:
            yield from _flat(part)


async def records_of(place: Site, topics: Iterable[str] | None = None) -> AsyncIterator[ConsumerRecord]:
    """Yield every record of every topic of Linger's, or of some, those of each partition in order."""
    prefix = place.settings.topic("")
    async with connected_admin(place.settings.kafka_connection()) as admin:
        if topics is None:
            names = [name for name in await admin.list_topics() if name.startswith(prefix)]
        else:
            names = [prefix + name for name in topics]
        described = await admin.describe_topics(names)
    places = [TopicPartition(topic["topic"], one["partition"]) for topic in described for one in topic["partitions"]]
    async with opened_reader(place.settings.kafka_connection()) as consumer:
        bounds = await log_bounds(consumer, places)
        ranges = {one: OffsetRange(log.earliest, log.end, to_log_end=True) for one, log in bounds.items()}
        async for _, records in read_ranges(consumer, ranges):
            for record in records:
                yield record
