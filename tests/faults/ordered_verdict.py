"""The oracle of runs with orders: events and orders are replayed as they stand in the log, once eagerly, once lazily.

What waits for its sources when an order comes is not sent any more; what was seen soon enough was sent, and is taken
back. So two passes bound what workers may have decided: one in which everything is seen at once, and one in which
nothing is until the end. What both agree on must be so; and no one is written to whom an order or an answer forbids.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Final

from aiokafka.structs import ConsumerRecord

from schemas.actions import Action
from schemas.orders import RESUME, SUPPRESS, Order
from tests.faults.justified import Published
from tests.faults.justified_orders import Given, JusticeWithOrders
from tests.faults.ordered import LATE
from tests.faults.replayed import Item, Replayed, Rights, item_of, items_of, replay
from tests.faults.rights_kept import lost_rights, written_in_spite
from tests.faults.stage import Stage
from tests.faults.standing import Stood, stood_by
from tests.faults.verdict import (
    COMPARED,
    Verdict,
    compare_actions,
    compare_activities,
    compare_dead_letters,
    compare_events,
    compare_stages,
    ever_active,
    in_order_of_time,
    note_places,
    read_actions,
    read_topic,
    watched_by_partition,
)
from tests.support.oracle import left
from workers.core.coverage import Coverage, type_of
from workers.core.events.decoding import DecodedEvent
from workers.core.rules.rule_set import RuleSet
from workers.demo.verify import mapped_events
from workers.loading import load_configuration
from workers.settings import MARKS

_FACTS: Final = ("known_since", "latest_event", "event_ids", "series", "attributes", "pairs")
"""What is compared of every customer, however soon things were read."""

Log = dict[int, list[ConsumerRecord]]
Place = tuple[int, str]


async def judge_ordered(stage: Stage) -> Verdict:
    """Compare a run in which everything is healed and decided with what was ordered."""
    configuration = load_configuration(stage.settings)
    sources, rules, history = configuration.sources, configuration.rules, stage.history
    declared = frozenset(sources.event_types)
    log = await read_topic(stage, stage.settings.topic("activity"))
    items = {
        (partition, customer_id): found
        for partition, records in log.items()
        for customer_id, found in items_of(records, declared).items()
    }
    verdict = Verdict()
    wanted = Counter(event.event_id for event in mapped_events(history, sources, stage.prefix))
    passed_on = {item.event_id for found in items.values() for item in found if not isinstance(item, Order)}
    compare_events(verdict, wanted, passed_on)
    if verdict.missing_events:
        await note_places(stage, verdict.missing_events)
    watched = await watched_by_partition(stage, rules, sources)
    eager = _replayed(items, rules, stage, watched, eager=True)
    lazy = _replayed(items, rules, stage, watched, eager=False)
    at_once = _replayed(items, rules, stage, watched, eager=True, tells_at_once=True)
    await _compare_activities(stage, verdict, items, eager, lazy, sum(wanted.values()), rules)
    justice = _justice(stage, in_order_of_time(stage, sources), log, rules, declared)
    published = await ever_active(stage)
    wrong = justice.wrong(published)
    accused = {action.action_id for action in wrong}
    certain = {place for place in eager if _is_certain(items[place], eager[place], lazy[place])}
    must = _left((eager[place] for place in certain), _latest_orders(items))
    doubtful = eager.keys() - certain
    # Who is not wrong to get it gets it sooner or later than in both passes.
    names = {customer_id for _, customer_id in doubtful}
    possible = {one.action.action_id for one in published if one.action.customer_id in names} - accused
    possible |= _left(eager.values()) | _left(lazy[place] for place in doubtful)
    mailer = await read_actions(stage)
    await compare_actions(stage, verdict, mailer, must, possible)
    standing = [mailer.newest[name] for name in mailer.active_ids()]
    verdict.exceed("action that an order takes back", _should_be_taken_back(standing, published, items))
    stages = {place: _stood(outcome, lazy[place], at_once[place]) for place, outcome in eager.items()}
    await compare_stages(stage, verdict, stages)
    await compare_dead_letters(stage, verdict, 0)
    verdict.accuse(wrong)
    await _compare_rights(stage, verdict, {place: outcome.rights for place, outcome in eager.items()})
    stage.notes.append(f"{len(certain)} of {len(eager)} customers do not depend on how soon the others were read")
    return verdict


def _replayed(
    items: Mapping[Place, list[Item]],
    rules: RuleSet,
    stage: Stage,
    watched: Sequence[Coverage],
    *,
    eager: bool,
    tells_at_once: bool = False,
) -> dict[Place, Replayed]:
    found: dict[Place, Replayed] = {}
    for place, some in items.items():
        seen = watched[place[0]]
        unseen = Coverage(seen.since, dict.fromkeys(map(type_of, seen.since), stage.history.start_ms), seen.complete)
        first, at_last = (seen, None) if eager else (unseen, seen)
        found[place] = replay(
            place[1], some, rules, first, stage.history.end_ms, at_last, tells_at_once=tells_at_once
        )
    return found


def _stood(eager: Replayed, lazy: Replayed, at_once: Replayed) -> Stood:
    """Return how a customer has stood: an order can come before events of its past, and then time decides less."""
    whole = stood_by(eager.stages, [*at_once.stages, *lazy.stages])
    in_both = {record.stage_id for record in lazy.stages if record is not None}
    moves = tuple(name for name in whole.moves if name in in_both)
    return Stood(moves, whole.others | {*whole.moves} - {*moves}, whole.newest)


def _left(outcomes: Iterable[Replayed], since: Mapping[str, int] = {}) -> set[str]:
    """Return the ids of the actions that are left, of those decided after a moment of their customer."""
    kept = left(
        decision
        for outcome in outcomes
        for decision in outcome.decisions
        if decision.decided_at.timestamp() * 1000 > since.get(decision.customer_id, 0)
    )
    return set(kept)


def _latest_orders(items: Mapping[Place, list[Item]]) -> dict[str, int]:
    """Return by customer the moment of the latest order after which nothing new of before it is sent."""
    return {
        customer_id: max(
            (item.at_ms() for item in found if isinstance(item, Order) and item.type != RESUME), default=0
        )
        for (_, customer_id), found in items.items()
    }


def _is_certain(items: list[Item], eager: Replayed, lazy: Replayed) -> bool:
    """Return whether it does not matter for a customer how soon the others are read.

    It does not without orders and answers; otherwise only if both passes agree, one answer at most was given, nothing
    came late, and the customer was not suppressed.
    """
    events = [item for item in items if not isinstance(item, Order)]
    answers = {str(event.attributes) for event in events if event.type == "profile"}
    if len(events) == len(items) and not answers:
        return True
    if any(event.event_id.startswith(LATE) for event in events):
        return False
    if any(isinstance(item, Order) and item.type == SUPPRESS for item in items):
        return False  # what waited was not sent, so the rule does not pause for it
    if len(answers) > 1 or any(one.at_ms > other.at_ms for one, other in pairwise(events)):
        return False
    if eager.decided.stored is None or lazy.decided.stored is None:
        return eager.decided.stored is lazy.decided.stored
    return _left([eager]) == _left([lazy]) and eager.decided.facts.episodes == lazy.decided.facts.episodes


async def _compare_activities(
    stage: Stage,
    verdict: Verdict,
    items: Mapping[Place, list[Item]],
    eager: Mapping[Place, Replayed],
    lazy: Mapping[Place, Replayed],
    events: int,
    rules: RuleSet,
) -> None:
    await compare_activities(
        stage,
        verdict,
        {place: outcome.decided for place, outcome in eager.items()},
        events - sum(outcome.forgotten for outcome in eager.values()),
        rules,
        fields=lambda place: COMPARED if _is_certain(items[place], eager[place], lazy[place]) else _FACTS,
        erased={place for place, outcome in eager.items() if outcome.decided.stored is None},
    )


def _should_be_taken_back(
    standing: Iterable[Action], published: Iterable[Published], items: Mapping[Place, list[Item]]
) -> set[str]:
    """Return the ids of actions that stand, although an order came after they were published, and not expired."""
    published_ms = {one.action.action_id: one.at_ms for one in published}
    orders: dict[str, list[int]] = {}
    for (_, customer_id), found in items.items():
        given = [item.at_ms() for item in found if isinstance(item, Order) and item.type != RESUME]
        orders.setdefault(customer_id, []).extend(given)
    return {
        action.action_id
        for action in standing
        for at_ms in orders.get(action.customer_id, ())
        if published_ms.get(action.action_id, at_ms + 1) <= at_ms < action.expires_at.timestamp() * 1000
    }


def _justice(
    stage: Stage, in_time: dict[str, list[DecodedEvent]], log: Log, rules: RuleSet, declared: frozenset[str]
) -> JusticeWithOrders:
    arrived, orders = {}, dict[str, list[Given]]()
    for record in (record for records in log.values() for record in records):
        item = item_of(record, declared)
        if isinstance(item, Order):
            there_ms = min((at_ms for at_ms, now_ms in stage.announced if now_ms >= record.timestamp), default=0)
            orders.setdefault(item.customer_id, []).append(Given(item, record.timestamp, there_ms))
        else:
            arrived[item.type, item.event_id] = record.timestamp
    return JusticeWithOrders(in_time, orders, rules, stage.history.start_ms, stage.history.end_ms, arrived)


async def _compare_rights(stage: Stage, verdict: Verdict, rights: Mapping[Place, Rights]) -> None:
    """Compare marks with what was ordered and answered, and what was published with what marks had said by then."""
    verdict.miss("mark", await lost_rights(stage, rights))
    topics = [await read_topic(stage, stage.settings.topic(name)) for name in ("at-risk", "win-back")]
    actions = [record for topic in topics for records in topic.values() for record in records]
    marks = await read_topic(stage, stage.settings.topic(MARKS))
    verdict.accuse(await written_in_spite(stage, actions, [one for records in marks.values() for one in records]))
    erased = sum(1 for one in rights.values() if one.erased_ms)
    suppressed = sum(1 for one in rights.values() if one.suppressed)
    opted_out = sum(1 for one in rights.values() if one.no_ms)
    stage.notes.append(f"{erased} customers were erased, {suppressed} are suppressed, {opted_out} opted out")
