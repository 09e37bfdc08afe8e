"""Laws of who judges the experiments, and what follows from it."""

import asyncio
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from tests.unit.experiments.test_judging import harming
from workers.book.topic import BookTopic
from workers.clock import Reading
from workers.errors import Transient
from workers.experiments.verdicts import Judged
from workers.kafka.records import PlacedRecord
from workers.observability.metrics import REGISTRY
from workers.pauses.pause_list import PauseList
from workers.pauses.record import PauseRecord, decode_pause
from workers.runtime.watches import experiments
from workers.runtime.watches.experiments import ExperimentWatch


class Clock:
    async def read(self) -> Reading:
        return Reading(1_000, {})


class Worker:
    """The parts of a worker that judge; `found` is what the experiments say."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.found: Sequence[Judged] | Exception = [harming()]
        self.sent: list[PauseRecord] = []
        self.copied: list[PlacedRecord] = []
        self.kept: dict[str, str] = {}
        self.times = 0
        self.pauses = PauseList(lambda: 0.0)
        self.partition: Any = SimpleNamespace(lost_at=None)
        self.processor: Any = SimpleNamespace(partitions={0: self.partition})
        sources: Any = None
        parts: Any = SimpleNamespace(
            settings=SimpleNamespace(partitions=1, topic=lambda name: name),
            store=SimpleNamespace(keys=SimpleNamespace(experiments="experiments"), fields=self._fields),
            book=BookTopic({}, "book"),
            clock=Clock(),
            publisher=SimpleNamespace(send=self._send),
            pauses=SimpleNamespace(pauses=self.pauses),
            processor=self.processor,
        )

        async def judge(*_: Any) -> Sequence[Judged]:
            self.times += 1
            if isinstance(self.found, Exception):
                raise self.found
            return self.found

        monkeypatch.setattr(experiments, "judge", judge)
        monkeypatch.setattr(experiments, "_LOOK_SECONDS", 0.001)
        monkeypatch.setattr(experiments, "_AGAIN_SECONDS", 0.0)
        self.watch = ExperimentWatch(parts, lambda: sources)

    async def _fields(self, _: str) -> dict[str, str]:
        return dict(self.kept)

    async def _send(self, records: Any, allowed: Any) -> None:
        assert allowed()
        for record in records:
            if record.topic == "book":
                self.copied.append(record)
                continue
            pause = decode_pause(record.value)
            assert pause is not None
            assert (record.topic, record.key, record.partition) == ("pauses", pause.rule.encode(), 0)
            self.sent.append(pause)
            self.pauses.add(pause)

    def run(self, until: Any) -> None:
        async def work() -> None:
            task = asyncio.create_task(self.watch.watch())
            async with asyncio.timeout(10):
                while not until():  # noqa: ASYNC110 - what is waited for is outside
                    await asyncio.sleep(0)
            task.cancel()

        asyncio.run(work())


def shown(verdict: str) -> float | None:
    return REGISTRY.get_sample_value("linger_experiments", {"verdict": verdict})


def test_the_owner_of_the_first_partition_pauses_what_harms_once(monkeypatch: pytest.MonkeyPatch) -> None:
    worker = Worker(monkeypatch)
    worker.pauses.confirm(0, 0.0)
    worker.run(lambda: worker.sent)
    assert [(pause.rule, pause.paused) for pause in worker.sent] == [("gone-quiet", True)]
    assert (worker.times, shown("harms")) == (1, 1)


def test_nothing_is_paused_before_the_pauses_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    worker = Worker(monkeypatch)
    worker.run(lambda: worker.times > 2)
    assert worker.sent == []
    worker.pauses.confirm(0, 0.0)
    worker.run(lambda: worker.sent)


def test_a_store_that_does_not_answer_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    worker = Worker(monkeypatch)
    worker.found = Transient("away")
    worker.run(lambda: worker.times > 2)
    assert worker.sent == []


def test_no_other_worker_judges_or_shows_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    worker = Worker(monkeypatch)
    worker.pauses.confirm(0, 0.0)
    worker.run(lambda: worker.sent)
    worker.partition.lost_at = 1.0
    worker.run(lambda: shown("harms") is None)
    assert worker.times == 1


def test_what_is_kept_of_an_experiment_is_copied_when_it_changes_and_by_the_next_owner_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    worker = Worker(monkeypatch)
    worker.pauses.confirm(0, 0.0)
    worker.kept = {"k1": "one"}
    worker.run(lambda: worker.copied and worker.sent)
    worker.kept = {"k1": "one", "k2": "two"}
    worker.run(lambda: len(worker.copied) >= 3)
    copies = [(record.key, record.value, record.partition) for record in worker.copied]
    # Each run is another owner, who copies everything once.
    one, two = (b"experiment|k1", b"one", 0), (b"experiment|k2", b"two", 0)
    assert copies == [one, one, two]
    worker.partition.lost_at = 1.0
    worker.kept = {"k1": "three"}
    worker.run(lambda: shown("harms") is None)
    assert len(worker.copied) == 3
