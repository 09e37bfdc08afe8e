"""The oracle of the fault tests: what a run should have led to, and the comparison with what it did lead to.

The oracle runs the core of the workers in one thread over the activity topic as it was written. It yields the actions
that are left at the end, every customer's activity, and when each customer is due next. The history shows whether the
activity topic is right: it must hold every event, and no others. Workers may have lost the order of time, if one was
away for longer than the others wait. Then a second pass over the history, in the order of time, counts the actions
that differ.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.structs import ConsumerRecord

from schemas.actions import EXPIRED_DETAIL, Action, Decision, action_id
from schemas.book import BOOK
from schemas.events import encode_event
from schemas.sources import SourcesFile
from schemas.stages import STAGES
from tests.faults.compared import COMPARED_RULE, Compared, Counts, compare_figures, entered
from tests.faults.compared import counted as counted_arms
from tests.faults.counted import compare_book
from tests.faults.justified import Justice, Published
from tests.faults.loaded import acted_on_history
from tests.faults.registered import as_json
from tests.faults.stage import PARTITIONS, Stage
from tests.faults.standing import Place, Stood, compare_standing, stood, watched_since
from tests.support.decided import Decided, decide, facts_in
from tests.support.oracle import left
from workers.book.live import read_book
from workers.book.topic import BookTopic
from workers.core.coverage import FOREVER_MS, Coverage
from workers.core.decisions.decide import decider_of
from workers.core.events.decoding import DecodedEvent, decode_event
from workers.core.rules.rule_set import RuleSet
from workers.core.source_positions import SOURCE_HEADER
from workers.customer_facts.facts import CustomerFacts
from workers.customer_facts.facts_of import stored_facts
from workers.customer_facts.texts import moment_ms
from workers.dead_letters.record import SOURCE_OFFSET, SOURCE_PARTITION, SOURCE_TOPIC
from workers.demo.mailer import Mailer
from workers.demo.verify import expected_actions, mapped_events
from workers.experiments.reading import read_figures
from workers.kafka.range_reader import stop_consumer
from workers.kafka.records import decode_record
from workers.loading import load_configuration
from workers.state.connect import clock_of
from workers.state.meta import since_by_series
from workers.state.rule_sets.experiments import figures_in

_FINISHED_SECONDS: Final = 30.0
_AGAIN_SECONDS: Final = 0.5
COMPARED = (
    "known_since",
    "latest_event",
    "event_ids",
    "series",
    "episodes",
    "template_values",
    "candidates",
    "counted_actions",
    "attributes",
    "pairs",
)
"""The facts of a customer that do not depend on when it was evaluated."""


@dataclass
class Verdict:
    """What was found.

    Attributes:
        events: different events in the history.
        actions: actions that stand at the end, by the oracle.
        lost: events that are in no activity, actions and due times that are missing.
        doubled: events folded twice, actions that should not stand, ids with different contents.
        wrong: actions published at any time that the history does not justify; None where that is not counted.
        examples: some of what is wrong, in words.
    """

    events: int = 0
    actions: int = 0
    lost: int = 0
    doubled: int = 0
    wrong: int | None = 0
    examples: list[str] = field(default_factory=list)
    missing_events: set[str] = field(default_factory=set)

    def miss(self, what: str, names: "set[Any] | list[Any]") -> None:
        """Note what is missing."""
        self.lost += len(names)
        self.examples += [f"missing {what}: {name}" for name in sorted(map(str, names))[:3]]

    def exceed(self, what: str, names: "set[Any] | list[Any]") -> None:
        """Note what is there and should not be."""
        self.doubled += len(names)
        self.examples += [f"too much, {what}: {name}" for name in sorted(map(str, names))[:3]]

    def accuse(self, actions: "list[Action]") -> None:
        """Note actions that nothing justifies."""
        self.wrong = (self.wrong or 0) + len(actions)
        self.examples += [
            f"wrong: {action.rule.id} for {action.customer_id}, {action.episode_started_at:%Y-%m-%d %H:%M}"
            for action in sorted(actions, key=lambda action: action.episode_started_at)[:5]
        ]


async def judge(stage: Stage, poison: int = 0, *, counts_wrong: bool = True) -> Verdict:
    """Compare everything that can be seen from outside with the oracles.

    Args:
        stage: a run in which everything is decided.
        poison: how many unreadable records were sent.
        counts_wrong: whether an action that the history, in the order of time, does not justify is wrong. It is not
            where events come years late: a worker that knows nothing of them is right.
    """
    configuration = load_configuration(stage.settings)
    sources, rules = as_json(configuration.sources), configuration.rules
    watched = await watched_by_partition(stage, rules, sources)
    log = await read_topic(stage, stage.settings.topic("activity"))
    verdict = Verdict()
    wanted = Counter(event.event_id for event in mapped_events(stage.history, sources, stage.prefix))
    declared = frozenset(sources.event_types)
    _compare_events(verdict, wanted, log, declared)
    if verdict.missing_events:
        await note_places(stage, verdict.missing_events)
    events = _events_of(log, declared)
    replayed = {
        place: decide(place[1], None, some, rules, watched[place[0]], stage.history.end_ms)
        for place, some in events.items()
    }
    expected = left(decision for outcome in replayed.values() for decision in outcome.decisions)
    in_order = expected_actions(stage.history, sources, rules, stage.prefix)
    if expected.keys() != in_order:
        stage.notes.append(f"{len(expected.keys() ^ in_order)} actions depend on events that came late")
    mailer = await read_actions(stage)
    await compare_actions(stage, verdict, mailer, set(expected))
    end_ms = stage.history.end_ms
    standing = {
        place: stood(place[1], some, replayed[place], watched[place[0]], end_ms) for place, some in events.items()
    }
    await compare_stages(stage, verdict, standing)
    counted = [event for some in events.values() for event in some]
    currency = None if rules.value is None else rules.value.currency
    await _compare_book(stage, verdict, counted, currency)
    await _compare_experiment(stage, verdict, counted)
    await compare_dead_letters(stage, verdict, poison)
    in_time = in_order_of_time(stage, sources)
    justice = Justice(in_time, rules, stage.history.start_ms, stage.history.end_ms)
    if counts_wrong:
        published = await ever_active(stage)
        verdict.accuse(justice.wrong(published))
        verdict.accuse(acted_on_history([one.action for one in published], in_time, rules))
    else:
        verdict.wrong = None
    verdict.exceed("action published before it was safe", stage.premature)
    if stage.lives_now:
        return verdict  # what time alone has changed since the end of the history is in the activities, too
    await compare_activities(stage, verdict, replayed, sum(wanted.values()), rules)
    return verdict


async def watched_by_partition(stage: Stage, rules: RuleSet, sources: SourcesFile) -> list[Coverage]:
    """Return what is watched in each partition; see `watched_since`."""
    metas = await stage.store.metas(range(PARTITIONS))
    begun = [since_by_series(metas[number]) for number in range(PARTITIONS)]
    return [watched_since(rules, sources, stage.history.start_ms, since) for since in begun]


def in_order_of_time(stage: Stage, sources: SourcesFile) -> dict[str, list[DecodedEvent]]:
    """Return the events of a history that says what was meant, by customer and in the order of time."""
    events: dict[str, list[DecodedEvent]] = {}
    for event in mapped_events(stage.history, sources, stage.prefix):
        decoded = decode_event(encode_event(event), frozenset(sources.event_types))
        events.setdefault(event.customer_id, []).append(decoded)
    return events


async def published_too_early(stage: Stage, since_ms: int) -> list[str]:
    """Return the ids of actions published since a moment that the store does not know."""
    rules = load_configuration(stage.settings).rules
    store, too_early = stage.store, []
    outboxes = await store.redis.call(
        [("LRANGE", store.keys.partition(number).outbox, 0, -1) for number in range(PARTITIONS)]
    )
    waiting = {decode_record(raw).value for outbox in outboxes for raw in outbox}
    for name in ("at-risk", "win-back"):
        for partition, records in (await read_topic(stage, stage.settings.topic(name))).items():
            for record in records:
                if record.timestamp < since_ms or record.value in waiting:
                    continue
                action = msgspec.json.decode(record.value, type=Action)
                raw = await store.activity(partition, action.customer_id)
                episode = None if raw is None else facts_in(raw, rules).episodes.get(action.rule.id)
                acted = [] if episode is None else [episode.acted, episode.acted_before, episode.began]
                rule = rules.by_id[action.rule.id]
                known = {
                    moment_ms(one, rule.id) - earlier * rule.again_every_ms
                    for one in acted
                    if one is not None
                    for earlier in range(max(1, rule.most_times))
                }
                if action.action_id not in {action_id(action.rule.id, action.customer_id, at_ms) for at_ms in known}:
                    too_early.append(action.action_id)
    return too_early


async def read_topic(stage: Stage, topic: str, partitions: int = PARTITIONS) -> dict[int, list[ConsumerRecord]]:
    """Return everything that a topic holds, in order."""
    consumer = AIOKafkaConsumer(
        enable_auto_commit=False, auto_offset_reset="earliest", **stage.settings.kafka_connection()
    )
    await consumer.start()
    try:
        places = [TopicPartition(topic, number) for number in range(partitions)]
        consumer.assign(places)
        ends = await consumer.end_offsets(places)
        log: dict[int, list[ConsumerRecord]] = {number: [] for number in range(partitions)}
        while any([await consumer.position(place) < ends[place] for place in places]):
            for place, records in (await consumer.getmany(timeout_ms=500)).items():
                log[place.partition] += records
        return log
    finally:
        await stop_consumer(consumer)


def _compare_events(
    verdict: Verdict, wanted: "Counter[str]", log: dict[int, list[ConsumerRecord]], declared: frozenset[str]
) -> None:
    """Every event of the history is in the activity topic."""
    events = (decode_event(record.value, declared) for records in log.values() for record in records)
    compare_events(verdict, wanted, {event.event_id for event in events})


def compare_events(verdict: Verdict, wanted: "Counter[str]", passed_on: set[str]) -> None:
    """Compare the ids of a history's events with those in the activity topic."""
    verdict.events = len(wanted)
    verdict.miss("event in the activity topic", set(wanted) - passed_on)
    verdict.missing_events = set(wanted) - passed_on
    verdict.exceed("event in the activity topic", passed_on - set(wanted))


async def note_places(stage: Stage, missing: set[str]) -> None:
    """Say which records of the sources were never passed on."""
    activity = stage.settings.topic("activity").removeprefix(stage.prefix)
    for topic in sorted({record.topic for record in stage.history.records} - {activity}):
        for partition, records in (await read_topic(stage, stage.prefix + topic, 2)).items():
            lost = [record.offset for record in records if any(name.encode() in record.value for name in missing)]
            if lost:
                stage.notes.append(f"{topic}:{partition} offsets {lost[0]} to {lost[-1]}, {len(lost)} of them")


async def read_actions(stage: Stage) -> Mailer:
    """Return a mailer that has read everything that was published."""
    settings = stage.settings
    mailer = Mailer(
        settings.kafka_connection(),
        [settings.topic("at-risk"), settings.topic("win-back")],
        settings.topic("dead-letter"),
    )
    await mailer.start(PARTITIONS)
    try:
        await mailer.read_to_the_end()
    finally:
        await mailer.stop()
    return mailer


async def ever_active(stage: Stage) -> list[Published]:
    """Return every action that was published until the end of the history, also if it was taken back."""
    first: dict[str, Published] = {}
    for name in ("at-risk", "win-back"):
        for records in (await read_topic(stage, stage.settings.topic(name))).values():
            for record in records:
                action = msgspec.json.decode(record.value, type=Action)
                if action.status == "active" and action.decided_at.timestamp() * 1000 <= stage.history.end_ms:
                    at_ms = record.timestamp if stage.lives_now else stage.clock_at(record.timestamp)
                    first.setdefault(action.action_id, Published(action, at_ms, record.timestamp))
    return list(first.values())


async def compare_actions(
    stage: Stage, verdict: Verdict, mailer: Mailer, expected: set[str], possible: Set[str] = frozenset()
) -> None:
    """Compare the actions that stand at the end with those that should.

    Args:
        expected: ids of actions that must stand.
        possible: ids of actions that may.
    """
    published = {
        name
        for name in mailer.active_ids()
        if mailer.newest[name].decided_at.timestamp() * 1000 <= stage.history.end_ms
    }
    verdict.actions = len(expected)
    withheld: set[str] = set()
    if stage.pauses is not None:
        withheld = await _expired_while_held(stage)
        stage.notes.append(f"{len(withheld & expected)} actions expired while they were held")
        verdict.exceed("action sent during a pause", await _sent_during_pauses(stage, stage.pauses))
    verdict.miss("action", expected - published - withheld)
    verdict.exceed("action", published - expected - possible)
    verdict.exceed(
        "contents of one action id",
        {name for name, pair in mailer.differing.items() if not (stage.forgot and _are_of_two_rule_sets(*pair))},
    )


async def compare_dead_letters(stage: Stage, verdict: Verdict, poison: int) -> None:
    """Compare the number of dead letters with that of unreadable records."""
    unread = len(stage.dead_letters | await read_dead_letters(stage))
    if unread != poison:
        (verdict.miss if unread < poison else verdict.exceed)("dead letter", list(range(abs(unread - poison))))


async def _expired_while_held(stage: Stage) -> set[str]:
    """Return the ids of actions that were held until they had expired, as the decisions say: they are not lost."""
    log = await read_topic(stage, stage.settings.topic("decisions"))
    decisions = [msgspec.json.decode(record.value, type=Decision) for records in log.values() for record in records]
    return {decision.action_id for decision in decisions if decision.detail == EXPIRED_DETAIL}


async def _sent_during_pauses(stage: Stage, pauses: list[tuple[int, int]]) -> set[str]:
    """Return the ids of actions that Kafka has from a pause, later than two seconds after its command returned."""
    sent = set()
    for name in ("at-risk", "win-back"):
        for records in (await read_topic(stage, stage.settings.topic(name))).values():
            for record in records:
                action = msgspec.json.decode(record.value, type=Action)
                is_in = any(since_ms + 2_000 < record.timestamp < until_ms for since_ms, until_ms in pauses)
                if action.status == "active" and is_in:
                    sent.add(action.action_id)
    return sent


def _are_of_two_rule_sets(first: Action, second: Action) -> bool:
    """Return whether two actions are the same except for the version of their rule."""
    return msgspec.structs.replace(first, rule=second.rule) == second and first.rule.id == second.rule.id


async def read_dead_letters(stage: Stage) -> set[tuple[bytes, ...]]:
    """Return the source positions of all dead letters, each once."""
    names = (SOURCE_TOPIC, SOURCE_PARTITION, SOURCE_OFFSET)
    log = await read_topic(stage, stage.settings.topic("dead-letter"))
    return {tuple(dict(record.headers)[name] for name in names) for records in log.values() for record in records}


def _events_of(log: dict[int, list[ConsumerRecord]], declared: frozenset[str]) -> dict[Place, list[DecodedEvent]]:
    """Return the events of the activity topic, by partition and customer."""
    events: dict[Place, list[DecodedEvent]] = {}
    for partition, records in log.items():
        passed_on: set[tuple[bytes, bytes]] = set()
        for record in records:
            # Intake may pass a record on twice; a recreated source has other records at the same positions.
            record_key = (dict(record.headers).get(SOURCE_HEADER, b""), record.value)
            if record_key not in passed_on:
                passed_on.add(record_key)
                event = decode_event(record.value, declared)
                events.setdefault((partition, event.customer_id), []).append(event)
    return events


async def _compare_book(stage: Stage, verdict: Verdict, events: list[DecodedEvent], currency: str | None) -> None:
    """Compare the figures of the book with a count over the log."""
    topic = BookTopic(stage.settings.kafka_connection(), stage.settings.topic(BOOK))
    found = compare_book(events, await read_book(stage.store, topic, PARTITIONS), currency)
    verdict.miss("figure of the book", found.missing)
    verdict.exceed("figure of the book", found.too_much)
    stage.notes.append(f"{found.fields} figures of the book, {found.after_closing} events after closing")


async def _compare_experiment(stage: Stage, verdict: Verdict, events: list[DecodedEvent]) -> None:
    """Compare the figures of the experiment with a count over the log and what was published."""
    records: list[Action | Decision] = []
    for some in (await read_topic(stage, stage.settings.topic("at-risk"))).values():
        records += [msgspec.json.decode(record.value, type=Action) for record in some]
    for some in (await read_topic(stage, stage.settings.topic("decisions"))).values():
        records += [msgspec.json.decode(record.value, type=Decision) for record in some]
    now_ms = (await clock_of(stage.settings, stage.store).read()).now_ms
    expected = counted_arms(entered(records), events, now_ms)
    found = await _figures_compared(stage, expected, now_ms)
    give_up_at = time.monotonic() + _FINISHED_SECONDS
    while (found.missing or found.too_much) and time.monotonic() < give_up_at:
        # A partition that has just changed hands is not seen up to now: its customers are running.
        await asyncio.sleep(_AGAIN_SECONDS)
        found = await _figures_compared(stage, expected, now_ms)
    verdict.miss("figure of the experiment", found.missing)
    verdict.exceed("figure of the experiment", found.too_much)
    stage.notes.append(f"{found.customers} customers in the experiment")


async def _figures_compared(stage: Stage, expected: Mapping[str, Counts], now_ms: int) -> Compared:
    store = stage.store
    every = await read_figures(store, load_configuration(stage.settings).sources, PARTITIONS, now_ms)
    ours = [one for one in every.values() if COMPARED_RULE in one.entry.rules]
    if len(ours) != 1 or ours[0].entry.closed_at is not None:
        return Compared(missing=[f"one experiment that goes on, there are {[one.entry for one in ours]}"])
    counted = [await figures_in(store, partition) for partition in range(PARTITIONS)]
    fields = [
        {name: number for name, number in some.items() if name.startswith(f"{ours[0].key}|")} for some in counted
    ]
    return compare_figures(expected, fields, {name: arm.finished for name, arm in ours[0].arms.items()})


async def compare_stages(stage: Stage, verdict: Verdict, expected: Mapping[Place, Stood]) -> None:
    """Compare what is published of the stages of customers with how they have stood."""
    topic = await read_topic(stage, stage.settings.topic(STAGES))
    found = compare_standing(topic, expected, stage.history.end_ms)
    verdict.miss("stage", found.missing)
    verdict.exceed("stage", found.too_much)
    stage.notes.append(f"{found.records} stages, {sum(len(one.moves) for one in expected.values())} of them moves")


async def compare_activities(
    stage: Stage,
    verdict: Verdict,
    replayed: dict[tuple[int, str], Decided],
    events: int,
    rules: RuleSet,
    fields: Callable[[tuple[int, str]], Sequence[str]] = lambda _: COMPARED,
    waiting_for: Sequence[str] = (),
    erased: Set[tuple[int, str]] = frozenset(),
) -> None:
    """Compare what is stored of every customer, and when each is due, with what it should be.

    Args:
        replayed: what it should be, by partition and customer.
        events: how many different ones were folded.
        fields: the facts that are compared, by partition and customer.
        waiting_for: event types that a due customer may wait for instead.
        erased: partition and id of erased customers: nothing of them is stored.
    """
    store = stage.store
    stored = dict(
        zip(
            replayed,
            await store.redis.call(
                [("GET", store.keys.partition(number).customer(name)) for number, name in replayed]
            ),
            strict=True,
        )
    )
    lost, differing, folded = [], [], 0
    for place, outcome in replayed.items():
        raw = stored[place]
        if place in erased:
            if raw is not None:
                verdict.exceed("state of an erased customer", [place])
            continue
        if raw is None or outcome.stored is None:
            lost.append(place)
            continue
        known, expected = _in_words(raw, rules), _in_words(outcome.stored, outcome.rules)
        folded += sum(series.total for key, series in known.series.items() if "?" not in key)
        if (difference := _difference(known, expected, fields(place))) is not None:
            differing.append(f"{place}: {difference}")
    verdict.miss("customer", lost)
    if folded < events:
        verdict.miss("folded events", list(range(events - folded)))
    elif folded > events:
        verdict.exceed("folded events", list(range(folded - events)))
    elif differing:
        verdict.miss("activity as it should be", differing)
    stored_due: dict[tuple[int, str], int] = {}
    for number in range(PARTITIONS):
        keys = store.keys.partition(number)
        names = [keys.due, *map(keys.waiting, waiting_for)]
        for raw in await store.redis.call([("ZRANGE", name, 0, -1, "WITHSCORES") for name in names]):
            for customer, score in raw:
                place = number, customer.decode()
                stored_due[place] = min(int(float(score)), stored_due.get(place, FOREVER_MS))
    verdict.exceed("due time of an erased customer", list(erased & stored_due.keys()))
    wanted = {place: outcome.due_ms for place, outcome in replayed.items() if outcome.due_ms}
    late = {place: at_ms for place, at_ms in wanted.items() if stored_due.get(place, at_ms + 1) > at_ms}
    verdict.miss(
        "due time", [f"{place} at {at_ms}, stored is {stored_due.get(place)}" for place, at_ms in late.items()]
    )


def _in_words(stored: bytes, rules: RuleSet) -> CustomerFacts:
    """Return what is stored of a customer, with the reasons of what waits in words: alike in every layout."""
    return stored_facts(decider_of(rules), stored)


def _difference(actual: CustomerFacts, expected: CustomerFacts, fields: Sequence[str]) -> str | None:
    for name in fields:
        if getattr(actual, name) != getattr(expected, name):
            return f"{name} is {getattr(actual, name)}, should be {getattr(expected, name)}"
    return None
