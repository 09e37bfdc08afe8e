"""Programs that do the work of `benchmarks.workload`, each in a file of its own."""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from benchmarks.workload import Decided


@dataclass(frozen=True, slots=True)
class Place:
    """Where one run of a contender happens: what its environment says, as README.md names it.

    Attributes:
        kafka: host:port.
        redis: a URL; the store is empty.
        events, actions: topics.
        partitions: of each of them.
        group: unlike that of any other run.
        state: a folder for the contender alone, empty.
    """

    kafka: str
    redis: str
    events: str
    actions: str
    partitions: int
    group: str
    state: Path

    def variables(self) -> dict[str, str]:
        """Return the environment variables that say it."""
        return {
            "BENCH_KAFKA": self.kafka,
            "BENCH_REDIS": self.redis,
            "BENCH_EVENTS": self.events,
            "BENCH_ACTIONS": self.actions,
            "BENCH_PARTITIONS": str(self.partitions),
            "BENCH_GROUP": self.group,
            "BENCH_STATE": str(self.state),
        }


class Dealings:
    """What is done around a contender's process; here for one that does as README.md says.

    A contender with topics, settings or a clock of its own has a subclass.
    """

    def events_topic(self, name: str) -> str:
        """Return what the topic with the events is called in a run of this name."""
        return f"{name}.events"

    async def set_up(self, place: Place) -> Mapping[str, str]:
        """Make what has to be there before the process starts; return further variables for it."""
        return {}

    def topics(self, place: Place) -> Sequence[str]:
        """Return the topics that its decisions are read from."""
        return (place.actions,)

    def read(self, value: bytes) -> Decided:
        """Read one record of these topics.

        Raises:
            msgspec.ValidationError, msgspec.DecodeError: if it is something else.
        """
        line = _read_line(value)
        return Decided(line.status, line.rule, line.customer, line.started_ms, line.at_ms)

    async def fed(self, place: Place, at_ms: int, ends: Mapping[int, int]) -> None:
        """Inform it, if it needs to know, that all events up to then are in the events topic.

        Args:
            place: as for `set_up`.
            at_ms: the moment of the markers, with which it stopped for now.
            ends: by partition of the events topic, where it ends now.
        """


class _Line(msgspec.Struct, forbid_unknown_fields=True):
    status: str
    rule: str
    customer: str
    started_ms: int
    at_ms: int


_read_line = msgspec.json.Decoder(_Line).decode


@dataclass(frozen=True, slots=True)
class Contender:
    """A program and what has to be known of it; README.md says what it does.

    Attributes:
        name: one word, as on the command line and in reports.
        title: what it is, for tables.
        state: where it keeps what it knows, and how that survives.
        delivery: what a crash may do to what it writes.
        prepare: installs what it needs into a folder that is kept from run to run; raises `Missing`.
        command: the arguments that start it, given that folder.
        environment: further variables.
        dealings: what is done around its process.
        decides: False if it only moves data: it then says of each marker that it came by (`limit.py` shows how).
        share: so much of the events, and of the customers, it gets in a run; less than 1 for one that would take
            minutes. What happens to one customer is the same.
    """

    name: str
    title: str
    state: str
    delivery: str
    command: Callable[[Path], Sequence[str]]
    prepare: Callable[[Path], None] = lambda _: None
    environment: dict[str, str] = field(default_factory=dict)
    dealings: Dealings = field(default_factory=Dealings)
    decides: bool = True
    share: float = 1.0


class Missing(Exception):
    """A contender cannot run here; the message says what it lacks and how to get it."""


def python_module(name: str) -> Callable[[Path], Sequence[str]]:
    """Return the command of a contender that runs in this very Python."""
    return lambda _: (sys.executable, "-m", name)
