"""What `workers.kafka.faust_batches` takes for granted about Faust, each fact against the version that is pinned."""

import asyncio
import tomllib
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import faust
import pytest
from aiokafka import AIOKafkaConsumer, ConsumerRecord
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from tests.support.fetched import FakeFetcher, batch
from tests.support.paths import ROOT
from tests.support.processor_rig import record
from workers.kafka.faust_batches import (
    Answer,
    Batch,
    BatchConsumer,
    BatchScheduler,
    BatchThread,
    Delivery,
    Fetch,
    ReaderSettings,
    Take,
    Undecodable,
    build_app,
    read_topics,
)

TOPIC: Final = "linger.activity"
HERE: Final = TP(TOPIC, 0)
THERE: Final = TP(TOPIC, 1)
ELSEWHERE: Final = TP(TOPIC, 2)
SETTINGS: Final = ReaderSettings(
    group_id="linger",
    client_id="linger",
    group_instance_id=None,
    bootstrap_servers=["127.0.0.1:9092"],
    ssl_context=None,
    sasl_mechanism=None,
    sasl_username=None,
    sasl_password=None,
    session_timeout_ms=30_000,
    rebalance_timeout_ms=60_000,
    heartbeat_interval_ms=3_000,
    request_timeout_ms=40_000,
    max_poll_records=2_000,
    wire_format=3,
)


# --- builders -----------------------------------------------------------------------------------------------------


def fetched(first: int, end: int) -> list[ConsumerRecord]:
    """The records of one fetch of one partition, from an offset up to one before another."""
    return [record(offset) for offset in range(first, end)]


class Thread:
    """What the consumer's own thread says and does: assignment, Kafka's committed offsets, seeking, fetching."""

    def __init__(self, assigned: set[TP], committed: Mapping[TP, int | None]) -> None:
        self.assigned, self.committed = assigned, committed
        self.sought: list[tuple[TP, int]] = []
        self.fetches: list[Mapping[TP, Sequence[ConsumerRecord]]] = []
        self.when_empty: Callable[[], object] = lambda: None
        self.when_asked: Callable[[], object] = lambda: None
        self.reached: Mapping[TP, int] = {}
        self.answers = 0
        self.errors: Mapping[TP, str] = {}
        self.meanwhile: Callable[[], Awaitable[object]] | None = None

    def assignment(self) -> set[TP]:
        return self.assigned

    async def seek_to_committed(self) -> Mapping[TP, int | None]:
        self.when_asked()
        return self.committed

    async def seek_wait(self, offsets: Mapping[TP, int]) -> None:
        self.sought += offsets.items()
        self.reached = {**self.reached, **offsets}

    def highwater(self, partition: TP) -> int:
        return 0

    async def getmany(self, active: set[TP], timeout: float) -> Answer:
        if not self.fetches:
            self.when_empty()
            return Answer({}, self.answers, self.reached)
        fetched = {tp: records for tp, records in self.fetches.pop(0).items() if tp in active}
        self.answers += bool(fetched)
        answer = Answer(fetched, self.answers, self.reached, self.errors)
        if self.meanwhile is not None:
            await self.meanwhile()
        return answer


class Reader:
    """A consumer of Faust as `build_app` makes it; only the network is missing."""

    def __init__(self, app: faust.App, thread: Thread) -> None:
        self.app, self.thread = app, thread
        self.consumer: Any = app.consumer
        self.consumer._thread.thread_loop.close()
        self.consumer._thread = thread
        self.messages: list[Any] = []
        self._stopped = asyncio.Event()
        thread.when_empty = self._stopped.set

    async def read(self, *fetches: Mapping[TP, Sequence[ConsumerRecord]]) -> list[Any]:
        """Let Faust read some fetches; returns the messages that came of them."""
        arrived = len(self.messages)

        async def take(message: Any) -> None:
            message.incref()
            self.messages.append(message)

        self.thread.fetches, self.consumer.callback = [*fetches], take
        self._stopped.clear()
        await self.consumer._drain_messages(self)
        return self.messages[arrived:]

    def committed(self) -> int | None:
        """What Faust would commit to Kafka now; remembered as committed."""
        offsets: dict[TP, int] = self.consumer._filter_committable_offsets([HERE])
        self.consumer._committed_offset.update(offsets)
        return offsets.get(HERE)

    def ack(self, message: Any) -> None:
        message.ack(self.consumer)


@asynccontextmanager
async def reader(
    start: int = 1, *, assigned: set[TP] | None = None, committed: Mapping[TP, int | None] | None = None
) -> AsyncIterator[Reader]:
    """A reader of some partitions that Linger lets begin at an offset."""
    asked: list[Any] = []

    async def positions(partitions: set[TP], offsets: Mapping[TP, int | None]) -> Mapping[TP, int]:
        asked.append((partitions, offsets))
        return dict.fromkeys(partitions, start)

    app = build_app(SETTINGS, 3, positions)
    app.topics._acking_topics.add(TOPIC)
    app.flow_control.resume()
    partitions = {HERE} if assigned is None else assigned
    made = Reader(app, Thread(partitions, committed or dict.fromkeys(partitions)))
    made.consumer._set_active_tps(partitions)
    made.consumer.resume_flow()
    await made.consumer.perform_seek()
    assert asked == [(partitions, made.thread.committed)]
    yield made


def lawful(law: Callable[[Reader], Coroutine[Any, Any, None]], start: int = 1, **options: Any) -> None:
    async def run() -> None:
        async with asyncio.timeout(60), reader(start, **options) as made:
            await law(made)

    asyncio.run(run())


# --- a batch looks like a record ----------------------------------------------------------------------------------


def test_the_faust_that_is_installed_is_the_one_that_is_pinned() -> None:
    project = tomllib.loads(ROOT.joinpath("pyproject.toml").read_text())["project"]
    pinned = [dependency for dependency in project["dependencies"] if dependency.startswith("faust")]
    assert pinned == [f"faust-streaming=={version('faust-streaming')}"]


def test_faust_makes_one_message_of_a_batch_and_gives_it_the_last_offset() -> None:
    async def law(made: Reader) -> None:
        (message,) = await made.read({HERE: fetched(1, 5)})
        assert (message.topic, message.partition, message.offset, message.tp) == (TOPIC, 0, 4, HERE)
        assert message.timestamp == record(0).timestamp / 1000
        assert [one.offset for one in message.value.records] == [1, 2, 3, 4]

    lawful(law)


def test_a_batch_has_everything_that_faust_asks_a_record_for() -> None:
    class Curious:
        """Notes what is asked for."""

        def __init__(self) -> None:
            self.asked: list[str] = []

        def __getattr__(self, name: str) -> Any:
            self.asked.append(name)
            return None

    async def law(made: Reader) -> None:
        curious = Curious()
        made.consumer._to_message(HERE, curious)
        batch = Batch(Fetch(fetched(1, 5), 1, 0))
        assert len(curious.asked) > 5
        assert [name for name in curious.asked if not hasattr(batch, name)] == []

    lawful(law)


def test_the_public_setting_for_a_scheduler_is_honoured() -> None:
    async def law(made: Reader) -> None:
        assert made.app.conf.ConsumerScheduler is BatchScheduler
        assert isinstance(made.app.consumer, BatchConsumer)
        assert isinstance(made.app.consumer.scheduler, BatchScheduler)

    lawful(law)


def test_a_fetch_becomes_one_batch_for_each_partition_that_has_records() -> None:
    async def law(made: Reader) -> None:
        messages = await made.read({HERE: fetched(1, 5), THERE: [], ELSEWHERE: fetched(7, 8)})
        assert {message.tp: (len(message.value.records), message.value.end) for message in messages} == {
            HERE: (4, 5),
            ELSEWHERE: (1, 8),
        }

    lawful(law, assigned={HERE, THERE, ELSEWHERE})


def test_faust_reads_at_least_once_and_buffers_two_batches_for_each_partition() -> None:
    async def law(made: Reader) -> None:
        conf = made.app.conf
        assert conf.processing_guarantee.value == "at_least_once"
        assert conf.stream_buffer_maxsize == 6
        assert not conf.stream_wait_empty
        assert conf.topic_disable_leader
        assert not conf.web_enabled
        assert conf.logging_config is None

    lawful(law)


def test_faust_says_no_password_when_it_is_shown() -> None:
    settings = ReaderSettings(
        **{name: getattr(SETTINGS, name) for name in SETTINGS.__slots__}
        | {"sasl_mechanism": "PLAIN", "sasl_username": "linger", "sasl_password": "s3cret"}
    )

    async def run() -> None:
        async def positions(partitions: set[TP], offsets: Mapping[TP, int | None]) -> Mapping[TP, int]:
            return {}

        app = build_app(settings, 1, positions)
        assert "s3cret" not in f"{app!r} {app.conf!r} {app.conf.broker_credentials!r}"

    asyncio.run(run())


def test_the_settings_of_the_reader_say_no_password_when_they_are_shown() -> None:
    settings = ReaderSettings(
        **{name: getattr(SETTINGS, name) for name in SETTINGS.__slots__} | {"sasl_password": "s3cret"}
    )
    assert "s3cret" not in repr(settings)


# --- what is acknowledged is committed, and no more ---------------------------------------------------------------


def test_acknowledging_a_batch_commits_to_its_end() -> None:
    async def law(made: Reader) -> None:
        (only,) = await made.read({HERE: fetched(1, 5)})
        assert made.committed() is None
        made.ack(only)
        assert made.committed() == 5

    lawful(law)


def test_batches_that_are_acknowledged_together_are_committed_at_once() -> None:
    async def law(made: Reader) -> None:
        first, second = await made.read({HERE: fetched(1, 5)}, {HERE: fetched(5, 10)})
        made.ack(first)
        made.ack(second)
        assert made.committed() == 10

    lawful(law)


def test_nothing_is_committed_beyond_a_batch_in_flight() -> None:
    async def law(made: Reader) -> None:
        first, second, third = await made.read(*({HERE: fetched(at, at + 5)} for at in (1, 6, 11)))
        made.ack(first)
        made.ack(third)
        assert made.committed() == 6
        assert made.committed() is None
        made.ack(second)
        assert made.committed() == 16

    lawful(law)


def test_holes_that_kafka_left_in_its_log_do_not_hinder_committing() -> None:
    async def law(made: Reader) -> None:
        first, second = await made.read({HERE: [record(1), record(7)]}, {HERE: [record(9), record(20)]})
        made.ack(first)
        made.ack(second)
        assert made.committed() == 21

    lawful(law)


@pytest.mark.parametrize(
    ("start", "sizes"),
    [
        (0, [5, 5, 5]),
        (1, [1, 5, 5]),
        (100, [1, 1, 5]),
        (100, [5, 1, 1]),
        (0, [1, 5, 5]),
    ],
)
def test_committing_keeps_up_with_acknowledging(start: int, sizes: list[int]) -> None:
    async def law(made: Reader) -> None:
        at = start
        for size in sizes:
            (message,) = await made.read({HERE: fetched(at, at + size)})
            made.ack(message)
            at += size
            assert made.committed() == at

    lawful(law, start)


def test_committing_goes_on_after_records_were_read_again_that_had_been_committed() -> None:
    """A store that lost its last steps has them read again."""

    async def law(made: Reader) -> None:
        (first,) = await made.read({HERE: fetched(1, 10)})
        made.ack(first)
        assert made.committed() == 10
        await made.consumer.seek_partition(HERE, 3)
        made.consumer._read_offset[HERE] = 3  # as the consumer's thread does when it seeks
        for message in await made.read({HERE: fetched(3, 8)}, {HERE: fetched(8, 20)}):
            made.ack(message)
        assert made.committed() == 20

    lawful(law)


# --- where reading begins -----------------------------------------------------------------------------------------


def test_every_rebalance_asks_linger_where_to_begin_and_seeks_there() -> None:
    async def law(made: Reader) -> None:
        assert sorted(made.thread.sought) == [(HERE, 40), (THERE, 40)]
        assert made.consumer._committed_offset[HERE] == 40

    lawful(law, 40, assigned={HERE, THERE}, committed={HERE: 7, THERE: None})


def test_a_batch_says_behind_which_one_it_was_delivered() -> None:
    async def law(made: Reader) -> None:
        first, second = await made.read({HERE: fetched(1, 5)}, {HERE: fetched(7, 9)})
        assert (first.value.follows, second.value.follows) == (1, 5)

    lawful(law)


@pytest.mark.parametrize("by", ["a rebalance", "Linger"])
def test_the_first_batch_after_a_seek_follows_where_it_went(by: str) -> None:
    async def law(made: Reader) -> None:
        await made.read({HERE: fetched(1, 5)})
        await (made.consumer.perform_seek() if by == "a rebalance" else made.consumer.seek_partition(HERE, 1))
        assert made.thread.sought == [(HERE, 1), (HERE, 1)]
        made.consumer._read_offset[HERE] = None  # as the consumer's thread does when it seeks
        (again,) = await made.read({HERE: fetched(1, 5)})
        assert again.value.follows == 1

    lawful(law)


@pytest.mark.parametrize(
    ("follows", "offset", "contiguous"),
    [
        (10, 10, True),
        (8, 10, True),  # read again: what is known already is left out
        (11, 10, False),  # records in between were fetched, and dropped by Faust
    ],
)
def test_whether_something_is_missing_before_a_delivery(follows: int, offset: int, contiguous: bool) -> None:
    assert Delivery(fetched(12, 15), follows).is_contiguous(offset) is contiguous


@pytest.mark.parametrize("why", ["the partition was paused", "the group has a new generation"])
def test_a_batch_that_faust_drops_is_missed_by_the_next_one(why: str) -> None:
    async def law(made: Reader) -> None:
        iterate = made.consumer.scheduler.iterate

        def interrupted(records: Any) -> Any:
            if why == "the partition was paused":
                made.consumer._get_active_partitions().discard(HERE)
            else:
                made.app.consumer_generation_id += 1
            return iterate(records)

        made.consumer.scheduler.iterate = interrupted
        assert await made.read({HERE: fetched(1, 5)}) == []
        made.consumer.scheduler.iterate = iterate
        made.consumer._set_active_tps({HERE, THERE})
        (message,) = await made.read({HERE: fetched(5, 10)})
        assert message.value.follows == 5
        assert not message.value.is_contiguous(1)

    lawful(law, assigned={HERE, THERE})


def test_what_was_asked_for_before_a_seek_and_arrives_after_it_is_dropped() -> None:
    async def law(made: Reader) -> None:
        async def seek() -> None:
            await made.consumer.seek_partition(HERE, 3)

        made.thread.meanwhile = seek
        assert await made.read({HERE: fetched(5, 10)}) == []
        # Faust's thread fetches and seeks at once: those records may have been fetched from where the seek went.
        assert made.thread.sought == [(HERE, 1), (HERE, 3), (HERE, 3)]
        made.thread.meanwhile = None
        (message,) = await made.read({HERE: fetched(3, 10)})
        assert message.value.follows == 3

    lawful(law)


def test_what_was_fetched_before_a_seek_and_is_handled_after_it_is_dropped() -> None:
    async def law(made: Reader) -> None:
        (message,) = await made.read({HERE: fetched(5, 10)})
        assert made.consumer.is_current(HERE, message.value)
        await made.consumer.seek_partition(HERE, 3)
        assert not made.consumer.is_current(HERE, message.value)
        assert made.consumer.is_current(THERE, Delivery(fetched(1, 2), 1))

    lawful(law)


def test_what_was_fetched_while_linger_is_asked_for_positions_is_dropped() -> None:
    async def run() -> None:
        made: Reader

        async def positions(partitions: set[TP], offsets: Mapping[TP, int | None]) -> Mapping[TP, int]:
            made.thread.fetches = [{HERE: fetched(5, 10)}]
            fetches.append(await made.consumer._getmany({HERE}, 1))
            return {HERE: 3}

        fetches: list[Mapping[TP, Fetch]] = []
        app = build_app(SETTINGS, 1, positions)
        made = Reader(app, Thread({HERE}, {HERE: None}))
        await made.consumer.perform_seek()
        await made.consumer.perform_seek()  # also when a rebalance follows another one
        assert fetches == [{}, {}]

    asyncio.run(run())


def test_positions_that_faust_gave_up_asking_for_are_asked_for_again_before_anything_is_read() -> None:
    async def run() -> None:
        asked = []

        async def positions(partitions: set[TP], offsets: Mapping[TP, int | None]) -> Mapping[TP, int]:
            asked.append(partitions)
            if len(asked) == 2:
                await asyncio.Event().wait()
            return dict.fromkeys(partitions, 3)

        app = build_app(SETTINGS, 1, positions)
        app.topics._acking_topics.add(TOPIC)
        app.flow_control.resume()
        made = Reader(app, Thread({HERE}, {HERE: None}))
        made.consumer._set_active_tps({HERE})
        made.consumer.resume_flow()
        await made.consumer.perform_seek()
        with suppress(TimeoutError):
            await asyncio.wait_for(made.consumer.perform_seek(), 0.01)
        (message,) = await made.read({HERE: fetched(3, 9)})
        assert (message.value.follows, len(asked)) == (3, 3)

    asyncio.run(run())


def test_an_assignment_without_partitions_asks_for_no_positions_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Faust asks for positions only where something is assigned: what was owned before would stay owned."""

    async def run() -> None:
        asked = []

        async def positions(partitions: set[TP], offsets: Mapping[TP, int | None]) -> Mapping[TP, int]:
            asked.append(set(partitions))
            return dict.fromkeys(partitions, 3)

        async def assigned(consumer: Any, partitions: set[TP], generation_id: int = 0) -> None:
            made.thread.assigned = partitions

        monkeypatch.setattr(driver.Consumer, "on_partitions_assigned", assigned)
        made = Reader(build_app(SETTINGS, 1, positions), Thread({HERE}, {HERE: None}))
        await made.consumer.on_partitions_assigned({HERE}, 1)
        assert asked == []  # Faust does it
        await made.consumer.perform_seek()
        await made.consumer.on_partitions_assigned(set(), 2)
        assert asked == [{HERE}, set()]

    asyncio.run(run())


def test_positions_that_arrive_after_everything_was_taken_away_are_given_up_again() -> None:
    async def run() -> None:
        asked = []

        async def positions(partitions: set[TP], offsets: Mapping[TP, int | None]) -> Mapping[TP, int]:
            asked.append(set(partitions))
            made.thread.assigned = set()  # a rebalance overtakes it
            return dict.fromkeys(partitions, 3)

        made = Reader(build_app(SETTINGS, 1, positions), Thread({HERE}, {HERE: None}))
        await made.consumer.perform_seek()
        assert asked == [{HERE}, set()]
        assert made.thread.sought == []

    asyncio.run(run())


def test_the_group_is_watched_before_it_is_joined(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> None:
        watched: list[object] = []
        coordinator = object()

        async def start(thread: Any) -> None:
            thread._consumer = SimpleNamespace(_coordinator=coordinator)

        monkeypatch.setattr(driver.AIOKafkaConsumerThread, "on_start", start)
        thread = BatchThread.__new__(BatchThread)
        membership = SimpleNamespace(watch=watched.append)
        thread.app = SimpleNamespace(linger_membership=membership)
        await thread.on_start()
        assert watched == [coordinator]

    asyncio.run(run())


def test_settled_holes_behind_the_last_record_count_as_read_by_whom_has_handled_it() -> None:
    """Markers of transactions, and records of aborted ones: no record ever follows them for certain."""

    async def law(made: Reader) -> None:
        made.thread.reached = {HERE: 9}
        await made.read({HERE: fetched(1, 5)})
        assert made.consumer.gaps() == {HERE: [range(5, 9)]}
        assert made.consumer.position_past_gaps(HERE, 5) == 5
        made.consumer.confirm_gaps(made.consumer.gaps())
        assert made.consumer.gaps() == {}
        assert [made.consumer.position_past_gaps(HERE, offset) for offset in (1, 3, 5)] == [1, 3, 9]
        await made.consumer.seek_partition(HERE, 2)
        assert made.consumer.position_past_gaps(HERE, 2) == 2

    lawful(law)


def test_a_hole_that_was_settled_is_none_when_the_log_goes_on_behind_it() -> None:
    async def law(made: Reader) -> None:
        made.thread.reached = {HERE: 9}
        await made.read({HERE: fetched(1, 5)})
        made.consumer.confirm_gaps(made.consumer.gaps())
        made.thread.reached = {HERE: 12}
        await made.read({HERE: fetched(9, 12)})
        assert made.consumer.gaps() == {}

    lawful(law)


def test_a_gap_between_two_fetches_is_reported_until_it_is_confirmed() -> None:
    async def law(made: Reader) -> None:
        await made.read({HERE: fetched(3, 5), THERE: fetched(1, 5)}, {HERE: fetched(7, 9)})
        gaps = made.consumer.gaps()
        assert gaps == {HERE: [range(1, 3), range(5, 7)]}
        await made.read({HERE: fetched(12, 15)})
        made.consumer.confirm_gaps(gaps)
        assert made.consumer.gaps() == {HERE: [range(9, 12)]}
        await made.consumer.seek_partition(HERE, 2)
        assert made.consumer.gaps() == {}

    lawful(law, assigned={HERE, THERE})


def test_what_was_fetched_for_a_task_that_was_cancelled_meanwhile_is_read_again() -> None:
    """Faust may cancel its fetcher; the thread reads on, also behind the seek that follows."""

    async def law(made: Reader) -> None:
        await made.read({HERE: fetched(1, 5)})
        made.thread.fetches = [{HERE: fetched(5, 7)}]
        waits = asyncio.Event()

        async def wait() -> None:
            waits.set()
            await asyncio.Event().wait()

        made.thread.meanwhile = wait
        cancelled = asyncio.create_task(made.consumer._getmany({HERE}, 1))
        await waits.wait()
        cancelled.cancel()
        made.thread.meanwhile, made.thread.reached = None, {HERE: 7}
        assert await made.read({}) == []
        assert made.thread.sought == [(HERE, 1), (HERE, 5)]
        assert made.consumer.gaps() == {}
        (message,) = await made.read({HERE: fetched(5, 9)})
        assert (message.value.follows, message.value.end) == (5, 9)

    lawful(law)


def test_an_answer_of_the_thread_is_numbered_and_says_how_far_it_reached() -> None:
    """The number counts answers with records: a missing one was for a task that did not wait for it."""

    async def run() -> None:
        fetcher = FakeFetcher({HERE: 1, THERE: 0})
        fetcher.states[THERE]._position = None
        assignment = SimpleNamespace(tps=fetcher.states, state_value=fetcher.states.get)
        kafka = SimpleNamespace(
            _fetcher=fetcher,
            _closed=False,
            _subscription=SimpleNamespace(subscription=SimpleNamespace(assignment=assignment)),
        )
        consumer = SimpleNamespace(flow_active=True, transport=SimpleNamespace(app=None), app=None)
        thread = BatchThread.__new__(BatchThread)
        thread.consumer, thread.answers = consumer, 0
        answers = []
        for raw in (None, batch(1, 3), None, batch(3, 9) + batch(9, 10, codec=5)):
            if raw is not None:
                fetcher.put(HERE, raw)
            answers.append(await thread._fetch_records(kafka, {HERE}))
        assert [answer.number for answer in answers] == [0, 1, 1, 2]
        assert [answer.reached for answer in answers] == [{HERE: 1}, {HERE: 3}, {HERE: 3}, {HERE: 9}]
        assert [list(answer.errors) for answer in answers] == [[], [], [], [HERE]]

    asyncio.run(run())


def test_a_partition_that_cannot_be_decoded_is_set_aside_until_it_is_tried_again() -> None:
    async def law(made: Reader) -> None:
        made.thread.errors = {HERE: "UnsupportedCodecError: what is it"}
        first = await made.read({HERE: fetched(1, 3), THERE: fetched(1, 2)})
        assert [(message.tp, message.value.end) for message in first] == [(HERE, 3), (THERE, 2)]
        assert made.consumer.undecodable == {HERE: Undecodable(3, "UnsupportedCodecError: what is it")}
        made.thread.errors = {}
        # Nothing of it is asked for, while the other goes on.
        later = await made.read({HERE: fetched(3, 5), THERE: fetched(2, 4)})
        assert [message.tp for message in later] == [THERE]

        await made.consumer.seek_partition(HERE, 3)
        assert made.consumer.undecodable == {}
        assert made.thread.sought[-1] == (HERE, 3)
        (message,) = await made.read({HERE: fetched(3, 5)})
        assert (message.value.follows, message.value.end) == (3, 5)

    lawful(law, assigned={HERE, THERE})


def test_an_error_of_before_a_seek_sets_nothing_aside() -> None:
    async def law(made: Reader) -> None:
        async def seek() -> None:
            made.thread.meanwhile = None
            await made.consumer.seek_partition(HERE, 7)

        made.thread.errors, made.thread.meanwhile = {HERE: "CorruptRecordException: bad"}, seek
        await made.read({HERE: fetched(1, 3)})
        assert made.consumer.undecodable == {}

    lawful(law)


def test_faust_drops_nothing_for_having_read_further_before() -> None:
    """What was handed over while a seek was made may set Faust's own mark again, above where the seek went."""

    async def law(made: Reader) -> None:
        await made.read({HERE: fetched(1, 10)})
        await made.consumer.seek_partition(HERE, 3)
        made.consumer._read_offset[HERE] = 9
        made.consumer._read_offset.update({HERE: 9})
        (message,) = await made.read({HERE: fetched(3, 6)})
        assert message.offset == 5

    lawful(law)


def test_a_seek_is_made_in_the_thread_that_fetches() -> None:
    """A seek from elsewhere races with the fetch there, and is lost."""

    async def law(made: Reader) -> None:
        await made.consumer.seek_partition(HERE, 3)
        assert made.thread.sought[-1] == (HERE, 3)
        assert not hasattr(made.thread, "seek")

    lawful(law)


def test_a_partition_that_is_held_back_is_not_fetched_until_it_is_let_go() -> None:
    async def law(made: Reader) -> None:
        made.consumer.pause_partition(HERE)
        messages = await made.read({HERE: fetched(1, 5), THERE: fetched(1, 5)})
        assert [message.tp for message in messages] == [THERE]
        made.consumer.resume_partition(HERE)
        assert [message.tp for message in await made.read({HERE: fetched(1, 5)})] == [HERE]

    lawful(law, assigned={HERE, THERE})


def test_a_partition_that_is_taken_away_while_held_back_is_not_asked_for_again_and_again() -> None:
    """It never gets a position, and each request for positions would seek the others back."""

    async def law(made: Reader) -> None:
        def rebalance() -> None:
            made.thread.assigned = {HERE}
            made.consumer._set_active_tps({HERE})

        made.consumer.pause_partition(THERE)
        made.thread.when_asked = rebalance
        await made.consumer.perform_seek()
        made.thread.when_asked = lambda: None
        made.consumer.resume_partition(THERE)
        messages = await made.read({HERE: fetched(1, 5)}, {HERE: fetched(5, 9)})
        assert [message.value.follows for message in messages] == [1, 5]

    lawful(law, assigned={HERE, THERE})


def test_what_was_fetched_of_a_partition_before_it_was_held_back_is_still_delivered() -> None:
    async def law(made: Reader) -> None:
        async def pause_partition() -> None:
            made.consumer.pause_partition(HERE)

        made.thread.meanwhile = pause_partition
        assert len(await made.read({HERE: fetched(1, 5)})) == 1

    lawful(law, assigned={HERE, THERE})


def test_faust_makes_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def law(made: Reader) -> None:
        made.app._create_directories()

    monkeypatch.chdir(tmp_path)
    lawful(law)
    assert list(tmp_path.iterdir()) == []


def test_without_our_app_faust_makes_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> None:
        faust.App("linger")._create_directories()

    monkeypatch.chdir(tmp_path)
    asyncio.run(run())
    assert list(tmp_path.iterdir()) != []


# --- agents acknowledge by themselves -----------------------------------------------------------------------------


async def everything_ran() -> None:
    """Wait until nothing can run any more: the tasks that remain wait for records that are never sent."""
    loop: Any = asyncio.get_running_loop()
    while True:
        await asyncio.sleep(0)
        if not loop._ready:
            return


async def handle(made: Reader, message: Any, agent: Callable[[Any], Coroutine[Any, Any, None]], *others: Any) -> None:
    """Give messages to an agent over a channel, as Faust's conductor does; what it raises ends it."""
    stream = made.app.stream(made.app.channel())
    task = asyncio.create_task(agent(stream))
    for each_message in (message, *others):
        each_message.generation_id = made.app.consumer_generation_id
        await stream.channel.queue.put(faust.Event(made.app, None, each_message.value, {}, each_message))
    await everything_ran()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await stream.stop()


def agent_of(app: faust.App, take: Take, *, at_once: int = 1) -> Callable[[Any], Coroutine[Any, Any, None]]:
    """The body of the agent that `read_topics` makes."""
    read_topics(app, [TOPIC], take, name="activity", at_once=at_once)
    (agent,) = app.agents.values()
    body: Callable[[Any], Coroutine[Any, Any, None]] = agent.fun
    return body


def test_a_batch_is_acknowledged_when_it_is_said_to_be_done_with_and_not_before() -> None:
    async def law(made: Reader) -> None:
        finished: list[Callable[[], object]] = []

        async def take(tp: TP, delivery: Delivery, done: Callable[[], object]) -> None:
            assert (tp, delivery) == (HERE, message.value)
            finished.append(done)

        body = agent_of(made.app, take)
        (message,) = await made.read({HERE: fetched(1, 5)})
        await handle(made, message, body)
        assert not message.acked
        assert made.committed() is None
        finished[0]()
        assert message.acked
        assert made.committed() == 5

    lawful(law)


def test_a_batch_that_was_fetched_before_a_seek_is_neither_handled_nor_acknowledged() -> None:
    async def law(made: Reader) -> None:
        async def take(tp: TP, delivery: Delivery, done: Callable[[], object]) -> None:
            raise AssertionError("it was handled")

        body = agent_of(made.app, take)
        (message,) = await made.read({HERE: fetched(1, 5)})
        await made.consumer.seek_partition(HERE, 1)
        await handle(made, message, body)
        assert not message.acked

    lawful(law)


@pytest.mark.parametrize(("at_once", "expected"), [(1, 1), (2, 2), (3, 3), (9, 3)])
def test_batches_of_different_partitions_are_in_hand_at_once_and_those_of_one_are_not(
    at_once: int, expected: int
) -> None:
    async def law(made: Reader) -> None:
        in_hand: list[TP] = []
        finished: list[tuple[TP, int]] = []
        most = 0

        async def take(tp: TP, delivery: Delivery, done: Callable[[], object]) -> None:
            nonlocal most
            assert tp not in in_hand
            in_hand.append(tp)
            most = max(most, len(in_hand))
            for _ in range(5):
                await asyncio.sleep(0)
            in_hand.remove(tp)
            finished.append((tp, delivery.end))

        body = agent_of(made.app, take, at_once=at_once)
        messages = [
            message
            for end in (5, 9, 13)
            for message in await made.read({tp: fetched(end - 4, end) for tp in (HERE, THERE, ELSEWHERE)})
        ]
        await handle(made, messages[0], body, *messages[1:])
        assert most == expected
        for tp in (HERE, THERE, ELSEWHERE):
            assert [end for place, end in finished if place == tp] == [5, 9, 13]

    lawful(law, assigned={HERE, THERE, ELSEWHERE})


def test_a_batch_that_waits_for_the_one_before_it_is_dropped_by_a_seek_meanwhile() -> None:
    async def law(made: Reader) -> None:
        taken: list[int] = []

        async def take(tp: TP, delivery: Delivery, done: Callable[[], object]) -> None:
            taken.append(delivery.end)
            await made.consumer.seek_partition(HERE, 1)

        body = agent_of(made.app, take, at_once=2)
        messages = await made.read({HERE: fetched(1, 5)}, {HERE: fetched(5, 9)})
        await handle(made, messages[0], body, messages[1])
        assert taken == [5]

    lawful(law)


def test_a_batch_whose_handling_raises_is_not_acknowledged() -> None:
    async def law(made: Reader) -> None:
        async def take(tp: TP, delivery: Delivery, done: Callable[[], object]) -> None:
            raise ZeroDivisionError

        body = agent_of(made.app, take)
        (message,) = await made.read({HERE: fetched(1, 5)})
        await handle(made, message, body)
        assert not message.acked
        assert made.committed() is None

    lawful(law)


def test_without_noack_faust_acknowledges_also_what_raised() -> None:
    async def careless(stream: Any) -> None:
        async for _ in stream.events():
            raise ZeroDivisionError

    async def law(made: Reader) -> None:
        (message,) = await made.read({HERE: fetched(1, 5)})
        await handle(made, message, careless)
        assert message.acked
        assert made.committed() == 5

    lawful(law)


def test_a_fetch_waits_for_a_moment_only_and_reads_what_is_committed(monkeypatch: pytest.MonkeyPatch) -> None:
    """While it waits, no other partition of the broker is fetched; Faust would let it wait for 1.5 s."""

    async def law() -> None:
        made = AIOKafkaConsumer(fetch_max_wait_ms=1500)
        known = set(vars(made))
        monkeypatch.setattr(driver.AIOKafkaConsumerThread, "_create_worker_consumer", lambda thread, transport: made)
        thread = object.__new__(BatchThread)
        thread.app = SimpleNamespace(linger_format=7, assignor=SimpleNamespace(name="faust"))
        consumer = BatchThread._create_worker_consumer(thread, None)
        offered = [one.name for one in consumer._partition_assignment_strategy]
        assert offered == ["linger-format-7", "faust"]
        assert (consumer._fetch_max_wait_ms, consumer._fetch_min_bytes) == (25, 65_536)
        assert consumer._isolation_level == "read_committed"
        assert set(vars(consumer)) == known  # aiokafka still calls them so
        await made.stop()

    asyncio.run(law())
