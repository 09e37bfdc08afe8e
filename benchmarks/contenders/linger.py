"""Linger itself: one `linger run` with the settings that it comes with.

It has topics of its own and, as the workload's time is not that of the wall, the clock of a replay, which has to be
told how far the events go.
"""

import sys
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from benchmarks.contenders import Contender, Dealings, Place
from benchmarks.linger_setup import create_topics, variables, write_rules, write_sources
from benchmarks.workload import Decided, decided_of
from schemas.actions import Action
from workers.clock import ReplayClock
from workers.embedded import Pair
from workers.opened_store import opened_store
from workers.settings import read_settings

_ACTIONS: Final = ("at-risk", "win-back")


class LingerDealings(Dealings):
    """Linger reads rule files and a sources file, writes to two topics, and goes by a clock in Redis."""

    async def set_up(self, place: Place) -> Mapping[str, str]:
        """Write the files and create the topics."""
        write_rules(place.state / "rules")
        write_sources(place.state / "sources.yaml", place.events)
        settings = _variables(place)
        await create_topics(read_settings(settings), {})
        return settings

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


CONTENDER: Final = Contender(
    name="linger",
    title="Linger, one worker",
    state="Redis, one atomic step for each batch; every event in a Kafka topic of its own",
    delivery="nothing lost; what is there twice has the same id",
    command=lambda _: (sys.executable, "-m", "workers", "run"),
    dealings=LingerDealings(),
)
