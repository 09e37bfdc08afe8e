"""Checks of Redis, on answers that were already fetched; only `commands` queries Redis."""

import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final

from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import MovedError, NoPermissionError, ResponseError

from workers.errors import Transient
from workers.operations.findings import Finding, judged, ok, problem, unknown
from workers.operations.permissions import Refusal
from workers.state.store import Store

COMMANDS: Final = (
    ("GET", "{c}"),
    ("MGET", "{c}"),
    ("MSET", "{c}", "x"),
    ("HGET", "{meta}", "x"),
    ("HMGET", "{meta}", "x"),
    ("HGETALL", "{meta}"),
    ("HSET", "{meta}", "x", "x"),
    ("HDEL", "{held}", "x"),
    ("HLEN", "{held}"),
    ("HINCRBY", "{brake}", "x", "0"),
    ("DEL", "{rules}"),
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
    ("UNLINK", "{c}"),
    ("LLEN", "{outbox}"),
    ("ZCOUNT", "{due}", "0", "0"),
    ("INFO",),
)
"""The commands that other users than a worker send besides, and those that it does not try here."""

EVICTS_NOTHING: Final = "noeviction"
_WHY_NEEDED: Final = "it holds what Linger knows of customers"
_OLDEST: Final = (6, 2)
_FULL: Final = 0.8
_CLOCKS_APART_MS: Final = 1_000

Info = Mapping[str, str]
"""The fields of an answer to INFO."""


def parse_info(raw: bytes | str) -> dict[str, str]:
    """Return the fields of an answer to INFO; headings are left out."""
    text = raw.decode() if isinstance(raw, bytes) else raw
    return dict(line.split(":", 1) for line in text.splitlines() if ":" in line)


def may_evict(policy: str) -> bool:
    """Return whether a Redis with this `maxmemory-policy` may lose customers when its memory is full."""
    return policy != EVICTS_NOTHING


def is_not_permitted(error: Transient) -> bool:
    """Return whether an error is Redis's answer that the user lacks a permission."""
    return isinstance(error.__cause__, NoPermissionError)


def refused(refusals: Iterable[Refusal]) -> list[Finding]:
    """Return why Redis refuses the connection."""
    remedy = "see LINGER_REDIS_USERNAME, LINGER_REDIS_PASSWORD, LINGER_REDIS_SSL_CA_CERTS"
    return [
        problem("Redis", "reachable", refusal.problem, _WHY_NEEDED, refusal.remedy or remedy) for refusal in refusals
    ]


def unreachable(error: Transient) -> Finding:
    """Return the problem of a Redis that did not answer INFO."""
    if is_not_permitted(error):
        remedy = "ACL SETUSER <user> +info (docs/acl/redis-users.acl)"
        return problem("Redis", "INFO", str(error), "a worker sends it before it starts", remedy)
    return problem("Redis", "reachable", str(error), _WHY_NEEDED, "start Redis, or check LINGER_REDIS_URL")


def version(info: Info) -> Finding:
    """Check that Redis is new enough; every Valkey is, and says so under a name of its own."""
    compatible = info.get("redis_version", "0")
    valkey = info.get("valkey_version")
    observed = compatible if valkey is None else f"Valkey {valkey}"
    parts = tuple(int(part) for part in compatible.split(".")[:2])
    why, remedy = "older ones do not have ZRANGE … BYSCORE", "install Redis 6.2 or later, or Valkey"
    return judged(problem("Redis", "version", observed, why, remedy), is_well=parts >= _OLDEST)


def eviction(info: Info) -> Finding:
    """Check that Redis evicts nothing."""
    policy = info.get("maxmemory_policy", "unknown")
    why = "Redis would forget customers when its memory is full; a worker refuses to start"
    remedy = f"redis-cli CONFIG SET maxmemory-policy {EVICTS_NOTHING}, and in redis.conf"
    return judged(problem("Redis", "maxmemory-policy", policy, why, remedy), is_well=not may_evict(policy))


def headroom(info: Info) -> Finding:
    """Check that there is memory left."""
    used, limit = int(info.get("used_memory", 0)), int(info.get("maxmemory", 0))
    if not limit:
        return ok("Redis", "memory", f"{used >> 20} MiB used, no maxmemory")
    observed = f"{used >> 20} of {limit >> 20} MiB used"
    why, remedy = "when it is full, nothing can be written and all workers wait", "redis-cli CONFIG SET maxmemory ..."
    return judged(problem("Redis", "memory", observed, why, remedy), is_well=used < limit * _FULL)


def append_only(info: Info) -> Finding:
    """Check that Redis writes its data to disk."""
    is_on, status = info.get("aof_enabled") == "1", info.get("aof_last_write_status", "ok")
    observed = f"{'on' if is_on else 'off'}, last write {status}"
    why = "without it, a restart of Redis loses what was written since its last snapshot"
    remedy = "redis-cli CONFIG SET appendonly yes, and in redis.conf; if it cannot write, check its disk"
    return judged(problem("Redis", "appendonly", observed, why, remedy), is_well=is_on and status == "ok")


def replicas(info: Info, needed: int) -> Finding:
    """Check that this is a master with as many replicas as a step waits for."""
    role, connected = info.get("role", "master"), int(info.get("connected_slaves", 0))
    observed = f"{role} with {connected}, LINGER_REDIS_WAIT_REPLICAS is {needed}"
    why = "a step waits for this many replicas, and nothing is decided before; a replica accepts no writes"
    remedy = "connect replicas, lower LINGER_REDIS_WAIT_REPLICAS, or point LINGER_REDIS_URL to the master"
    return judged(
        problem("Redis", "replicas", observed, why, remedy), is_well=role == "master" and connected >= needed
    )


def clock(info: Info) -> Finding:
    """Compare the clock of Redis with that of this machine."""
    why, remedy = "rate limits and logs use the clocks of several machines", "synchronise them: chronyc tracking"
    if "server_time_usec" not in info:
        return unknown("clocks", "Redis", "this server does not report its time", why, remedy)
    apart_ms = time.time_ns() // 1_000_000 - int(info["server_time_usec"]) // 1_000
    observed = f"{apart_ms} ms behind this machine"
    return judged(problem("clocks", "Redis", observed, why, remedy), is_well=abs(apart_ms) < _CLOCKS_APART_MS)


async def commands(store: Store) -> list[Finding]:
    """Check that the user may send every command of a worker.

    Each is sent inside a transaction that is never executed: Redis checks the permission, and changes nothing.
    """
    try:
        refused = [f"{name} ({error})" for name, error in await refused_commands(store)]
    except RedisConnectionError as error:
        return [unknown("Redis", "commands", str(error), "a worker needs them", "run this again")]
    if not refused:
        return [ok("Redis", "commands", f"{len(COMMANDS) + 3} commands on its keys are permitted")]
    why, remedy = "a worker would retry forever", "give the user its line in docs/acl/redis-users.acl"
    return [problem("Redis", "commands", f"refused: {answer}", why, remedy) for answer in refused]


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
