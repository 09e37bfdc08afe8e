"""What a status needs of Redis: a few questions for each partition, sent together; no key is searched for.

Each question is asked apart from the others, so one that this user may not ask leaves the others answered.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final, get_args

from schemas.events import BUILT_IN
from workers.operations.redis_checks import parse_info
from workers.operations.running_worker import differing_workers
from workers.settings import Settings
from workers.state.brake import brake_state
from workers.state.connect import clock_of
from workers.state.connection import text_fields
from workers.state.meta import counters_of, rules_held
from workers.state.rule_sets.experiments import read_entries
from workers.state.source_sets.stored import mapped_in
from workers.state.step import Because
from workers.state.stopped_sources import read_stops
from workers.state.store import Store
from workers.status.facts import NOT_ASKED, AgreedFields, Queues, RedisFacts, Unread, attempted, known
from workers.status.shapes import Held, Server

_HELD_BEFORE: Final = "held:"


async def read_redis(settings: Settings, store: Store, wall_ms: int) -> RedisFacts:
    """Return what Redis holds. At most six questions for each partition and one for each event type in it.

    Args:
        settings: of a worker.
        store: where its state is.
        wall_ms: the time of this machine, by which due times count if Linger's clock cannot be read.
    """
    now_ms = await attempted(_now_ms(settings, store))
    numbers = range(settings.partitions)
    metas, agreed, queues = await asyncio.gather(
        attempted(store.metas(numbers)),
        attempted(_agreed(store)),
        attempted(_queues(store, numbers, known(now_ms) or wall_ms)),
    )
    if isinstance(metas, Unread) and isinstance(agreed, Unread) and isinstance(queues, Unread):
        # It does not answer at all: each further question would only wait for as long.
        unread = metas
        return RedisFacts(
            *(now_ms, metas, queues, unread, unread, unread, unread, agreed),
            *(unread, unread, unread, unread, unread),
        )
    types = sorted({*BUILT_IN, *_types(known(agreed))})
    held, waiting, progress, seen = await asyncio.gather(
        _held_or_unread(store, metas, known(queues)),
        attempted(_waiting(store, numbers, types)),
        attempted(store.progress()),
        attempted(_seen(store)),
    )
    stops, brake, servers, differing, experiments = await asyncio.gather(
        attempted(read_stops(store)),
        attempted(brake_state(store, known(now_ms) or wall_ms)),
        attempted(_servers(store)),
        attempted(differing_workers(store)),
        attempted(read_entries(store)),
    )
    return RedisFacts(
        now_ms=now_ms,
        metas=metas,
        queues=queues,
        held=held,
        waiting=waiting,
        progress=progress,
        seen=seen,
        agreed=agreed,
        stops=stops,
        brake=brake,
        servers=servers,
        differing=differing,
        experiments=experiments,
    )


async def _held_or_unread(
    store: Store, metas: Mapping[int, Mapping[str, str]] | Unread, queues: Mapping[int, Queues] | None
) -> Sequence[Held] | Unread:
    return NOT_ASKED if isinstance(metas, Unread) else await attempted(_held(store, metas, queues))


async def _now_ms(settings: Settings, store: Store) -> int:
    return (await clock_of(settings, store).read()).now_ms


async def _agreed(store: Store) -> AgreedFields:
    keys = store.keys
    answers = await store.redis.call([("HGETALL", key) for key in (keys.rules, keys.source_sets, keys.sources)])
    return AgreedFields(*map(text_fields, answers))


async def _queues(store: Store, numbers: Sequence[int], now_ms: int) -> dict[int, Queues]:
    commands: list[tuple[Any, ...]] = []
    for number in numbers:
        keys = store.keys.partition(number)
        commands += [
            ("ZCARD", keys.due),
            ("ZCOUNT", keys.due, "-inf", now_ms),
            ("ZRANGE", keys.due, 0, 0, "WITHSCORES"),
            ("LLEN", keys.outbox),
            ("HLEN", keys.held),
        ]
    answers = iter(await store.redis.call(commands))
    queues = {}
    for number in numbers:
        due, overdue, oldest, outbox, held = (next(answers) for _ in range(5))
        queues[number] = Queues(due, overdue, _score(oldest), outbox, held)
    return queues


def _score(answer: Sequence[Any]) -> int:
    """Return the score in the answer to ZRANGE for one member, in either version of the protocol; 0 for none."""
    if not answer:
        return 0
    return round(float(answer[0][1] if isinstance(answer[0], list) else answer[1]))


def _types(agreed: AgreedFields | None) -> set[str]:
    """Return the event types that the newest sources give."""
    if agreed is None:
        return set()
    return {event_type for mapped in mapped_in(agreed.source_sets).values() for event_type in mapped.types}


async def _waiting(store: Store, numbers: Sequence[int], types: Sequence[str]) -> dict[str, int]:
    commands = [("ZCARD", store.keys.partition(number).waiting(name)) for name in types for number in numbers]
    answers = await store.redis.call(commands)
    return {name: sum(answers[place * len(numbers) : (place + 1) * len(numbers)]) for place, name in enumerate(types)}


async def _held(
    store: Store, metas: Mapping[int, Mapping[str, str]], queues: Mapping[int, Queues] | None
) -> list[Held]:
    """Count held actions by rule and reason, only where there are any and for the rules that ever held any there."""
    names: list[tuple[int, str, Because]] = []
    for number, fields in metas.items():
        if queues is None or queues[number].held:
            rules = {name.removeprefix(_HELD_BEFORE) for name in counters_of(fields) if name.startswith(_HELD_BEFORE)}
            for because in get_args(Because):
                names += [(number, rule_id, because) for rule_id in sorted(rules | {*rules_held(fields, because)})]
    counts: dict[tuple[str, Because], int] = {}
    for (_, rule_id, because), count in zip(names, await store.held_actions.counts(names), strict=True):
        counts[rule_id, because] = counts.get((rule_id, because), 0) + count
    return [Held(rule_id, because, count) for (rule_id, because), count in sorted(counts.items()) if count]


async def _seen(store: Store) -> dict[int, int]:
    fields = await store.fields(store.keys.seen)
    return {int(number): int(text.split()[0]) for number, text in fields.items()}


async def _servers(store: Store) -> list[Server]:
    servers = []
    for name, raw in sorted((await store.redis.ask_every_server("INFO")).items()):
        info = parse_info(raw)
        used, most = int(info.get("used_memory", 0)), int(info.get("maxmemory", 0))
        servers.append(Server(name, used, most, info.get("maxmemory_policy", "")))
    return servers
