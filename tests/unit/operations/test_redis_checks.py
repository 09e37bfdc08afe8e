"""Laws of the checks of Redis, on what Redis answers to INFO."""

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoPermissionError

from workers.errors import Transient
from workers.operations import redis_checks
from workers.operations.permissions import Refusal

ANSWER = b"# Memory\r\nused_memory:900\r\nmaxmemory_policy:allkeys-lru\r\nos:Linux 6.1: x86\r\n"


def transient(cause: Exception) -> Transient:
    error = Transient(f"Redis refused INFO: {cause}")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize("answer", [ANSWER, ANSWER.decode()])
def test_an_answer_to_info_is_read_whether_bytes_or_text(answer: bytes | str) -> None:
    info = redis_checks.parse_info(answer)
    assert info == {"used_memory": "900", "maxmemory_policy": "allkeys-lru", "os": "Linux 6.1: x86"}


@pytest.mark.parametrize(("policy", "health"), [("noeviction", "ok"), ("allkeys-lru", "problem"), (None, "problem")])
def test_only_a_redis_that_says_it_evicts_nothing_is_well(policy: str | None, health: str) -> None:
    finding = redis_checks.eviction({} if policy is None else {"maxmemory_policy": policy})
    assert finding.health == health


@pytest.mark.parametrize(
    ("version", "health"), [("6.2.1", "ok"), ("7.0", "ok"), ("6.0.9", "problem"), ("5.0", "problem")]
)
def test_an_old_redis_is_a_problem(version: str, health: str) -> None:
    assert redis_checks.version({"redis_version": version}).health == health


def test_a_valkey_is_named_as_one() -> None:
    finding = redis_checks.version({"redis_version": "7.2.4", "server_name": "valkey", "valkey_version": "8.1.3"})
    assert (finding.health, finding.observed) == ("ok", "Valkey 8.1.3")


@pytest.mark.parametrize(
    ("used", "limit", "health"), [(900, 0, "ok"), (700, 1000, "ok"), (800, 1000, "problem"), (1000, 1000, "problem")]
)
def test_a_redis_that_is_nearly_full_is_a_problem(used: int, limit: int, health: str) -> None:
    assert redis_checks.headroom({"used_memory": str(used), "maxmemory": str(limit)}).health == health


@pytest.mark.parametrize(
    ("role", "connected", "wanted", "health"),
    [("master", 0, 0, "ok"), ("master", 1, 1, "ok"), ("master", 1, 2, "problem"), ("slave", 2, 0, "problem")],
)
def test_a_step_needs_a_master_and_its_replicas(role: str, connected: int, wanted: int, health: str) -> None:
    finding = redis_checks.replicas({"role": role, "connected_slaves": str(connected)}, wanted)
    assert finding.health == health


def test_a_missing_permission_is_another_problem_than_a_redis_that_does_not_answer() -> None:
    refused = redis_checks.unreachable(transient(NoPermissionError("this user has no permissions")))
    away = redis_checks.unreachable(transient(RedisConnectionError("no permissions to think of")))
    assert (refused.checked, away.checked) == ("INFO", "reachable")
    assert "+info" in refused.remedy


def test_a_refusal_without_a_remedy_of_its_own_names_the_settings() -> None:
    findings = redis_checks.refused([Refusal("a"), Refusal("b", "check c")])
    assert [finding.observed for finding in findings] == ["a", "b"]
    assert "LINGER_REDIS_PASSWORD" in findings[0].remedy
    assert findings[1].remedy == "check c"
