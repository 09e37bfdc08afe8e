"""Scans the keys of all Redis servers with SCAN, one server after the other. Does not know the content of any key."""

import re
from dataclasses import dataclass

from workers.errors import Transient
from workers.state.connection import RedisServers


async def scan_keys(redis: RedisServers, cursor: int, pattern: str, count: int) -> tuple[int, list[bytes]]:
    """Return the next cursor, 0 at the end, and the keys that match a pattern among the next ones.

    Args:
        redis: the servers.
        cursor: 0 to begin, then the cursor returned last.
        pattern: as for SCAN.
        count: about how many keys to scan.

    Raises:
        Transient: if Redis did not answer as it should, or keys have moved; begin again from cursor 0 then.
    """
    position = _unpacked(cursor)
    masters = await redis.nodes.masters(refresh=not cursor)
    pools = list(masters.pools.values())
    if cursor and position.layout != masters.layout:
        raise Transient("the masters of the Redis cluster have changed, so the scan of all keys begins again")
    command = ("SCAN", position.cursor, "MATCH", pattern, "COUNT", count)
    answer, *survey = await redis.ask(pools[position.server], [command, *redis.nodes.survey])
    process = redis.nodes.check_survey(survey, masters.layout)
    if position.cursor and position.process != process:
        raise Transient("Redis was restarted or replaced, so the scan of all keys begins again")
    if following := int(answer[0]):
        return _packed(_Cursor(following, position.server, process, masters.layout)), answer[1]
    is_last = position.server + 1 == len(pools)
    return 0 if is_last else _packed(_Cursor(0, position.server + 1, 0, masters.layout)), answer[1]


def escaped(text: str) -> str:
    """Escape a text, so that a Redis pattern matches it literally."""
    return re.sub(r"([*?\[\]\\^-])", r"\\\1", text)


@dataclass(frozen=True, slots=True)
class _Cursor:
    """The position of a SCAN over all servers.

    Attributes:
        cursor: cursor of the present server, 0 at its beginning.
        server: number of that server.
        process: identifies the server process that returned the cursor; no other process understands it.
        layout: identifies which server holds which keys; see `topology.Masters`.
    """

    cursor: int
    server: int
    process: int
    layout: int


def _packed(position: _Cursor) -> int:
    return ((position.cursor << 16 | position.server) << 32 | position.process) << 32 | position.layout


def _unpacked(cursor: int) -> _Cursor:
    word = (1 << 32) - 1
    return _Cursor(cursor >> 80, cursor >> 64 & 0xFFFF, cursor >> 32 & word, cursor & word)
