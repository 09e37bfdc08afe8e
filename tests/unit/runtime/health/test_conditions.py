"""Laws of a worker's conditions: each has a reason and a series, and none of them but three touches readiness."""

import asyncio
import time
from types import SimpleNamespace
from typing import Any

import pytest

from workers.kafka.membership import Membership
from workers.observability.conditions import CATALOGUE, Note
from workers.observability.metrics import REGISTRY
from workers.runtime.health.conditions import Conditions
from workers.runtime.health.liveness import Liveness
from workers.runtime.health.readiness import Readiness


class Place:
    """The parts of a worker as far as they say something of themselves; all is well at first."""

    def __init__(self) -> None:
        now = time.monotonic()
        self.membership = Membership()
        self.membership.confirm(now)
        self.partitions = {number: SimpleNamespace(number=number, stopped=False, lost_at=None) for number in range(2)}
        self.intake = SimpleNamespace(partitions=[("shop.orders", 0)])
        self.liveness = Liveness(60.0, now, now)
        self.readiness = Readiness(30.0, is_reached=True)
        self.assignment: Any = SimpleNamespace(was_claimed=True, is_claiming=False)
        self.silence: str | None = None
        self.tick: Any = SimpleNamespace(
            problem=None,
            silence=SimpleNamespace(problem=lambda: self.silence),
            skips=SimpleNamespace(problems={}),
            stopped=SimpleNamespace(problems={}),
            own_topics=SimpleNamespace(problem=None),
            waiting={},
        )
        self.reload: Any = SimpleNamespace(problem=None)
        self.sources: Any = SimpleNamespace(problem=None)
        self.unread: str | None = None
        self.pauses: Any = SimpleNamespace(problem=None, brake_problem=None)
        self.publisher = SimpleNamespace(refusal=None)
        self.others = SimpleNamespace(problem=None)
        self.requests: Any = SimpleNamespace(problem=None)
        parts: Any = SimpleNamespace(
            publisher=self.publisher,
            reader=SimpleNamespace(membership=self.membership),
            processor=SimpleNamespace(partitions=self.partitions),
            intake=self.intake,
        )
        patterns: Any = SimpleNamespace(notes=lambda: self.unread)
        said: list[Any] = [self.assignment, self.tick, self.reload, self.sources, patterns, self.pauses, self.others]
        said.append(self.requests)
        self.conditions = Conditions(parts, self.liveness, self.readiness, *said)

    def failing(self) -> list[str]:
        """The conditions with a reason; their series say the same."""
        reasons = self.conditions.reasons()
        series = {name: REGISTRY.get_sample_value("linger_condition", {"condition": name}) for name in CATALOGUE}
        names = [name for name, reason in reasons.items() if reason is not None and not isinstance(reason, Note)]
        assert series == {name: float(name in names) for name in CATALOGUE}
        return names


def lost(place: Place, seconds: float) -> None:
    place.membership.confirm(time.monotonic() - seconds)


def all_stopped(place: Place) -> None:
    for partition in place.partitions.values():
        partition.stopped = True


def test_where_all_is_well_nothing_fails_and_every_condition_was_looked_at() -> None:
    place = Place()
    assert list(place.conditions.reasons()) == list(CATALOGUE)
    assert place.failing() == []
    assert place.conditions.unready() is None
    assert place.conditions.stalled() is None


@pytest.mark.parametrize(
    ("name", "break_it"),
    [
        ("outside", lambda place: setattr(place.tick, "problem", "Transient: Redis is away")),
        ("own_topics", lambda place: setattr(place.tick.own_topics, "problem", "it does not exist")),
        ("publishing", lambda place: setattr(place.publisher, "refusal", "Kafka does not confirm records")),
        ("rule_sets", lambda place: setattr(place.others, "problem", "workers decide by different files")),
        ("rules", lambda place: setattr(place.reload, "problem", "rules.yaml:1:1: a mistake")),
        ("newest_sources", lambda place: setattr(place.sources, "problem", "older")),
        ("patterns", lambda place: setattr(place, "unread", "shop.nl: two patterns match it")),
        ("stopped", lambda place: setattr(place.partitions[1], "stopped", True)),
        ("lost", lambda place: setattr(place.partitions[1], "lost_at", 1.0)),
        ("pauses", lambda place: setattr(place.pauses, "problem", "cannot be read")),
        ("requests", lambda place: setattr(place.requests, "problem", "3 requests wait")),
        ("brake", lambda place: setattr(place.pauses, "brake_problem", "it holds 3 actions")),
        ("sources", lambda place: setattr(place, "silence", "silent: shop.orders")),
        ("skipped", lambda place: place.tick.skips.problems.update({"shop.orders": "everything"})),
        ("stopped_sources", lambda place: place.tick.stopped.problems.update({"shop.orders": "codec"})),
        ("schema_registry", lambda place: place.tick.waiting.update({"shop.orders": "away"})),
        ("progress", lambda place: setattr(place.liveness, "_ticked_at", time.monotonic() - 61)),
        ("group", lambda place: lost(place, 31)),
    ],
)
def test_each_condition_fails_alone_ends_and_does_not_touch_readiness(name: str, break_it: Any) -> None:
    place = Place()
    break_it(place)
    assert place.failing() == [name]
    assert place.conditions.unready() is None
    assert Place().failing() == []


def test_a_worker_without_partitions_says_so_and_is_ready() -> None:
    place = Place()
    place.partitions.clear()
    place.intake.partitions = []
    assert place.failing() == ["assigned"]
    assert place.conditions.unready() is None


def test_a_note_is_no_failure() -> None:
    place = Place()
    place.unread = Note("no topic matches shop yet")
    assert place.failing() == []
    assert place.conditions.reasons()["patterns"] == "no topic matches shop yet"


def test_a_worker_that_has_not_joined_is_not_ready_and_says_so() -> None:
    place = Place()
    place.membership.confirmed_at = None
    assert place.failing() == ["group"]
    assert "has not joined" in str(place.conditions.unready())


def test_only_the_group_lost_every_partition_stopped_and_the_end_take_readiness_away() -> None:
    place = Place()
    lost(place, 61)
    assert "has not confirmed" in str(place.conditions.unready())
    place = Place()
    all_stopped(place)
    assert "every partition" in str(place.conditions.unready())
    place = Place()
    stop = asyncio.Event()
    place.conditions.ends_with(stop)
    assert place.conditions.unready() is None
    stop.set()
    assert place.conditions.unready() == "the worker is ending"


def test_a_claim_under_way_neither_ends_readiness_nor_gives_it_back() -> None:
    """While a claim runs, some partitions are not there yet, and none was checked."""
    for stop_all, expected in ((lambda place: None, None), (all_stopped, "every partition")):
        place = Place()
        stop_all(place)
        before = place.conditions.unready()
        place.assignment.is_claiming = True
        place.partitions.clear()
        assert place.conditions.unready() == before
        assert expected in str(before) if expected else before is None


def test_partitions_of_another_worker_are_not_owned() -> None:
    place = Place()
    place.partitions[0].stopped = True
    place.partitions[1].lost_at = 1.0
    assert "every partition" in str(place.conditions.unready())
