"""One run of one contender: warm it up, stop it, write the rest, and time it until the last decision can be read."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from benchmarks.arena import (
    Broker,
    Reading,
    Record,
    Redis,
    cpu_seconds,
    create_topics,
    delete_topics,
    feeding,
    folder_bytes,
    log_bytes,
    reading,
    running_store,
)
from benchmarks.contenders import Contender, Place
from benchmarks.workload import Decided, Event, Workload, expected
from workers.demo.embedded import die_with_parent

_HOME: Final = Path(__file__).resolve().parent.parent
_WARM_SHARE: Final = 10
"""One in this many events is for warming up."""
_PATIENCE_SECONDS: Final = 90.0
"""A contender that decides nothing for this long is stopped; its start counts."""
_WATCH_SECONDS: Final = 1.0
"""How long it is watched after the last decision, in case it decides something else."""
_END_SECONDS: Final = 20.0
_EXAMPLES: Final = 5
_LAST_LINES: Final = 15


class ContenderFailed(Exception):
    """A contender ended or stood still; the message holds the end of its log."""


class Wrong(Exception):
    """A contender decided something else than Linger's core does; the message holds examples."""


@dataclass(frozen=True)
class Task:
    """A workload and what has to come of it, made once for all runs."""

    workload: Workload
    partitions: int

    @cached_property
    def events(self) -> list[Event]:
        """All events in the order of time."""
        return list(self.workload.records())

    @cached_property
    def decisions(self) -> list[Decided]:
        """All that has to be decided."""
        return expected(self.workload)

    @property
    def warm_up(self) -> int:
        """How many events are for warming up."""
        return len(self.events) // _WARM_SHARE

    @property
    def warm_ms(self) -> int:
        """When the last event for warming up happened."""
        return self.events[self.warm_up - 1].at_ms

    def wanted(self, contender: Contender, until_ms: int) -> "Wanted":
        """Return what a contender has to have written when all until a moment is decided."""
        if contender.decides:
            return Wanted(one for one in self.decisions if one.at_ms <= until_ms)
        moments = [at_ms for at_ms in (self.warm_ms, self.workload.end_ms) if at_ms <= until_ms]
        return Wanted(passed_by(f"end-{number}", at_ms) for number in range(self.partitions) for at_ms in moments)


class Wanted:
    """What has to be written.

    A contender that knows before writing an action that it will retract it may write the retraction alone.

    Attributes:
        every: all that was decided.
        needed: what none may leave out.
    """

    def __init__(self, decided: Iterable[Decided]) -> None:
        self.every = frozenset(decided)
        taken_back = {one[1:4] for one in self.every if one.status == "retracted"}
        self.needed = {one for one in self.every if one.status == "retracted" or one[1:4] not in taken_back}

    def lacking(self, done: Collection[Decided]) -> set[Decided]:
        """Return what has still to be written when some of it is."""
        return self.needed.difference(done)


def passed_by(marker: str, at_ms: int) -> Decided:
    """Return what a contender that decides nothing writes when a marker came by."""
    return Decided("active", "marker", marker, at_ms, at_ms)


class Cpu(NamedTuple):
    """CPU seconds, by whose processes they are."""

    contender: float
    redis: float
    kafka: float

    def since(self, before: "Cpu") -> "Cpu":
        """Return what was used in between."""
        return Cpu(*(now - then for now, then in zip(self, before, strict=True)))


@dataclass(frozen=True, slots=True)
class Measured:
    """What one run came to.

    Attributes:
        events: in the part that was timed, without markers.
        customers: of the whole workload.
        actions: decisions written in the part that was timed, each once.
        again: records that said what had been written already, in the whole run.
        seconds: from the moment it went on until the last decision could be read.
        cpu: in these seconds.
        redis_bytes: memory of Redis at the end, without that of an empty one.
        state_bytes: files in the contender's folder at the end.
        topic_bytes: topics beyond those for events and actions, at the end.
    """

    events: int
    customers: int
    actions: int
    again: int
    seconds: float
    cpu: Cpu
    redis_bytes: int
    state_bytes: int
    topic_bytes: int


@dataclass(frozen=True, slots=True)
class Process:
    """A contender's process and all it starts; `running` makes one."""

    popen: "subprocess.Popen[bytes]"
    log: Path

    @property
    def session(self) -> int:
        """The session and the process group of all its processes."""
        return self.popen.pid

    def hold(self) -> None:
        """Stop all of its processes where they are."""
        os.killpg(self.session, signal.SIGSTOP)

    def go_on(self) -> None:
        """Let all of its processes go on."""
        os.killpg(self.session, signal.SIGCONT)

    def check(self) -> None:
        """Raise if it has ended.

        Raises:
            ContenderFailed: it has.
        """
        if self.popen.poll() is not None:
            raise self.failed(f"ended with status {self.popen.returncode}")

    def failed(self, what: str) -> ContenderFailed:
        """Return the error that says what it did, with the end of its log."""
        lines = self.log.read_text(errors="replace").splitlines()[-_LAST_LINES:]
        return ContenderFailed("\n    ".join([f"{what}; the end of {self.log.name}:", *lines]))


@contextmanager
def running(command: Sequence[str], variables: Mapping[str, str], log: Path) -> Iterator[Process]:
    """Run a contender until the block ends; then it is asked to end, and made to if it does not."""
    with log.open("wb") as output:
        popen = subprocess.Popen(
            command,
            cwd=_HOME,
            env=_without_linger(os.environ) | dict(variables),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            preexec_fn=die_with_parent(),
        )
    process = Process(popen, log)
    try:
        yield process
    finally:
        _end(process)


def _without_linger(environment: Mapping[str, str]) -> dict[str, str]:
    """Leave out settings of a Linger that runs elsewhere."""
    return {name: value for name, value in environment.items() if not name.startswith("LINGER_")}


def _end(process: Process) -> None:
    try:
        process.go_on()
        process.popen.terminate()
        process.popen.wait(_END_SECONDS)
    except (ProcessLookupError, subprocess.TimeoutExpired):
        pass  # it ended by itself, or does not want to
    with suppress(ProcessLookupError):  # when nothing is left of it
        os.killpg(process.session, signal.SIGKILL)
    process.popen.wait()


class Judge:
    """Compares what a contender writes with what it has to write.

    Records are looked at when there can be enough of them: what is timed does not share the machine with their
    decoding.

    Attributes:
        done: what was written of what is wanted.
        again: records that said nothing new.
    """

    def __init__(self, contender: Contender, reading: Reading, process: Process) -> None:
        self._contender = contender
        self._reading = reading
        self._process = process
        self._wanted = Wanted(())
        self._lacking: set[Decided] = set()
        self._looked_at = 0
        self.done: set[Decided] = set()
        self.again = 0

    def want(self, wanted: Wanted) -> None:
        """Say what it has to write from now on, with what it wrote already."""
        self._wanted, self._lacking = wanted, wanted.lacking(self.done)

    async def until_done(self, redis_pid: int, kafka_pid: int) -> tuple[float, Cpu]:
        """Read until everything wanted is there.

        Returns:
            When the last of it could be read, by the monotonic clock, and the CPU time until then.

        Raises:
            Wrong: something else was written.
            ContenderFailed: it ended, or wrote nothing more for too long.
        """
        moved = seconds = time.monotonic()
        while True:
            self._process.check()
            if await self._reading.more():
                moved = time.monotonic()
            waited_long = time.monotonic() - moved > _PATIENCE_SECONDS
            if waited_long or self._unread() >= len(self._lacking):
                cpu = cpu_of(self._process, redis_pid, kafka_pid)
                seconds = self._look() or seconds
                if not self._lacking:
                    return seconds, cpu
            if waited_long:
                what = f"wrote nothing for {_PATIENCE_SECONDS:.0f} s; {self._what_is_missing()}"
                raise self._process.failed(what)

    async def watch_on(self) -> None:
        """See whether something comes that is not wanted.

        Raises:
            Wrong: something does, or one of an action and its retraction is missing.
        """
        over = time.monotonic() + _WATCH_SECONDS
        while time.monotonic() < over:
            await self._reading.more()
        self._look()
        if self._lacking:
            raise Wrong(self._what_is_missing())

    def _unread(self) -> int:
        return len(self._reading.records) - self._looked_at

    def _look(self) -> float | None:
        """Look at what was read since the last look; return when the last news came, None if there are none."""
        came: float | None = None
        unwanted: list[Decided] = []
        for record in self._reading.records[self._looked_at :]:
            decided = self._decode(record)
            if decided not in self._wanted.every:
                unwanted.append(decided)
            elif decided in self.done:
                self.again += 1
            else:
                self._note(decided)
                came = record.seconds
        self._looked_at = len(self._reading.records)
        if unwanted:
            what = f"decided {len(unwanted):,} that were not expected, such as {_written(unwanted)}"
            raise Wrong(f"{what}; {self._what_is_missing()}")
        return came

    def _note(self, decided: Decided) -> None:
        self.done.add(decided)
        self._lacking.discard(decided)

    def _what_is_missing(self) -> str:
        examples = _written(sorted(self._lacking))
        return f"{len(self._lacking):,} of {len(self._wanted.every):,} are missing, such as {examples}"

    def _decode(self, record: Record) -> Decided:
        try:
            return self._contender.dealings.read(record.value)
        except (msgspec.ValidationError, msgspec.DecodeError) as error:
            raise Wrong(f"wrote a record that cannot be read: {error}: {record.value[:200]!r}") from error


def _written(decided: Sequence[Decided]) -> str:
    return ", ".join(str(tuple(one)) for one in decided[:_EXAMPLES]) or "(none)"


def cpu_of(process: Process, redis_pid: int, kafka_pid: int) -> Cpu:
    """Return the CPU time used so far by contender, Redis and Kafka."""
    return Cpu(*map(cpu_seconds, (process.session, redis_pid, kafka_pid)))


async def run_once(
    contender: Contender, task: Task, broker: Broker, cache: Path, folder: Path, log: Path
) -> Measured:
    """Run a contender once, on an empty Redis and new topics.

    Args:
        contender: prepared.
        task: its workload.
        broker: a running Kafka.
        cache: the folder in which it is prepared.
        folder: does not exist yet; gone afterwards. Its name names topics and the group.
        log: where its process writes to.

    Raises:
        ContenderFailed: it ended or stood still.
        Wrong: it decided something else than expected.
    """
    (folder / "state").mkdir(parents=True)
    try:
        return await _run(contender, task, broker, cache, folder, log)
    finally:
        await delete_topics(broker.address)
        shutil.rmtree(folder)


async def _run(contender: Contender, task: Task, broker: Broker, cache: Path, folder: Path, log: Path) -> Measured:
    dealings, warm_up, end_ms, partitions = contender.dealings, task.warm_up, task.workload.end_ms, task.partitions
    async with AsyncExitStack() as stack:
        redis = stack.enter_context(running_store(folder))
        empty_bytes = redis.used_bytes()
        place = _place(broker, redis, folder, partitions, dealings.events_topic(folder.name))
        await create_topics(broker.address, [place.events, place.actions], partitions)
        variables = {**contender.environment, **place.variables(), **await dealings.set_up(place)}
        topics = dealings.topics(place)

        feed = await stack.enter_async_context(feeding(broker.address, place.events, partitions))
        first = feed.pack(task.events[:warm_up], task.workload.markers(partitions, task.warm_ms))
        rest = feed.pack(task.events[warm_up:], task.workload.markers(partitions, end_ms))
        await feed.send(first)
        await dealings.fed(place, task.warm_ms, feed.ends)

        reader = await stack.enter_async_context(reading(broker.address, topics, partitions))
        process = stack.enter_context(running(contender.command(cache), variables, log))
        judge = Judge(contender, reader, process)
        judge.want(task.wanted(contender, task.warm_ms))
        await judge.until_done(redis.pid, broker.pid)

        process.hold()
        await feed.send(rest)
        await dealings.fed(place, end_ms, feed.ends)
        judge.want(task.wanted(contender, end_ms))
        early = len(judge.done)

        before, started = cpu_of(process, redis.pid, broker.pid), time.monotonic()
        process.go_on()
        finished, after = await judge.until_done(redis.pid, broker.pid)
        await judge.watch_on()
        return Measured(
            events=len(task.events) - warm_up,
            customers=task.workload.customers,
            actions=len(judge.done) - early,
            again=judge.again,
            seconds=finished - started,
            cpu=after.since(before),
            redis_bytes=redis.used_bytes() - empty_bytes,
            state_bytes=folder_bytes(place.state),
            topic_bytes=log_bytes(broker, [place.events, *topics]),
        )


def _place(broker: Broker, redis: Redis, folder: Path, partitions: int, events: str) -> Place:
    name = folder.name
    return Place(broker.address, redis.url, events, f"{name}.actions", partitions, name, folder / "state")
