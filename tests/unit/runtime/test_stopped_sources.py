"""Laws of stopped sources at each tick: they are kept in the store, tried once a minute, and named."""

import asyncio
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any

import pytest
from faust.types import TP
from structlog.testing import capture_logs

from tests.support.builders import day
from tests.support.intake_rig import APP, SITE, Running, settled
from tests.unit.intake.test_stopping import mixed
from workers.kafka.faust_batches import Undecodable
from workers.observability import log_events
from workers.runtime import stopped_sources
from workers.runtime.stopped_sources import StoppedSources
from workers.state.keys import Keys
from workers.state.stopped_sources import Stop, read_stops, request_to_go_on, write_stops


class Place:
    """A worker's intake, a store that holds one hash, and a reader that notes what it is asked for."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.running = Running(dead_letter_max_consecutive=2)
        self.fields: dict[str, str] = {}
        self.seconds = 0.0
        self.undecodable: dict[Any, Undecodable] = {}
        self.sought: list[tuple[Any, int]] = []
        self.activity = SimpleNamespace(stopped=False)
        monkeypatch.setattr(stopped_sources, "time", SimpleNamespace(monotonic=lambda: self.seconds))
        self.store: Any = SimpleNamespace(redis=self, keys=Keys("linger"))
        self.looks = self.watch()

    def watch(self) -> StoppedSources:
        parts: Any = SimpleNamespace(
            store=self.store,
            reader=self,
            processor=SimpleNamespace(partitions={0: self.activity}),
            intake=self.running.intake,
            topics=SimpleNamespace(activity="linger.activity"),
        )
        return StoppedSources(parts)

    async def call(self, commands: list[tuple[str, ...]]) -> None:
        for name, key, *rest in commands:
            assert key == "linger:stopped"
            if name == "HSET":
                self.fields |= dict(zip(rest[::2], rest[1::2], strict=True))
            else:
                for field in rest:
                    self.fields.pop(field, None)

    async def fields_of(self, key: str) -> dict[str, str]:
        return dict(self.fields)

    async def seek(self, tp: Any, offset: int) -> None:
        self.sought.append((tuple(tp), offset))
        self.undecodable.pop(tp, None)

    def resume(self, tp: Any) -> None:
        pass

    async def look(self, seconds: float | None = None) -> None:
        self.seconds = self.seconds if seconds is None else seconds
        await self.looks.look(day(10))
        await settled()


def lawful(law: Callable[[Place], Awaitable[None]], monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> None:
        place = Place(monkeypatch)
        place.store.redis = SimpleNamespace(call=place.call, fields=place.fields_of)
        passing_on = asyncio.create_task(place.running.pass_on())
        try:
            await law(place)
        finally:
            passing_on.cancel()
            await asyncio.wait({passing_on})

    asyncio.run(run())


def test_a_stop_is_kept_told_and_logged_once_and_so_is_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    async def law(place: Place) -> None:
        await place.running.take(APP, mixed(APP, 0, *[False] * 5))
        with capture_logs() as logs:
            await place.look()
            await place.look()
            assert list((await read_stops(place.store)).stops) == [APP]
            assert place.looks.problems["app"].startswith("partition 0: 3 records in a row cannot be read")
            await place.running.take(APP, mixed(APP, 5, True))
            await place.look(59)
            assert "app" in place.looks.problems
            await place.look(60)
            await place.look()
        assert [entry["event"] for entry in logs] == [log_events.SOURCE_STOPPED, log_events.SOURCE_GOES_ON]
        assert (place.fields, place.looks.problems) == ({}, {})
        assert len(place.running.publisher.sent) == 6

    lawful(law, monkeypatch)


def test_a_batch_that_cannot_be_decoded_is_fetched_again_once_a_minute_and_stays_stopped_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def law(place: Place) -> None:
        tp = TP("app", 0)
        place.running.ends = {APP: 4, SITE: 0}
        await place.running.take_snapshot()
        for tries, seconds in ((0, 0), (0, 59), (1, 60), (1, 119), (2, 120)):
            place.undecodable[tp] = Undecodable(0, "UnsupportedCodecError: lz4")
            await place.look(seconds)
            assert place.sought == [(("app", 0), 0)] * tries
            assert "lz4" in place.looks.problems["app"]
            await place.look()
            assert "lz4" in place.looks.problems["app"], "it is stopped until the batch has arrived"
        await place.running.take(APP, mixed(APP, 0, True))
        place.undecodable.clear()
        await place.look()
        assert place.looks.problems == {}
        assert place.fields == {}

    lawful(law, monkeypatch)


def test_a_request_is_answered_once_at_once_and_not_one_from_before_the_worker_started(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def law(place: Place) -> None:
        await request_to_go_on(place.store, "app")
        await place.running.take(APP, mixed(APP, 0, *[False] * 5))
        await place.look()
        assert "app" in place.looks.problems
        await request_to_go_on(place.store, "app")
        await place.look(1)
        assert place.looks.problems == {}
        await place.running.take(APP, mixed(APP, 5, *[False] * 3))
        await place.look(2)
        await place.look(3)
        assert "app" in place.looks.problems

    lawful(law, monkeypatch)


def test_what_other_workers_stopped_is_told_too_and_left_to_them(monkeypatch: pytest.MonkeyPatch) -> None:
    async def law(place: Place) -> None:
        elsewhere = type(APP)("app", 7)
        await write_stops(place.store, {elsewhere: Stop("undecodable", "bad", day(1), 3)}, frozenset())
        await place.look()
        assert place.looks.problems == {"app": "partition 7: bad"}
        assert list((await read_stops(place.store)).stops) == [elsewhere]

    lawful(law, monkeypatch)


def test_an_activity_partition_that_cannot_be_decoded_is_stopped_and_says_so_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def law(place: Place) -> None:
        place.undecodable[TP("linger.activity", 0)] = Undecodable(4, "CorruptRecordException: CRC")
        with capture_logs() as logs:
            await place.look()
            await place.look()
        assert [entry["event"] for entry in logs] == [log_events.PARTITION_STOPPED]
        assert "offset 4 of linger.activity" in logs[0]["problem"]
        assert place.activity.stopped
        assert place.looks.problems == {}

    lawful(law, monkeypatch)
