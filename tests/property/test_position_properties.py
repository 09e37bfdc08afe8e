"""For any order of crashes, deliveries and rebuilds: every item is folded once, in the order of its source.

The real intake makes the records of the activity topic, the real reader of events drops the repeated ones. In between
is a log, and everything that may happen to it: several workers pass on the same records at once, each from a place
that was acknowledged, and die between any two items; a step is lost before it is durable; a partition is rebuilt.
"""

import json
from collections import Counter
from dataclasses import dataclass, replace
from typing import Any, Final

import pytest
from aiokafka import ConsumerRecord
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from schemas.sources import SourcesFile
from tests.support import builders
from tests.support.builders import day, rules
from tests.support.examples import examples
from tests.support.processor_rig import StoppedClock, record
from workers.core.decisions.decide import decider_of
from workers.core.events.plain import PlainEvent
from workers.dead_letters.limit import Excess
from workers.intake.conversion import Conversion, Tally
from workers.kafka.partitioner import partition_of
from workers.kafka.records import OutboxRecord
from workers.processor.event_reader import EventReader
from workers.processor.unit_of_work import UnitOfWork
from workers.settings import Settings
from workers.state.meta import Meta

PARTITIONS: Final = 2
CUSTOMERS: Final = ("ada", "bob", "eve")
SETTINGS: Final = Settings(partitions=PARTITIONS, dead_letter_max_consecutive=1_000)
SOURCES: Final = SourcesFile.model_validate(
    {
        "sources": [
            {
                "topic": topic,
                "event": "login",
                "fields": {"event_id": "id", "customer_id": "customer", "occurred_at": "at"},
                "max_silence": "3 days",
                **({"unwrap": "each"} if topic == "batches" else {}),
            }
            for topic in ("batches", "single")
        ]
    }
)

SCANNER: Final = decider_of(rules(builders.rule(when={"none": "login", "for": "9 days"}))).scanner
"""It reads a log-in as numbers; the reader takes the other way where it does not understand one."""

records = st.lists(st.lists(st.sampled_from([*CUSTOMERS, ""]), min_size=1, max_size=4), min_size=1, max_size=6)


@dataclass
class Worker:
    """One worker's intake of a source partition: the next record, and what is left to send of the one before."""

    topic: str
    offset: int
    unsent: list[OutboxRecord]


@dataclass
class Partition:
    """One activity partition: its log, and what is stored of it."""

    log: list[ConsumerRecord]
    folded: list[str]
    fields: dict[str, str]
    offset: int = 0


class Deliveries(RuleBasedStateMachine):
    """Workers that pass on two source partitions, one of batches and one of single events, and owners that fold."""

    @initialize(batches=records, single=records)
    def begin(self, batches: list[list[str]], single: list[list[str]]) -> None:
        # An empty customer makes an item that cannot be read.
        self.sources = {
            "batches": [self.source_record("batches", offset, items) for offset, items in enumerate(batches)],
            "single": [self.source_record("single", offset, items[:1]) for offset, items in enumerate(single)],
        }
        self.conversion = Conversion(SETTINGS, SOURCES, StoppedClock(10))
        self.reader = EventReader(SETTINGS, SOURCES, StoppedClock(10))
        self.acknowledged = dict.fromkeys(self.sources, 0)
        self.workers = [Worker(topic, 0, []) for topic in self.sources]
        self.partitions = [Partition([], [], {}) for _ in range(PARTITIONS)]
        self.letters: set[Any] = set()

    @staticmethod
    def source_record(topic: str, offset: int, customers: list[str]) -> ConsumerRecord:
        items = [
            {"id": f"{topic}-{offset}-{number}", "customer": customer, "at": "2024-01-09T08:00:00Z"}
            for number, customer in enumerate(customers)
        ]
        value = json.dumps(items if topic == "batches" else items[0]).encode()
        return replace(record(offset, raw=value), topic=topic, timestamp=day(9))

    # -- intake --------------------------------------------------------------------------------------------

    @rule(data=st.data(), number=st.integers(1, 5))
    def pass_on(self, data: st.DataObject, number: int) -> None:
        """Send some of a worker's records; Kafka takes them in order. Whole records are acknowledged, or not yet."""
        worker = data.draw(st.sampled_from(self.workers))
        for _ in range(number):
            self.pass_on_one(worker)
        if not worker.unsent and data.draw(st.booleans()):
            self.acknowledged[worker.topic] = max(self.acknowledged[worker.topic], worker.offset)

    def pass_on_one(self, worker: Worker) -> bool:
        """Send one record, or read the next one if nothing is left to send; return whether there was anything."""
        if not worker.unsent:
            if worker.offset == len(self.sources[worker.topic]):
                return False
            converted = self.conversion.convert(self.sources[worker.topic][worker.offset], Tally(), counts=False)
            assert not isinstance(converted, Excess)
            worker.unsent = list(converted.outgoing)
            worker.offset += 1
            return True
        out = worker.unsent.pop(0)
        if out.topic == "linger.dead-letter":
            headers = dict(out.headers)
            self.letters.add(
                (headers["linger-source-topic"], headers["linger-source-offset"], headers.get("linger-item"))
            )
            return True
        assert out.key is not None
        number = partition_of(out.key.decode(), PARTITIONS)
        log = self.partitions[number].log
        log.append(
            replace(record(len(log), raw=out.value), partition=number, key=out.key, headers=tuple(out.headers))
        )
        return True

    @rule(data=st.data())
    def another_worker_takes_over(self, data: st.DataObject) -> None:
        """A new worker begins at what was acknowledged; the one before may be dead, or not know it yet."""
        topic = data.draw(st.sampled_from(sorted(self.sources)))
        # A commit may be lost too: then the new worker begins further back.
        offset = data.draw(st.integers(0, self.acknowledged[topic]))
        if data.draw(st.booleans()):
            self.workers = [worker for worker in self.workers if worker.topic != topic]
        self.workers.append(Worker(topic, offset, []))

    # -- processor -----------------------------------------------------------------------------------------

    @rule(number=st.integers(0, PARTITIONS - 1), records=st.integers(1, 6), is_lost=st.booleans())
    def fold(self, number: int, records: int, is_lost: bool) -> None:
        """Take one step, which is durable as a whole, or not at all."""
        partition = self.partitions[number]
        delivery = partition.log[partition.offset : partition.offset + records]
        work = UnitOfWork(Meta("owner", 1, partition.offset, None, dict(partition.fields)))
        for one in delivery:
            self.reader.sort(one, work, SCANNER)
        assert work.dead_letters == []
        events = [event for of_customer in work.events.values() for event, _ in of_customer]
        changes = work.changes(0)
        if not is_lost:
            partition.offset += len(delivery)
            partition.folded += [
                event.event_id.decode() if isinstance(event, PlainEvent) else event.event_id for event in events
            ]
            partition.fields |= {name: str(value) for name, value in changes.fields.items()}

    @rule(number=st.integers(0, PARTITIONS - 1))
    def rebuild(self, number: int) -> None:
        partition = self.partitions[number]
        partition.folded, partition.fields, partition.offset = [], {}, 0

    # -- the law -------------------------------------------------------------------------------------------

    def teardown(self) -> None:
        if not hasattr(self, "sources"):
            return
        for topic, offset in self.acknowledged.items():
            worker = Worker(topic, offset, [])
            while self.pass_on_one(worker):
                pass
        for number, partition in enumerate(self.partitions):
            while partition.offset < len(partition.log):
                self.fold(number, 3, is_lost=False)
        expected, letters = self.expected()
        folded = Counter(event_id for partition in self.partitions for event_id in partition.folded)
        assert folded == Counter(expected)
        assert self.letters == letters
        for number, partition in enumerate(self.partitions):
            kept = list(partition.folded), dict(partition.fields)
            self.rebuild(number)
            while partition.offset < len(partition.log):
                self.fold(number, 2, is_lost=False)
            assert sorted(partition.folded) == sorted(kept[0])
            assert {name: value for name, value in partition.fields.items() if name.startswith("hw:")} == {
                name: value for name, value in kept[1].items() if name.startswith("hw:")
            }

    def expected(self) -> tuple[list[str], set[Any]]:
        """Return the ids of the events in the sources, and the items that cannot be read."""
        events, letters = [], set()
        for topic, source in self.sources.items():
            for offset, one in enumerate(source):
                document = json.loads(one.value or b"")
                items = document if topic == "batches" else [document]
                for number, item in enumerate(items):
                    if item["customer"]:
                        events.append(item["id"])
                    else:
                        shown = str(number).encode() if topic == "batches" else None
                        letters.add((topic.encode(), str(offset).encode(), shown))
        return events, letters


@pytest.mark.hypothesis
def test_every_item_is_folded_once_whatever_happens_in_between() -> None:
    run_state_machine_as_test(
        Deliveries,
        settings=settings(examples(200), stateful_step_count=40, suppress_health_check=list(HealthCheck)),
    )
