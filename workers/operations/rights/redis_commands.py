"""The commands of Redis that Linger sends, and which of them a user may not send: each is tried without effect."""

from collections.abc import Collection, Sequence
from typing import Any, Final

from redis.exceptions import MovedError, ResponseError

from workers.state.store import Store

COMMANDS: Final = (
    ("GET", "{c}"),
    ("MGET", "{c}"),
    ("MSET", "{c}", "x"),
    ("HGET", "{meta}", "x"),
    ("HMGET", "{meta}", "x"),
    ("HGETALL", "{meta}"),
    ("HSET", "{meta}", "x", "x"),
    ("HSETNX", "{meta}", "x", "x"),
    ("HDEL", "{held}", "x"),
    ("HLEN", "{held}"),
    ("HSCAN", "{held}", "0"),
    ("HINCRBY", "{brake}", "x", "0"),
    ("DEL", "{rules}"),
    ("UNLINK", "{c}"),
    ("ZADD", "{due}", "0", "x"),
    ("ZREM", "{due}", "x"),
    ("ZRANGE", "{due}", "0", "0"),
    ("ZCARD", "{due}"),
    ("LRANGE", "{outbox}", "0", "0"),
    ("RPUSH", "{outbox}", "x"),
    ("LTRIM", "{outbox}", "0", "-1"),
    ("INCRBY", "{pace}", "1"),
    ("EXPIRE", "{pace}", "1"),
    ("SCAN", "0"),
    ("WAIT", "0", "1"),
)
"""The commands that a worker sends inside its namespace, besides WATCH, UNWATCH, MULTI, EXEC and INFO."""

OF_OPERATORS: Final = (
    ("SMEMBERS", "{dispositions}"),
    ("SADD", "{dispositions}", "x"),
    ("SREM", "{dispositions}", "x"),
    ("LLEN", "{outbox}"),
    ("ZCOUNT", "{due}", "0", "0"),
    ("ZSCORE", "{due}", "x"),
    ("INFO",),
)
"""The commands that other users than a worker send besides, and those that it does not try here."""


async def refused_commands(store: Store, wanted: Collection[str] | None = None) -> list[tuple[str, ResponseError]]:
    """Return the commands that Redis refuses, each with its answer; nothing is changed.

    Args:
        store: of the state.
        wanted: names of the commands; left out, those of a worker.

    Raises:
        redis.exceptions.ConnectionError: if Redis does not answer.
    """
    keys = store.keys.partition(0)
    key_by_name = {
        "{c}": keys.customer("linger-doctor"),
        "{meta}": keys.meta,
        "{held}": keys.held,
        "{due}": keys.due,
        "{outbox}": keys.outbox,
        "{rules}": store.keys.rules,
        "{brake}": store.keys.brake,
        "{pace}": store.keys.pace("linger-doctor", 0),
        "{dispositions}": store.keys.dead_letters,
    }
    tried = COMMANDS if wanted is None else [one for one in (*COMMANDS, *OF_OPERATORS) if one[0] in wanted]
    queued: Sequence[tuple[Any, ...]] = [tuple(key_by_name.get(part, part) for part in parts) for parts in tried]
    around = [("WATCH", keys.meta), ("UNWATCH",)]
    before = [one for one in around if wanted is None or one[0] in wanted]
    refused: list[tuple[str, ResponseError]] = []
    async with store.redis.connection(keys.meta) as connection:
        for command in [*before, ("MULTI",), *queued]:
            await connection.send_command(*command)
            try:
                await connection.read_response()
            except MovedError:
                continue  # another node of a cluster has that key; the user is the same there
            except ResponseError as error:
                refused.append((str(command[0]), error))
                if command[0] == "MULTI":
                    break  # outside a transaction, the rest would be executed
        await connection.disconnect()  # and with it the transaction
    return refused
