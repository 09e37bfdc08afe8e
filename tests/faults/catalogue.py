"""The faults: each states in a few lines what happens to a run, and what it needs for that.

Each fault heals everything that it breaks. A run is judged when everything is healed and decided. In the middle of
each run the rules are reloaded, too.
"""

import asyncio
import shutil
import subprocess
import sys
import time
from binascii import crc_hqx
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal

from aiokafka import AIOKafkaProducer
from aiokafka.admin import NewPartitions
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from redis.exceptions import RedisError

from tests.faults.garbling import garbled
from tests.faults.loaded import loaded
from tests.faults.operating import (
    WEB_ORDERS,
    add_web_shop,
    change_a_rule,
    find_web_shop_by_pattern,
    linger,
    name_web_shop_again,
)
from tests.faults.ordered import ordered
from tests.faults.stage import PARTITIONS, SOURCE_PARTITIONS, Stage
from tests.faults.verdict import published_too_early, read_dead_letters
from tests.faults.wrong_streams import streams_go_wrong
from tests.support.redis_topologies import SERVICE, SmallCluster, Watched
from workers.core.source_changes import content_hash
from workers.histories.history import LOGINS, ORDERS, History, history_of, login, order
from workers.histories.simulated import simulate
from workers.kafka.topics import connected_admin
from workers.loading import load_configuration
from workers.state.keys import SLOTS, hash_tag
from workers.state.stopped_sources import read_stops

DAY_MS: Final = 86_400_000
_CUSTOMERS: Final = 150
_DAYS: Final = 400
_PROMPT_SECONDS: Final = 5.0


@dataclass(frozen=True)
class Fault:
    """One kind of fault.

    Attributes:
        name: one word for reports.
        what: in one line.
        act: happens while the history is played.
        brokers, workers: how many there are.
        seconds: how long the history is played.
        history: makes the history of a seed.
        sabotage: by place of a worker, arguments of `saboteur`.
        environment: further variables of the workers.
        poison: how many unreadable records it sends.
        counts_wrong: whether actions that the history does not justify can be counted; see `judge`.
        lives_now: workers have the machine's clock and catch up with a history that ended three hours ago.
        store: what Redis is: one server that can be killed and started, a master under Sentinel, or a cluster.
        registry: log-ins are Avro, and their schemas in a registry that can be killed and started.
        is_batched: orders come in batches: one record, many events.
        short: belongs to the selection that `make test-rest` runs.
    """

    name: str
    what: str
    act: Callable[[Stage], Coroutine[Any, Any, None]]
    brokers: int = 1
    workers: int = 2
    seconds: float = 8.0
    history: Callable[[int], History] = field(default=lambda seed: simulate(seed, _CUSTOMERS, _DAYS))
    sabotage: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    poison: int = 0
    counts_wrong: bool = True
    lives_now: bool = False
    store: Literal["one", "sentinel", "cluster"] = "one"
    registry: bool = False
    is_batched: bool = False
    short: bool = False


# -- workers -----------------------------------------------------------------------------------------------------


async def nothing(stage: Stage) -> None:
    """The fault is built into a worker."""


async def kill(stage: Stage) -> None:
    for begin in (0.15, 0.45, 0.7):
        await stage.sometime(begin, begin + 0.2)
        stage.crew.kill(stage.chance.randrange(len(stage.crew.members)))


async def kill_all(stage: Stage) -> None:
    await stage.sometime()
    for place in range(len(stage.crew.members)):
        stage.crew.kill(place)


async def freeze(stage: Stage) -> None:
    await stage.sometime(0.2, 0.5)
    place = stage.chance.randrange(len(stage.crew.members))
    stage.crew.freeze(place)
    await asyncio.sleep(7)  # longer than twice the session timeout: others have taken over
    stage.crew.thaw(place)


async def freeze_when_quiet(stage: Stage) -> None:
    """Only timers commit by then: an offset alone would fence no worker."""
    await stage.at(0.6)
    stage.crew.freeze(0)
    await asyncio.sleep(7)
    stage.crew.thaw(0)


async def terminate(stage: Stage) -> None:
    for place in range(len(stage.crew.members)):
        await stage.sometime(0.2 + 0.3 * place, 0.4 + 0.3 * place)
        seconds = await stage.crew.stop(place)
        stage.notes.append(f"ended within {seconds:.1f} s of SIGTERM")
        assert seconds < _PROMPT_SECONDS, "a worker that nothing hinders needs its whole grace period to end"
        stage.crew.begin_again(place)


async def storm(stage: Stage) -> None:
    await stage.at(0.1)
    stage.crew.add()
    while stage.share < 0.8:
        await asyncio.sleep(stage.chance.uniform(0.5, 2))
        stage.crew.kill(stage.chance.randrange(len(stage.crew.members)))


async def lag(stage: Stage) -> None:
    await stage.at(0.25)
    for place in range(len(stage.crew.members)):
        await stage.crew.stop(place)
    await stage.at(0.75)
    for place in range(len(stage.crew.members)):
        stage.crew.begin_again(place)


async def reload_and_kill(stage: Stage) -> None:
    for number in range(3):
        await stage.sometime(0.15 + 0.25 * number, 0.25 + 0.25 * number)
        change_a_rule(stage)
        await asyncio.sleep(1.2)
        stage.crew.kill(stage.chance.randrange(len(stage.crew.members)))


async def rebuild_all(stage: Stage) -> None:
    """In the end, every partition is folded again from its log; what is judged is the state that this gives."""
    await stage.at(1)
    await stage.until_decided()
    for place in range(len(stage.crew.members)):
        await stage.crew.stop(place)
    await asyncio.to_thread(linger, stage, "rebuild", "--all")
    for place in range(len(stage.crew.members)):
        stage.crew.begin_again(place)


async def reload_sources_and_kill(stage: Stage) -> None:
    """A topic is added that holds orders already, found by a pattern instead, and named again."""
    await stage.create(SOURCE_PARTITIONS, stage.prefix + WEB_ORDERS, configs={"retention.ms": "-1"})

    async def is_active() -> bool:
        stored = await stage.store.redis.fields(stage.store.keys.source_sets)
        return stored.get("hash") == content_hash(load_configuration(stage.settings).sources)

    for number, change in enumerate((add_web_shop, find_web_shop_by_pattern, name_web_shop_again)):
        await stage.sometime(0.2 + 0.25 * number, 0.3 + 0.25 * number)
        change(stage)
        await asyncio.sleep(stage.chance.uniform(0.1, 3))
        stage.crew.kill(stage.chance.randrange(len(stage.crew.members)))
        await stage.until(is_active, "the changed sources are active")
        await asyncio.sleep(stage.chance.uniform(0, 0.5))
        stage.crew.kill(stage.chance.randrange(len(stage.crew.members)))


async def reload(stage: Stage) -> None:
    """Change a rule during the fault, without changing what it decides."""
    await stage.at(stage.chance.uniform(0.2, 0.7))
    change_a_rule(stage)


async def pause_and_kill(stage: Stage) -> None:
    """All rules are paused and resumed twice, and workers are killed before and after each of these commands."""
    stage.pauses = []
    for begin in (0.15, 0.5):
        await stage.sometime(begin, begin + 0.1)
        stage.crew.kill(stage.chance.randrange(len(stage.crew.members)))
        await asyncio.to_thread(_command, stage, "pause", "--all", "--because", "a fault")
        since_ms = round(time.time() * 1000)
        stage.crew.kill(stage.chance.randrange(len(stage.crew.members)))
        await stage.at(min(1, stage.share + 0.15))  # under load, a command may take until the end
        stage.pauses.append((since_ms, round(time.time() * 1000)))
        await asyncio.to_thread(_command, stage, "resume", "--all")
        stage.crew.kill(stage.chance.randrange(len(stage.crew.members)))
    await stage.at(1)

    async def is_let_go() -> bool:
        held = await stage.store.redis.call(
            [("HLEN", stage.store.keys.partition(number).held) for number in range(PARTITIONS)]
        )
        return not any(held)

    await stage.until(is_let_go, "everything that was held is let go")


def _command(stage: Stage, *arguments: str) -> None:
    """Run a command as an operator does; status 1 says that a worker, which may be dead, has not confirmed it."""
    command = [sys.executable, "-m", "workers", *arguments]
    done = subprocess.run(command, env=stage.crew.environment, capture_output=True, text=True, timeout=90)
    if done.returncode not in (0, 1):
        raise AssertionError(f"linger {' '.join(arguments)}: {done.stdout}{done.stderr}")


# -- network -----------------------------------------------------------------------------------------------------


async def kafka_cut(stage: Stage) -> None:
    await stage.sometime(0.2, 0.5)
    for broker in stage.installation.brokers:
        broker.proxy.cut()
    await asyncio.sleep(stage.chance.uniform(1, 6))
    stage.installation.heal()


async def kafka_stall(stage: Stage) -> None:
    await stage.sometime(0.2, 0.5)
    for broker in stage.installation.brokers:
        broker.proxy.stall()
    await asyncio.sleep(9)
    stage.installation.heal()


async def redis_cut(stage: Stage) -> None:
    await stage.sometime(0.2, 0.5)
    stage.installation.redis_proxy.cut()
    await asyncio.sleep(stage.chance.uniform(1, 4))
    stage.installation.heal()


async def redis_stall(stage: Stage) -> None:
    await stage.sometime(0.2, 0.5)
    stage.installation.redis_proxy.stall()
    await asyncio.sleep(4)
    stage.installation.heal()


async def redis_drops(stage: Stage) -> None:
    await stage.at(0.1)
    while stage.share < 0.9:
        await asyncio.sleep(stage.chance.uniform(0.05, 0.5))
        stage.installation.redis_proxy.drop()


# -- Redis -------------------------------------------------------------------------------------------------------


async def redis_kill(stage: Stage) -> None:
    await stage.sometime()
    await stage.installation.redis.kill()
    await asyncio.sleep(stage.chance.uniform(0.2, 3))
    await stage.installation.redis.start()


async def redis_old_dump(stage: Stage) -> None:
    """Writes between the copy and the restart are lost."""
    stage.forgot = True
    await stage.sometime(0.2, 0.4)
    data, kept = stage.installation.redis_data, stage.installation.folder / "kept"
    shutil.rmtree(kept, ignore_errors=True)
    await stage.installation.redis.kill()
    shutil.copytree(data, kept)
    await stage.installation.redis.start()
    await stage.announce()
    await stage.sometime(0.6, 0.8)
    await stage.installation.redis.kill()
    shutil.rmtree(data)
    shutil.copytree(kept, data)
    await stage.installation.redis.start()
    await stage.announce()


async def redis_flushed(stage: Stage) -> None:
    stage.forgot = True
    await stage.sometime()
    await stage.patiently(lambda: stage.store.redis.call([("FLUSHALL",)]))
    await stage.announce()


async def redis_full(stage: Stage) -> None:
    await stage.sometime(0.2, 0.5)
    await stage.patiently(lambda: stage.store.redis.call([("CONFIG", "SET", "maxmemory", "1")]))
    await asyncio.sleep(4)
    await stage.patiently(lambda: stage.store.redis.call([("CONFIG", "SET", "maxmemory", "0")]))


async def redis_frozen(stage: Stage) -> None:
    await stage.sometime(0.2, 0.5)
    stage.installation.redis.freeze()
    await asyncio.sleep(5)
    stage.installation.redis.thaw()


async def failover(stage: Stage) -> None:
    """The master dies; a replica that has everything takes over."""
    await stage.sometime()
    assert isinstance(stage.topology, Watched)
    await asyncio.to_thread(stage.topology.master.kill)
    await until_settled(stage.topology)


async def failover_that_loses(stage: Stage) -> None:
    """The replicas learn of nothing for a while; then the master dies."""
    stage.forgot = True
    await stage.sometime(0.2, 0.4)
    assert isinstance(stage.topology, Watched)
    with stage.topology.forgetting():
        await stage.at(min(0.9, stage.share + 0.2))
    await until_settled(stage.topology)


async def until_settled(watched: Watched) -> None:
    """Wait until one master has had its replica for a while: a failover may be followed by another one."""
    give_up, since, master = time.monotonic() + 60, time.monotonic(), b""
    while time.monotonic() - since < 3:
        port = await asyncio.to_thread(_master_with_replica, watched)
        if port != master or not port:
            since, master = time.monotonic(), port
        if time.monotonic() > give_up:
            raise TimeoutError("Redis does not settle under its sentinels")
        await asyncio.sleep(0.2)


def _master_with_replica(watched: Watched) -> bytes:
    """Return the port of the master if a replica follows it, nothing otherwise."""
    try:
        _, port = watched.sentinels[0].ask("SENTINEL", "GET-MASTER-ADDR-BY-NAME", SERVICE)
        (node,) = (one for one in watched.replicas if one.port == int(port))
        replication = node.ask("INFO", "replication")
    except (RedisError, ValueError, OSError):
        return b""
    return bytes(port) if b"role:master" in replication and b"state=online" in replication else b""


async def failover_that_loses_nothing_published(stage: Stage) -> None:
    """As before, and published actions are compared with the state of the new master before any worker continues."""
    await stage.sometime(0.3, 0.5)
    assert isinstance(stage.topology, Watched)
    with stage.topology.forgetting():
        since_ms = round(time.time() * 1000)
        await stage.at(min(0.9, stage.share + 0.25))
        for place in range(len(stage.crew.members)):
            stage.crew.freeze(place)
    await until_settled(stage.topology)
    stage.premature = await published_too_early(stage, since_ms)
    for place in range(len(stage.crew.members)):
        stage.crew.thaw(place)


async def slots_move(stage: Stage) -> None:
    """Slots of partitions move between masters, key by key, again and again."""
    assert isinstance(stage.topology, SmallCluster)
    await stage.at(0.1)
    while stage.share < 0.85:
        slot = crc_hqx(hash_tag(stage.chance.randrange(PARTITIONS)).encode(), 0) % SLOTS
        source = stage.topology.owner(slot)
        target = stage.chance.choice([node for node in stage.topology.nodes if node != source])
        await asyncio.to_thread(stage.topology.move, slot, target, 0.002)


# -- Kafka -------------------------------------------------------------------------------------------------------


async def broker_kill(stage: Stage) -> None:
    await stage.sometime(0.2, 0.4)
    broker = stage.chance.choice(stage.installation.brokers)
    await broker.server.kill()
    await asyncio.sleep(4)
    await broker.server.start()


async def brokers_bounced(stage: Stage) -> None:
    await stage.at(0.1)
    for broker in stage.installation.brokers:
        await broker.server.stop()
        await broker.server.start()
        await asyncio.sleep(2)


async def brokers_gone(stage: Stage) -> None:
    await stage.sometime(0.3, 0.5)
    await asyncio.gather(*(broker.server.kill() for broker in stage.installation.brokers))
    await asyncio.sleep(2)
    await asyncio.gather(*(broker.server.start() for broker in stage.installation.brokers))


async def broker_frozen(stage: Stage) -> None:
    await stage.sometime(0.2, 0.4)
    broker = stage.chance.choice(stage.installation.brokers)
    broker.server.freeze()
    await asyncio.sleep(8)
    broker.server.thaw()


async def transactions(stage: Stage) -> None:
    """Records of aborted transactions are in the source's log, and markers that are no records at its end."""
    producer = AIOKafkaProducer(transactional_id=f"{stage.prefix}shop", **stage.settings.kafka_connection())
    await producer.start()
    try:
        for number in range(12):
            await stage.at(0.05 + number * 0.07)
            ghost = order(stage.history.start_ms + DAY_MS, f"ghost-{number}", f"ghost-{number}", "10.00")
            await producer.begin_transaction()
            for topic in (ORDERS, LOGINS):
                await producer.send_and_wait(f"{stage.prefix}{topic}", value=ghost.value, key=ghost.key)
            await producer.abort_transaction()
    finally:
        await producer.stop()


async def action_topic_frozen(stage: Stage) -> None:
    """Kafka accepts no actions for a while: decisions wait, and in the end reading waits, too."""
    await stage.at(0.2)
    topics = [stage.settings.topic(name) for name in ("at-risk", "win-back", "decisions")]
    await _set_min_isr(stage, topics, "2")
    await stage.at(0.8)
    await _set_min_isr(stage, topics, "1")


async def actions_gone(stage: Stage) -> None:
    """The topics of actions are deleted before anything was in them."""
    topics = [stage.settings.topic(name) for name in ("at-risk", "win-back", "decisions")]
    await stage.delete(*topics)
    await stage.at(0.6)
    await stage.create(PARTITIONS, *topics)


async def dead_letters_gone(stage: Stage) -> None:
    """The dead-letter topic is deleted while there is something to write to it; what was in it is gone."""
    topic = stage.settings.topic("dead-letter")
    await _send_poison(stage, 20)

    async def are_written() -> bool:
        stage.dead_letters = await read_dead_letters(stage)
        return len(stage.dead_letters) == 20

    await stage.until(are_written, "20 dead letters are written")
    await stage.delete(topic)
    await _send_poison(stage, 20)
    await stage.at(0.7)
    await stage.create(PARTITIONS, topic)


async def source_recreated(stage: Stage) -> None:
    """A source is deleted and recreated: workers refuse it until an operator confirms that this was meant."""
    topic = stage.prefix + LOGINS
    await stage.at(0.4)
    async with stage.paused():
        await stage.delete(topic)
        await stage.create(SOURCE_PARTITIONS, topic, configs={"retention.ms": "-1"})

        async def have_ended() -> bool:
            return all(any(code > 0 for code in member.exits) for member in stage.crew.members)

        await stage.until(have_ended, "the workers end")
        for place in range(len(stage.crew.members)):
            await stage.crew.stop(place)
        await asyncio.to_thread(linger, stage, "sources", "forget", topic)
    for place in range(len(stage.crew.members)):
        stage.crew.begin_again(place)


async def source_grows(stage: Stage) -> None:
    """A source gets more partitions: customers move to other ones."""
    await stage.sometime(0.3, 0.5)
    async with connected_admin(stage.settings.kafka_connection()) as admin:
        await admin.create_partitions({stage.prefix + ORDERS: NewPartitions(2 * SOURCE_PARTITIONS)})


async def _set_min_isr(stage: Stage, topics: list[str], number: str) -> None:
    """Ask for more copies than there are, so that nothing can be written."""
    async with connected_admin(stage.settings.kafka_connection()) as admin:
        await admin.alter_configs(
            [ConfigResource(ConfigResourceType.TOPIC, topic, {"min.insync.replicas": number}) for topic in topics]
        )


# -- what is sent --------------------------------------------------------------------------------------------------


async def poisoned(stage: Stage) -> None:
    """Some unreadable records, among the others."""
    await stage.at(0.1)
    await _send_poison(stage, 60)


async def _send_poison(stage: Stage, number: int) -> None:
    begin = stage.share
    for serial in range(number):
        topic, value = stage.chance.choice(_POISON)
        await stage.producer.send_and_wait(f"{stage.prefix}{topic}", value=value, key=b"x", timestamp_ms=stage.now_ms)
        await stage.at(min(0.9, begin + serial * 0.01))


BAD_DEPLOY: Final = 400
"""How many records no one can read a bad deployment sends."""


async def bad_deploy(stage: Stage) -> None:
    """A producer sends nothing but rubbish: its source stops alone, until an operator lets it through."""
    await stage.at(0.3)
    for number in range(BAD_DEPLOY):
        await stage.producer.send(
            f"{stage.prefix}{ORDERS}", value=b'{"v2": true}', key=b"%d" % number, timestamp_ms=stage.now_ms
        )
    await stage.producer.flush()

    async def has_stopped() -> bool:
        return bool((await read_stops(stage.store)).stops)

    async def goes_on() -> bool:
        # Another worker may find only later that it, too, reads nothing but rubbish.
        if await has_stopped():
            await asyncio.to_thread(linger, stage, "sources", "resume", f"{stage.prefix}{ORDERS}")
            return False
        return len(await read_dead_letters(stage)) == BAD_DEPLOY

    await stage.until(has_stopped, "the source stops itself")
    await stage.until(goes_on, "all of it is let through")


async def registry_dies(stage: Stage) -> None:
    """It is dead when schemas are needed that were not asked for yet."""
    assert stage.registered is not None
    for begin in (0.1, 0.4, 0.7):
        await stage.sometime(begin, begin + 0.1)
        await stage.registered.server.kill()
        await stage.at(begin + 0.2)
        stage.crew.kill(stage.chance.randrange(len(stage.crew.members)))
        await stage.registered.server.start()


_POISON: Final = (
    (ORDERS, b"{"),
    (ORDERS, b"\xff\xfe"),
    (ORDERS, b'{"order_id": "1", "customer": "x", "total": "NaN", "currency": "USD", "placed_at": "2024-01-02"}'),
    (LOGINS, b'{"session": "1", "user": "x", "time": 99999999999999, "result": "ok"}'),
    (LOGINS, b'{"a":' * 90 + b"1" + b"}" * 90),
    (LOGINS, b"[" * 100_000),
)


def quiet_end(seed: int) -> History:
    """Nothing happens in the second half; time goes on."""
    half = simulate(seed, _CUSTOMERS, _DAYS // 2)
    return replace(half, end_ms=half.end_ms + _DAYS // 2 * DAY_MS)


def hot(seed: int) -> History:
    """One customer does a third of everything."""
    plain = simulate(seed, _CUSTOMERS, _DAYS)
    number = len(plain.records) // 2
    step_ms = (plain.end_ms - plain.start_ms - DAY_MS) // number // 1000 * 1000
    hot_ones = [
        login(plain.start_ms + step_ms * serial, f"hot-{serial}", "hot", True)
        if serial % 3
        else order(plain.start_ms + step_ms * serial, f"hot-{serial}", "hot", "3.00")
        for serial in range(number)
    ]
    return history_of("hot", plain.start_ms, plain.end_ms, [*plain.records, *hot_ones])


def web_shop(seed: int) -> History:
    """Some customers buy in a shop of their own, whose topic no worker reads at first."""
    plain = simulate(seed, _CUSTOMERS, _DAYS)
    begin_ms, step_ms = plain.start_ms + (plain.end_ms - plain.start_ms) // 5, 6 * 3_600_000
    bought = [
        order(begin_ms + serial * step_ms, f"web-{serial}", f"web-{serial * 7 % 30}", "12.00")._replace(
            topic=WEB_ORDERS
        )
        for serial in range((plain.end_ms - DAY_MS - begin_ms) // step_ms)
    ]
    return history_of("web shop", plain.start_ms, plain.end_ms, [*plain.records, *bought])


def ancient(seed: int) -> History:
    """Some customers' events arrive five years after they happened."""
    plain = simulate(seed, _CUSTOMERS, _DAYS)
    old = []
    for serial in range(200):
        at_ms = plain.start_ms + (serial + 1) * 3_600_000
        record = order(at_ms - 5 * 365 * DAY_MS, f"old-{serial}", f"old-{serial % 40}", "9.00")
        old.append(record._replace(at_ms=at_ms))
    return history_of("ancient", plain.start_ms, plain.end_ms, [*plain.records, *old])


def until_lately(seed: int) -> History:
    """A longer history that ended three hours ago."""
    end = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=3)
    return simulate(seed, 10 * _CUSTOMERS, _DAYS, end - timedelta(days=_DAYS))


async def kill_at_once(stage: Stage) -> None:
    for _ in range(3):
        await asyncio.sleep(stage.chance.uniform(0.3, 2))
        stage.crew.kill(stage.chance.randrange(len(stage.crew.members)))


async def kill_while_loading(stage: Stage) -> None:
    """The history is there from the beginning: workers die while they read it, and later."""
    await kill_at_once(stage)
    await kill(stage)


async def orders_flushed(stage: Stage) -> None:
    """Redis loses everything beside living workers, one dies, and later one more: only the topic knows the marks."""
    stage.forgot = True
    await stage.sometime(0.3, 0.6)
    await stage.patiently(lambda: stage.store.redis.call([("FLUSHALL",)]))
    stage.crew.kill(stage.chance.randrange(len(stage.crew.members)))
    await stage.announce()
    await stage.sometime(stage.share, 0.9)
    stage.crew.kill(stage.chance.randrange(len(stage.crew.members)))


async def orders_fail_over(stage: Stage) -> None:
    """Workers are killed before and after a master dies whose replica lacks seconds."""
    stage.crew.kill(stage.chance.randrange(len(stage.crew.members)))
    await failover_that_loses(stage)
    await stage.sometime(stage.share, 0.9)
    stage.crew.kill(stage.chance.randrange(len(stage.crew.members)))


def _dies(point: str, first: int, second: int) -> Mapping[int, tuple[str, ...]]:
    return {0: ("--die", f"{point}:{first}"), 1: ("--die", f"{point}:{second}")}


FAULTS: Final = (
    Fault("none", "nothing goes wrong", nothing),
    Fault("kill", "SIGKILL of workers at moments of the seed", kill),
    Fault("kill-all", "SIGKILL of all workers at once", kill_all),
    Fault("freeze", "SIGSTOP beyond the session timeout, then SIGCONT: a zombie", freeze, short=True),
    Fault("freeze-quiet", "a zombie where only timers commit", freeze_when_quiet, history=quiet_end),
    Fault("terminate", "SIGTERM, and a new worker", terminate),
    Fault("storm", "workers die every second or two", storm, workers=2),
    Fault("die-read", "dies after it has read a step's customers", nothing, sabotage=_dies("read", 20, 45)),
    Fault("die-folded", "dies after folding, before writing", nothing, sabotage=_dies("folded", 25, 50)),
    Fault("die-sent", "dies while a step is under way", nothing, sabotage=_dies("sent", 60, 130)),
    Fault("die-committed", "dies after a step, before publishing", nothing, sabotage=_dies("committed", 30, 60)),
    Fault("die-published", "dies after publishing, before trimming", nothing, sabotage=_dies("published", 6, 15)),
    Fault("die-passed-on", "intake dies after Kafka confirmed, before the source is acknowledged", nothing,
          sabotage=_dies("passed-on", 12, 25), history=hot),
    Fault("die-between-items", "intake dies between two items of a record; then all partitions are rebuilt",
          rebuild_all, sabotage=_dies("between-items", 9, 23), history=hot, is_batched=True, short=True),
    Fault("die-acknowledging", "dies after a batch, before it is acknowledged", nothing,
          sabotage=_dies("acknowledging", 15, 40)),
    Fault("hot", "one customer does a third of everything, and workers are killed", kill, history=hot),
    Fault("lag", "no worker runs for half of the time; all of it is caught up", lag),
    Fault("reload", "rule files change while workers are killed", reload_and_kill),
    Fault("reload-sources", "sources.yaml changes while workers are killed: topics and mappings come and go",
          reload_sources_and_kill, history=web_shop, seconds=16),
    Fault("pause-and-kill", "all rules are paused and resumed while workers are killed", pause_and_kill, seconds=40),
    Fault("kafka-cut", "no worker reaches Kafka for seconds", kafka_cut),
    Fault("kafka-stall", "Kafka's packets are swallowed for 9 s", kafka_stall),
    Fault("redis-cut", "no worker reaches Redis for seconds", redis_cut),
    Fault("redis-stall", "Redis' packets are swallowed for 4 s", redis_stall),
    Fault("redis-drops", "connections to Redis break all the time", redis_drops),
    Fault("redis-kill", "SIGKILL of Redis; it appends to a file", redis_kill),
    Fault("redis-frozen", "SIGSTOP of Redis for 5 s", redis_frozen),
    Fault("redis-old-dump", "Redis goes back to an older state", redis_old_dump, short=True),
    Fault("redis-flushed", "FLUSHALL", redis_flushed),
    Fault("redis-full", "maxmemory is reached", redis_full),
    Fault("failover", "the master of Redis dies, a replica takes over", failover, store="sentinel",
          environment={"LINGER_REDIS_WAIT_REPLICAS": "1"}),
    Fault("failover-loses", "a replica takes over that lacks seconds", failover_that_loses, store="sentinel"),
    Fault("failover-gated", "the same, and nothing was published that the replica does not know",
          failover_that_loses_nothing_published, store="sentinel", environment={"LINGER_REDIS_WAIT_REPLICAS": "1"}),
    Fault("slots-move", "slots of a Redis Cluster move all the time", slots_move, store="cluster"),
    Fault("broker-kill", "SIGKILL of one of three brokers, back after 4 s", broker_kill, brokers=3, seconds=12),
    Fault("broker-frozen", "one of three brokers hangs for 8 s", broker_frozen, brokers=3, seconds=12),
    Fault("brokers-bounced", "three brokers restart one by one", brokers_bounced, brokers=3, seconds=20),
    Fault("brokers-gone", "three brokers are killed at once", brokers_gone, brokers=3, seconds=12),
    Fault("registry-dies", "SIGKILL of the schema registry while schemas change, and of workers", registry_dies,
          registry=True, seconds=30),
    Fault("transactions", "aborted records and markers in the sources", transactions),
    Fault("actions-blocked", "Kafka takes no actions for half of the time", action_topic_frozen,
          environment={"LINGER_OUTBOX_LIMIT": "100"}),
    Fault("actions-gone", "the topics of actions are deleted, and made again later", actions_gone,
          environment={"LINGER_OUTBOX_LIMIT": "100"}),
    Fault("dead-letters-gone", "the dead-letter topic is deleted, and made later", dead_letters_gone, poison=40),
    Fault("source-anew", "a source topic is deleted and made again", source_recreated),
    Fault("source-grows", "a source topic gets more partitions", source_grows),
    Fault("poison", "unreadable records of every kind", poisoned, poison=60),
    Fault("bad-deploy", "400 unreadable records in a row: their source stops until they are let through",
          bad_deploy, poison=BAD_DEPLOY, environment={"LINGER_DEAD_LETTER_MAX_CONSECUTIVE": "100"}),
    Fault("streams-go-wrong", "sources are renamed, garbled, silent, damaged, misplaced, while rules are reloaded",
          streams_go_wrong, history=lambda seed: garbled(seed, PARTITIONS), seconds=14),
    Fault("clocks-apart", "one clock is five minutes ahead of the other, and workers are killed", kill_at_once,
          history=until_lately, lives_now=True, sabotage={0: ("--clock-ms", "300000")}),
    Fault("clock-ahead", "a clock is an hour ahead", nothing,
          history=until_lately, lives_now=True, sabotage={0: ("--clock-ms", "3600000")}),
    Fault("clock-behind", "a clock is an hour behind", nothing,
          history=until_lately, lives_now=True, sabotage={0: ("--clock-ms", "-3600000")}),
    Fault("history", "the first half is loaded as history, then all goes on; workers are killed in both",
          kill_while_loading, history=loaded, short=True),
    Fault("history-flushed", "the same, then FLUSHALL: all is decided again from the log", redis_flushed,
          history=loaded),
    Fault("orders", "customers are erased, suppressed, resumed and opt out while workers are killed", kill,
          history=ordered, seconds=30, short=True),
    Fault("orders-redis-flushed", "the same, and FLUSHALL, and one dies: marks come back from their topic",
          orders_flushed, history=ordered, seconds=12),
    Fault("orders-failover", "the same, and a replica takes over that lacks seconds", orders_fail_over,
          history=ordered, seconds=12, store="sentinel"),
    Fault("ancient", "events five years old", kill, history=ancient, counts_wrong=False),
)  # fmt: skip
"""In the order in which they are run."""
