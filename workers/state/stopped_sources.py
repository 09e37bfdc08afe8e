"""Source partitions that are not read further, in Redis: a worker that starts knows them, and commands show them.

One hash: `topic:partition` to a `Stop` as JSON. A field with a topic's name alone is a request to go on: its value is
new with every request, so each worker sees one that it has not yet answered.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import msgspec

from workers.kafka.records import TopicPartition
from workers.state.store import Store


class Stop(msgspec.Struct, frozen=True, omit_defaults=True):
    """Why a source partition is not read further. It is stored as JSON: new fields have defaults.

    Attributes:
        cause: `undecodable`: its next batch cannot be decoded; `dead_letters`: too many records cannot be read;
            `older_release`: its records hold several events, and a worker of an older release owns a partition.
        problem: the same in words, with what is known of it.
        since_ms: when it stopped, by Linger's clock.
        offset: where its next batch begins (`undecodable`), or before which every record was forwarded.
        run: unreadable records in a row when it stopped (`dead_letters`).
        unreadable: of the latest records, how many could not be read (`dead_letters`).
        seen: how many latest records those were (`dead_letters`).
    """

    cause: Literal["undecodable", "dead_letters", "older_release"]
    problem: str
    since_ms: int
    offset: int
    run: int = 0
    unreadable: int = 0
    seen: int = 0


@dataclass(frozen=True, slots=True)
class StoredStops:
    """What is stored.

    Attributes:
        stops: by source partition.
        requests: by topic, the latest request to go on.
    """

    stops: Mapping[TopicPartition, Stop] = field(default_factory=dict)
    requests: Mapping[str, str] = field(default_factory=dict)

    def of_topic(self, topic: str) -> dict[TopicPartition, Stop]:
        """Return the stopped partitions of one topic."""
        return {partition: stop for partition, stop in self.stops.items() if partition.topic == topic}

    def problems(self) -> dict[str, str]:
        """Return for each topic with a stopped partition which ones these are, and why the first one stopped."""
        problems: dict[str, str] = {}
        for topic in sorted({partition.topic for partition in self.stops}):
            stops = sorted((partition.partition, stop) for partition, stop in self.of_topic(topic).items())
            numbers = ", ".join(str(number) for number, _ in stops)
            problems[topic] = f"partition{'s' * (len(stops) > 1)} {numbers}: {stops[0][1].problem}"
        return problems


_decode = msgspec.json.Decoder(Stop).decode


async def read_stops(store: Store) -> StoredStops:
    """Return the stopped source partitions and the latest requests.

    Raises:
        Transient: if Redis does not answer.
    """
    fields = await store.redis.fields(store.keys.stopped)
    stops = {TopicPartition.parse(name): _decode(text) for name, text in fields.items() if ":" in name}
    return StoredStops(stops, {name: text for name, text in fields.items() if ":" not in name})


async def write_stops(
    store: Store, stopped: Mapping[TopicPartition, Stop], going_on: "set[TopicPartition] | frozenset[TopicPartition]"
) -> None:
    """Store the stops of some partitions, and forget those of others.

    Raises:
        Transient: if Redis does not answer.
    """
    commands: list[tuple[str, ...]] = []
    if stopped:
        fields = [
            part
            for partition, stop in stopped.items()
            for part in (str(partition), msgspec.json.encode(stop).decode())
        ]
        commands.append(("HSET", store.keys.stopped, *fields))
    if going_on:
        commands.append(("HDEL", store.keys.stopped, *map(str, going_on)))
    if commands:
        await store.redis.call(commands)


async def request_to_go_on(store: Store, topic: str) -> None:
    """Ask the workers to go on with a topic at once.

    Raises:
        Transient: if Redis does not answer.
    """
    await store.redis.call([("HSET", store.keys.stopped, topic, uuid.uuid4().hex)])
