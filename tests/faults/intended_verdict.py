"""The oracle of the fault `streams-go-wrong`: it decides over what was meant, and reads no garbled record.

Of the topics it takes only which events arrived, in which order; what they say, it takes from the intended history.

- Every record sent is in exactly one place: an event of the activity topic, a dead letter with the expected reason,
  or (left out, as expected) in neither.
- Every event that was meant is folded exactly once, and no other.
- The actions that stand, the stored customers and due times are those of one thread over the events as they were
  meant, in the order in which they arrived. Where sources lag, admission waits for them, and a consent that changes
  meanwhile counts. So one thread decides twice: at once, and as late as possible. What both say must be.
- No action was ever published that the intended history does not justify (`justified`).
"""

import json
from collections import Counter
from itertools import pairwise
from typing import Final

from aiokafka.structs import ConsumerRecord

from schemas.actions import Action
from tests.faults.garbling import ACTIVITY, TOPICS, Garbled
from tests.faults.intended import Meant
from tests.faults.justified import Justice, Published
from tests.faults.stage import Stage
from tests.faults.standing import Stood, stood
from tests.faults.verdict import (
    Verdict,
    compare_actions,
    compare_activities,
    compare_stages,
    ever_active,
    read_actions,
    read_topic,
)
from tests.support.decided import Decided, decide
from tests.support.oracle import left
from workers.core.coverage import Coverage, type_of
from workers.core.events.decoding import DecodedEvent
from workers.core.rules.rule_set import RuleSet
from workers.core.source_positions import SOURCE_HEADER
from workers.dead_letters.record import read_dead_letter
from workers.kafka.partitioner import partition_of
from workers.loading import load_configuration

_FACTS: Final = ("known_since", "latest_event", "series", "pairs")
"""What is compared of every customer: not the values as they were given, nor the hashes of ids."""
_EPISODES: Final = ("episodes", "candidates", "counted_actions")

Log = dict[int, list[ConsumerRecord]]
Position = tuple[str, int, int]


async def judge_intended(stage: Stage) -> Verdict:
    """Compare a run in which everything is healed and decided with what was meant."""
    history, rules = stage.history, load_configuration(stage.settings).rules
    assert isinstance(history, Garbled)
    meant = {(event.type, event.event_id): event for event in history.intended}
    log = await read_topic(stage, stage.settings.topic("activity"))
    verdict = Verdict(events=len(meant))
    await _account_for_records(stage, verdict, log)
    arrived, written_ms = _arrived(verdict, meant, log, len(log))
    eager, lazy = _replayed(arrived, rules, history, eager=True), _replayed(arrived, rules, history, eager=False)
    at_once, at_last = _left(eager), _left(lazy)
    await compare_stages(stage, verdict, _stood(arrived, eager, rules, history))
    mailer = await read_actions(stage)
    for place, events in arrived.items():
        # Dead letters that were replayed are stamped by the machine's clock, so what only direct producers bring is
        # decided up to years after the end of the history.
        if any(TOPICS[event.type] == ACTIVITY for event in events):
            eager[place].due_ms = 0
    await compare_activities(
        stage,
        verdict,
        eager,
        len(meant),
        rules,
        fields=lambda place: _compared(arrived[place], eager[place], lazy[place]),
        waiting_for=sorted(TOPICS),
    )
    justice = Justice(_in_order(history), rules, history.start_ms, history.end_ms, written_ms)
    published = await ever_active(stage)
    in_order, wrong = justice.ever_active().keys(), justice.wrong(published)
    accused = {action.action_id for action in wrong}
    # Who is not wrong to get it gets it sooner or later than in both passes.
    possible = {one.action.action_id for one in published} - accused
    late = _decided_otherwise(at_once & at_last, eager, published, rules, history)
    await compare_actions(stage, verdict, mailer, (at_once & at_last) - late, at_once | at_last | possible)
    verdict.accuse(wrong)
    stage.notes += [
        f"{len(published)} actions, by rule {dict(Counter(one.action.rule.id for one in published))}",
        f"{sum(one.has_expired for one in published)} had expired when they were published: no mailer sends them",
        f"{len(in_order ^ {one.action.action_id for one in published})} depend on events that came late",
        f"{len((at_once ^ at_last) | late)} depend on how soon the others were read",
    ]
    return verdict


def _in_order(history: Garbled) -> dict[str, list[DecodedEvent]]:
    events: dict[str, list[DecodedEvent]] = {}
    for event in sorted(history.intended):
        events.setdefault(event.customer, []).append(event.decoded())
    return events


def _left(outcomes: dict[tuple[int, str], Decided]) -> set[str]:
    return set(left(decision for outcome in outcomes.values() for decision in outcome.decisions))


def _stood(
    arrived: dict[tuple[int, str], list[Meant]],
    outcomes: dict[tuple[int, str], Decided],
    rules: RuleSet,
    history: Garbled,
) -> dict[tuple[int, str], Stood]:
    keys = [spec.key for spec in rules.specs()]
    seen = Coverage(dict.fromkeys(keys, history.start_ms), complete=frozenset(keys))
    return {
        place: stood(place[1], [event.decoded() for event in arrived[place]], outcome, seen, history.end_ms)
        for place, outcome in outcomes.items()
    }


def _decided_otherwise(
    expected: set[str],
    outcomes: dict[tuple[int, str], Decided],
    published: list[Published],
    rules: RuleSet,
    history: Garbled,
) -> set[str]:
    """Return actions that both passes make, and that workers in between may leave out.

    The customer says no between the beginning of the episode and the moment when all has been read; or another action
    of the same rule went out, so that the rule cools down.
    """
    refusals: dict[str, int] = {}
    for event in history.intended:
        if event.type == "profile" and not dict(event.values)["marketing_consent"]:
            refusals[event.customer] = max(event.at_ms, refusals.get(event.customer, 0))
    acted: dict[tuple[str, str], list[int]] = {}
    for one in published:
        if one.action.action_id not in expected:
            began_ms = round(one.action.episode_started_at.timestamp() * 1000)
            acted.setdefault((one.action.rule.id, one.action.customer_id), []).append(began_ms)
    otherwise = set()
    for outcome in outcomes.values():
        for decision in outcome.decisions:
            if isinstance(decision, Action) and decision.action_id in expected:
                began_ms = round(decision.episode_started_at.timestamp() * 1000)
                pause_ms = rules.by_id[decision.rule.id].again_after_ms or 0
                others = acted.get((decision.rule.id, decision.customer_id), [])
                if refusals.get(decision.customer_id, 0) >= began_ms or any(
                    abs(other_ms - began_ms) < pause_ms for other_ms in others
                ):
                    otherwise.add(decision.action_id)
    return otherwise


def _compared(events: list[Meant], eager: Decided, lazy: Decided) -> tuple[str, ...]:
    """Return what is compared of a customer: without the episodes if they depend on how soon things were read.

    They do if events came late, or if the customer's consent changed.
    """
    came_in_order = all(one.at_ms <= other.at_ms for one, other in pairwise(events))
    answers = {event.values for event in events if event.type == "profile"}
    is_certain = came_in_order and len(answers) <= 1 and eager.facts.episodes == lazy.facts.episodes
    return (*_FACTS, *_EPISODES) if is_certain else _FACTS


async def _account_for_records(stage: Stage, verdict: Verdict, log: Log) -> None:
    """Every record that was sent is where it belongs, and nowhere else."""
    passed_on: set[Position] = set()
    for records in log.values():
        for record in records:
            if (source := dict(record.headers).get(SOURCE_HEADER)) is not None:
                topic, partition, offset = source.decode().rsplit(":", 2)
                passed_on.add((topic, int(partition), int(offset)))
    letters = await read_topic(stage, stage.settings.topic("dead-letter"))
    reasons: dict[Position, str] = {}
    for records in letters.values():
        for record in records:
            letter = read_dead_letter(record)
            assert letter.source is not None
            reasons[letter.source] = letter.reason
    wrong_place = []
    for position, record in stage.placed.items():
        found = reasons.pop(position, None)
        is_event = position in passed_on or (record.topic == ACTIVITY and found is None)
        if record.fate in ("event", "again"):
            is_right = is_event and found is None
        elif record.fate in ("skipped", "tombstone"):
            is_right = position not in passed_on and found is None
        else:
            is_right = position not in passed_on and found == record.fate
        if not is_right:
            wrong_place.append(f"{position}: {record.fate}, found {found or ('an event' if is_event else 'nothing')}")
    verdict.miss("record where it belongs", wrong_place)
    verdict.exceed("dead letter", [f"{position}: {reason}" for position, reason in reasons.items()])
    stage.notes.append(f"records sent: {dict(Counter(record.fate for record in stage.placed.values()))}")


def _arrived(
    verdict: Verdict, meant: dict[tuple[str, str], Meant], log: Log, partitions: int
) -> tuple[dict[tuple[int, str], list[Meant]], dict[tuple[str, str], int]]:
    """Return the events that arrived, as they were meant, by partition and customer and in the order of the log.

    Beside them, by type and id, when intake wrote each, by the machine's clock.
    """
    written_ms: dict[tuple[str, str], int] = {}
    arrived: dict[tuple[int, str], list[Meant]] = {}
    unknown = set()
    for partition, records in log.items():
        for record in records:
            if record.value is None:
                continue
            document = json.loads(record.value)
            name = document["type"], document["event_id"]
            event = meant.get(name)
            if event is None:
                unknown.add(name)
            elif name not in written_ms and partition == partition_of(event.customer, partitions):
                written_ms[name] = record.timestamp
                arrived.setdefault((partition, event.customer), []).append(event)
    verdict.miss("event in the activity topic", meant.keys() - written_ms.keys())
    verdict.exceed("event in the activity topic", unknown)
    return arrived, written_ms


def _replayed(
    arrived: dict[tuple[int, str], list[Meant]], rules: RuleSet, history: Garbled, *, eager: bool
) -> dict[tuple[int, str], Decided]:
    """Decide what arrived, as it was meant, in one thread.

    Args:
        arrived: by partition and customer, in the order of the log.
        rules: of the run.
        history: of the run.
        eager: whether everything counts as seen from the beginning, so that each action is admitted at once;
            otherwise, all wait until everything has been folded. Workers are in between.
    """
    keys = [spec.key for spec in rules.specs()]
    seen = Coverage(dict.fromkeys(keys, history.start_ms), complete=frozenset(keys))
    unseen = Coverage(seen.since, dict.fromkeys(map(type_of, keys), history.start_ms), seen.complete)
    outcomes = {}
    for (partition, name), events in arrived.items():
        decoded = [event.decoded() for event in events]
        if eager:
            outcome = decide(name, None, decoded, rules, seen, history.end_ms)
        else:
            folded = decide(name, None, decoded, rules, unseen)
            outcome = decide(name, folded.stored, [], rules, seen, history.end_ms)
            outcome.decisions[:0] = folded.decisions
            outcome.stages[:0] = folded.stages
        outcomes[partition, name] = outcome
    return outcomes
