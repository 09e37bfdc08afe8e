"""Checks of Redis, on answers that were already fetched; only `commands` queries Redis."""

import time
from collections.abc import Iterable, Mapping
from typing import Final

from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoPermissionError

from workers.errors import Transient
from workers.operations.findings import Finding, judged, ok, problem, unknown
from workers.operations.permissions import Refusal
from workers.operations.rights.redis_commands import COMMANDS, refused_commands
from workers.state.store import Store

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
