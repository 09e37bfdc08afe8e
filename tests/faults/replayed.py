"""What a customer's events and orders lead to, by a simple reading of what orders mean.

It shares nothing with the workers but the core, which decides and takes back. Marks, steps and offsets do not exist
here: events and orders come one after the other.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from aiokafka.structs import ConsumerRecord

from schemas.actions import Action, Decision
from schemas.orders import ERASE, RESUME, Order, parse_order
from schemas.stages import StageRecord
from tests.faults.standing import publish_in_time
from tests.support.decided import LATEST_LAYOUT, Decided, decide, facts_in, publish_stage
from workers.core.coverage import FOREVER_MS, Coverage
from workers.core.customer.standing import Standing
from workers.core.decisions.decide import decider_of
from workers.core.events.decoding import DecodedEvent, decode_event
from workers.core.rules.rule_set import RuleSet
from workers.core.source_positions import SOURCE_HEADER
from workers.customer_facts.texts import moment_ms

Item = DecodedEvent | Order


@dataclass
class Rights:
    """What must never be forgotten of a customer.

    Attributes:
        suppressed: the customer must not be written to.
        no_ms: when the customer said no, if no yes has come since; otherwise 0.
        erased_ms: up to when everything was erased; 0 if nothing was.
    """

    suppressed: bool = False
    no_ms: int = 0
    erased_ms: int = 0

    def after(self, order: Order) -> None:
        """Take over what an order says."""
        if order.type == ERASE:
            self.erased_ms = max(self.erased_ms, order.at_ms())
            self.suppressed |= not order.may_return
        else:
            self.suppressed = order.type != RESUME

    def answered(self, says_yes: bool, at_ms: int) -> None:
        """Take over an answer to the question of consent."""
        if at_ms > self.no_ms:
            self.no_ms = 0 if says_yes else at_ms

    def standing(self) -> Standing:
        """Return what the core needs of this."""
        return Standing(self.suppressed, self.no_ms)


@dataclass
class Replayed:
    """What a customer's events and orders lead to.

    Attributes:
        decided: the end of it; its decisions are those since the latest order.
        decisions: all of them.
        stages: all that is published of the customer's stage, in order; None where the customer is forgotten.
        rights: at the end.
        forgotten: how many different events were erased, or dropped because they were.
        remembered: types and ids of the events that count at the end.
    """

    decided: Decided
    decisions: list[Action | Decision] = field(default_factory=list)
    stages: list[StageRecord | None] = field(default_factory=list)
    rights: Rights = field(default_factory=Rights)
    forgotten: int = 0
    remembered: set[tuple[str, str]] = field(default_factory=set)


def replay(
    customer_id: str,
    items: Iterable[Item],
    rules: RuleSet,
    observed: Coverage,
    end_ms: int,
    seen_at_last: Coverage | None = None,
    *,
    tells_at_once: bool = False,
) -> Replayed:
    """Return what comes of a customer's events and orders, in this order, at a moment.

    Args:
        customer_id: the customer.
        items: events and orders.
        rules: of the run.
        observed: what has been seen while they are folded. What is not seen yet lets actions wait.
        end_ms: the moment.
        seen_at_last: what has been seen at the end; the same if left out.
        tells_at_once: where the customer stands is published whenever it is known, and not only at the end.
    """
    result = Replayed(Decided(None, [], 0, {}, 0, 0, [], [], [], rules))
    seen: set[tuple[str, str]] = set()
    waiting: list[DecodedEvent] = []

    def go_on(upto_ms: int, seen: Coverage) -> None:
        stored = result.decided.stored
        if not waiting and stored is None:
            return
        result.decided = decide(customer_id, stored, waiting, rules, seen, upto_ms, standing=result.rights.standing())
        result.decisions += result.decided.decisions
        result.stages += result.decided.stages
        waiting.clear()
        if (answer := _answer(result.decided.stored, rules)) is not None:
            result.rights.answered(*answer)

    def stand(upto_ms: int, seen: Coverage) -> None:
        if result.decided.stored is not None:
            publish = publish_in_time if tells_at_once else publish_stage
            standing = publish(customer_id, result.decided.stored, rules, seen, upto_ms, result.rights.standing())
            result.decided.stored = standing.stored
            result.stages += standing.stages

    for item in items:
        if tells_at_once:
            go_on(0, observed)
            stand((item.at_ms() if isinstance(item, Order) else item.at_ms) - 1, observed)
        if isinstance(item, Order):
            go_on(item.at_ms(), observed)
            _carry_out(result, customer_id, item, rules, observed)
        else:
            name = (item.type, item.event_id)
            if result.rights.erased_ms and item.at_ms <= result.rights.erased_ms:
                result.forgotten += name not in seen
            else:
                waiting.append(item)
                result.remembered.add(name)
            seen.add(name)
    if seen_at_last is not None or tells_at_once:
        go_on(0, observed)
    if tells_at_once:
        stand(end_ms, observed)
    go_on(end_ms, seen_at_last or observed)
    stand(end_ms, seen_at_last or observed)
    return result


def _carry_out(result: Replayed, customer_id: str, order: Order, rules: RuleSet, observed: Coverage) -> None:
    stored, erases = result.decided.stored, order.type == ERASE
    if stored is not None and order.type != RESUME:
        standing = result.rights.standing()
        outcome = decider_of(rules).carry_out(
            customer_id, stored, observed, order.at_ms(), LATEST_LAYOUT, standing, erases=erases
        )
        decisions = outcome.decisions()
        result.decided = Decided(outcome.stored, decisions, outcome.due_ms, {}, 0, 0, [], [], [], rules)
        result.decisions += decisions
        result.stages += outcome.stages()
    if erases:
        result.stages.append(None)
        result.forgotten += len(result.remembered)
        result.remembered = set()
    result.rights.after(order)


def _answer(stored: bytes | None, rules: RuleSet) -> tuple[bool, int] | None:
    if stored is None:
        return None
    latest = facts_in(stored, rules).attributes
    return rules.contact_policy.answer({name: (one.value, moment_ms(one.at, name)) for name, one in latest.items()})


def items_of(records: Sequence[ConsumerRecord], declared: frozenset[str]) -> dict[str, list[Item]]:
    """Return events and orders of an activity partition by customer, in order, each record of intake once.

    Intake may pass a record on twice; a recreated source has other records at the same positions.
    """
    passed_on: set[tuple[bytes, bytes]] = set()
    items: dict[str, list[Item]] = {}
    for record in records:
        record_key = (dict(record.headers).get(SOURCE_HEADER, b""), record.value)
        if record_key not in passed_on:
            passed_on.add(record_key)
            item = item_of(record, declared)
            items.setdefault(item.customer_id, []).append(item)
    return items


def item_of(record: ConsumerRecord, declared: frozenset[str]) -> Item:
    """Return the event or the order in a record of the activity topic; these event types are declared."""
    order = parse_order(record.value, FOREVER_MS)
    return decode_event(record.value, declared) if order is None else order
