"""Going through the keys of all servers of Redis with SCAN, one server after the other."""

import re
from dataclasses import dataclass

from workers.errors import Transient
from workers.state.connection import RedisServers


async def scan_keys(redis: RedisServers, cursor: int, pattern: str, count: int) -> tuple[int, list[bytes]]:
    """Return the next cursor, 0 at the end, and some keys; about `count` are looked at."""
    place = _unpacked(cursor)
    masters = await redis.nodes.masters(anew=not cursor)
    pools = list(masters.pools.values())
    if cursor and place.layout != masters.layout:
        raise Transient("the masters of the Redis cluster have changed, so going through all keys begins again")
    question = ("SCAN", place.cursor, "MATCH", pattern, "COUNT", count)
    answer, *survey = await redis.ask(pools[place.server], [question, *redis.nodes.survey])
    process = redis.nodes.check_survey(survey, masters.layout)
    if place.cursor and place.process != process:
        raise Transient("Redis was started anew or replaced, so going through all keys begins again")
    if following := int(answer[0]):
        return _packed(_Cursor(following, place.server, process, masters.layout)), answer[1]
    is_last = place.server + 1 == len(pools)
    return 0 if is_last else _packed(_Cursor(0, place.server + 1, 0, masters.layout)), answer[1]


def escaped(text: str) -> str:
    """Return a text that stands for itself in one of Redis's patterns."""
    return re.sub(r"([*?\[\]\\^-])", r"\\\1", text)


@dataclass(frozen=True, slots=True)
class _Cursor:
    """How far a SCAN over all servers has got.

    Attributes:
        cursor: of the server, 0 at its beginning.
        server: its number.
        process: stands for the process that gave the cursor; to another it means nothing.
        layout: stands for which server holds which keys.
    """

    cursor: int
    server: int
    process: int
    layout: int


def _packed(place: _Cursor) -> int:
    return ((place.cursor << 16 | place.server) << 32 | place.process) << 32 | place.layout


def _unpacked(cursor: int) -> _Cursor:
    word = (1 << 32) - 1
    return _Cursor(cursor >> 80, cursor >> 64 & 0xFFFF, cursor >> 32 & word, cursor & word)
