"""Laws of one partition's replay, over a store in memory and a log in a list."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

import orjson
import pytest
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from schemas.orders import ERASE
from schemas.rules import Rule
from schemas.sources import SourcesFile
from tests.support.builders import DAY, START, day, rule, rules
from tests.support.memory_store import MemoryStore
from tests.support.processor_rig import (
    SOURCE,
    TYPES,
    FakePublisher,
    PublishedBook,
    PublishedMarks,
    StoppedClock,
    fresh_pauses,
    record,
)
from workers.core.decisions.decide import decider_of
from workers.core.source_set import SourceSet
from workers.core.watermarks import Progress
from workers.customer_facts.facts_of import stored_facts
from workers.errors import LingerError
from workers.recovery.activity_log import LogHeads
from workers.recovery.mark import RebuildMark
from workers.recovery.partition_replay import PartitionReplay, ReplayContext
from workers.recovery.published import Published
from workers.recovery.release_policy import Tally
from workers.recovery.source_progress import covered_since
from workers.settings import Settings
from workers.state.consistency import Log
from workers.state.meta import CLOSED_BEFORE, REBUILDING

LOGINS = [record(offset, at=f"2024-01-0{offset + 2}T00:00:00Z", customer=f"c{offset}") for offset in range(4)]
QUIET = {"none": "login", "for": "10 days"}
SOURCES = SourcesFile.model_validate(
    {
        "event_types": {"nps": {}},
        "sources": [
            {
                "topic": SOURCE,
                "format": "canonical",
                "events": list(TYPES),
                "max_silence": "3650 days",
                "complete_since": "2024-01-01",
            }
        ],
    }
)


class LogConsumer:
    """Reads a list of records, one at a time.

    Attributes:
        fetches: how often records were asked for.
        claiming: a store that a worker claims before the second record is read.
    """

    def __init__(self, records: Sequence[ConsumerRecord], claiming: MemoryStore | None = None) -> None:
        self.records = records
        self.fetches = 0
        self.claiming = claiming
        self.offset = -1

    def assign(self, partitions: Sequence[TopicPartition]) -> None:
        assert partitions == [TopicPartition("linger.activity", 0)]

    def seek(self, _: TopicPartition, offset: int) -> None:
        self.offset = offset

    async def getmany(self, **_: int) -> dict[TopicPartition, list[ConsumerRecord]]:
        self.fetches += 1
        if self.fetches == 2 and self.claiming is not None:
            await self.claiming.claim(0, "worker")
        fetched = [message for message in self.records if message.offset >= self.offset][:1]
        self.offset += len(fetched)
        return {TopicPartition("linger.activity", 0): fetched}

    async def position(self, _: TopicPartition) -> int:
        return self.offset


def replay(
    store: MemoryStore, consumer: LogConsumer, publisher: FakePublisher | None = None, content: Sequence[Rule] = ()
) -> tuple[Tally, int]:
    """Replay partition 0, and return the tally and how many records were folded."""

    async def run() -> tuple[Tally, int]:
        clock = StoppedClock(20)
        context = ReplayContext(
            Settings(partitions=1),
            SOURCES,
            replace(rules(*(content or (rule(when=QUIET),)), types=TYPES), generation=1),
            store.as_store(),
            (publisher or FakePublisher()).as_publisher(),
            clock,
            fresh_pauses(),
            PublishedMarks(FakePublisher()),
            PublishedBook(FakePublisher()),
            Published(),
            Tally(),
            ("linger.at-risk",),
            rules_known=True,
        )
        folded: list[int] = []
        log = Log("linger.activity", None, 1, 0, len(consumer.records))
        progress = {(SOURCE, 0): Progress(clock.now_ms, clock.now_ms, day(0), 1, {})}
        since = covered_since(
            SourceSet(SOURCES), context.rules, progress, LogHeads({0: day(1)}, {}), 0, log, day(100)
        )
        await PartitionReplay(0, log, context).run(
            cast(AIOKafkaConsumer, consumer), await clock.read(), progress, since, folded.append
        )
        return context.tally, sum(folded)

    return asyncio.run(run())


def marked(**fields: Any) -> MemoryStore:
    store = MemoryStore()
    store.contents[0].meta |= {REBUILDING: RebuildMark(False, 0).encode(), **fields}
    return store


def test_the_whole_log_is_folded_and_what_was_never_published_is_published_once() -> None:
    store, publisher = marked(), FakePublisher()
    tally, folded = replay(store, LogConsumer(LOGINS), publisher)
    assert folded == 4
    assert tally == Tally(published=Counter({"a-rule": 4}))
    assert [message.topic for message in publisher.sent] == ["linger.at-risk"] * 4
    content = store.contents[0]
    assert sorted(content.activities) == ["c0", "c1", "c2", "c3"]
    assert (content.meta["offset"], content.meta[REBUILDING], content.held) == ("4", "", {})


@pytest.mark.parametrize("counts", [False, True])
def test_experiments_are_counted_again_only_where_no_figures_were_left(counts: bool) -> None:
    store = marked(**{REBUILDING: RebuildMark(False, 0, counts=counts).encode()})
    replay(store, LogConsumer(LOGINS), content=[rule(when=QUIET, hold_out="50%")])
    counted = store.contents[0].experiments
    assert sum(number for name, number in counted.items() if name.endswith("|n")) == (4 if counts else 0)
    decider = decider_of(rules(rule(when=QUIET, hold_out="50%"), types=TYPES))
    for raw in store.contents[0].activities.values():
        assert len(stored_facts(decider, raw).experiments) == 1


def test_an_order_to_erase_that_no_worker_has_carried_out_reaches_compacted_topics_too() -> None:
    store, publisher = marked(), FakePublisher()
    body = {"event_id": "o", "type": ERASE, "customer_id": "c0", "occurred_at": "2024-01-09T00:00:00Z"}
    order = record(4, raw=orjson.dumps({**body, "reason": "asked", "by": "officer"}), customer="c0")
    replay(store, LogConsumer([*LOGINS, order]), publisher)
    assert [(one.topic, one.key) for one in publisher.sent if one.value is None] == [("linger.at-risk", b"c0")]
    assert sorted(store.contents[0].activities) == ["c1", "c2", "c3"]


def test_a_replay_that_was_interrupted_is_resumed_at_its_offset() -> None:
    store = marked(offset="3")
    tally, folded = replay(store, LogConsumer(LOGINS))
    assert folded == 1
    assert sorted(store.contents[0].activities) == ["c3"]
    assert tally.published == Counter({"a-rule": 1})


def test_a_worker_that_claims_the_partition_interrupts_the_replay_and_the_mark_stays() -> None:
    store, publisher = marked(), FakePublisher()
    with pytest.raises(LingerError, match=r"a worker claimed partition 0 .* continues where it stopped"):
        replay(store, LogConsumer(LOGINS, claiming=store), publisher)
    assert store.contents[0].meta["owner"] == "worker"
    assert store.contents[0].meta[REBUILDING] == "rules-known:0"
    assert store.contents[0].meta["offset"] == "1"
    assert publisher.sent == []


def test_a_partition_whose_state_does_not_match_its_log_is_not_replayed() -> None:
    with pytest.raises(LingerError, match="partition 0 cannot be rebuilt"):
        replay(marked(offset="9"), LogConsumer(LOGINS))


def test_a_replay_counts_facts_of_open_days_again_and_nothing_that_was_done() -> None:
    first = START // DAY + 1  # of the logins, one a day
    store = marked(**{CLOSED_BEFORE: str(first + 2)})
    store.contents[0].doings[f"{first}|acted:a-rule"] = 7
    replay(store, LogConsumer(LOGINS))
    content = store.contents[0]
    assert content.facts == {f"{first + ago}|{name}": 1 for ago in (2, 3) for name in ("new", "events:login")}
    assert content.doings == {f"{first}|acted:a-rule": 7}
    assert content.meta[CLOSED_BEFORE] == str(first + 2)
