"""Linger itself: one `linger run` with the settings that it comes with, its core compiled as in its wheel.

It has its own topics. The workload's time is not wall-clock time, so it uses the clock of a replay, which has to know
how far the events go. The events are canonical and keyed by the customer, so their topic is Linger's activity
topic, as `docs/operating.md` has it for such producers. `linger_intake.py` is Linger beside a topic of others.
"""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from benchmarks.contenders import Contender, Dealings, Place
from benchmarks.linger_setup import create_topics, variables, write_rules, write_sources
from benchmarks.workload import Decided, decided_of
from schemas.actions import Action
from tests.support.compiled import as_in_the_wheel
from workers.demo.embedded import Pair
from workers.settings import read_settings
from workers.state.connect import opened_store
from workers.state.replay_clock import ReplayClock

_ACTIONS: Final = ("at-risk", "win-back")


@dataclass(frozen=True, slots=True)
class LingerDealings(Dealings):
    """Linger reads rule files and a sources file, writes to two topics, and goes by a clock in Redis.

    Attributes:
        is_compiled: it runs as its wheel has it, where there is a C compiler.
        is_direct: the events topic is its activity topic; if not, it is a source that intake reads.
    """

    is_compiled: bool
    is_direct: bool

    def events_topic(self, name: str) -> str:
        """Return the activity topic's name, if that is where the events are."""
        return f"{name}.activity" if self.is_direct else Dealings.events_topic(self, name)

    async def set_up(self, place: Place) -> Mapping[str, str]:
        """Write the files and create the topics."""
        write_rules(place.state / "rules")
        write_sources(place.state / "sources.yaml", place.events)
        settings = _variables(place)
        await create_topics(read_settings(settings), {})
        return {**settings, **(as_in_the_wheel() if self.is_compiled else {})}

    def topics(self, place: Place) -> Sequence[str]:
        """Return the topics with actions."""
        return [f"{place.group}.{name}" for name in _ACTIONS]

    def read(self, value: bytes) -> Decided:
        """Read an action or a retraction."""
        return decided_of(_read_action(value))

    async def fed(self, place: Place, at_ms: int, ends: Mapping[int, int]) -> None:
        """Move the clock on."""
        settings = read_settings(_variables(place))
        async with opened_store(settings) as store:
            await ReplayClock(store).announce(
                at_ms, {f"{place.events}:{number}": end for number, end in ends.items()}
            )


_read_action = msgspec.json.Decoder(Action).decode


def _variables(place: Place) -> dict[str, str]:
    pair = Pair(place.kafka, place.redis)
    return variables(pair, place.state, name=place.group, partitions=place.partitions)


def contender(name: str, title: str, *, is_compiled: bool = True, is_direct: bool = True) -> Contender:
    """Return Linger as a contender; arguments as for `LingerDealings`."""
    log = "the events topic is its log" if is_direct else "every event in a Kafka topic of its own"
    return Contender(
        name=name,
        title=title,
        state=f"Redis, one atomic step for each batch; {log}",
        delivery="nothing lost; what is there twice has the same id",
        command=lambda _: (sys.executable, "-m", "workers", "run"),
        prepare=lambda _: _prepare(is_compiled=is_compiled),
        dealings=LingerDealings(is_compiled, is_direct),
    )


def _prepare(*, is_compiled: bool) -> None:
    if is_compiled:
        as_in_the_wheel()


CONTENDER: Final = contender("linger", "Linger, one worker")
