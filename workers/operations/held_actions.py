"""Held actions, for the people who decide what becomes of them."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final, Literal, TypedDict

import msgspec

from schemas.actions import Action
from workers.kafka.records import decode_record
from workers.state.held_actions import Order
from workers.state.store import Store

_AT_ONCE: Final = 500
_MOST: Final = 1_000_000
_read: Final = msgspec.json.Decoder(Action).decode


class HeldOfRule(TypedDict):
    """What is held of one rule, over all partitions; times as ISO 8601 in UTC."""

    rule: str
    held: int
    expired: int
    oldest: str
    expires_first: str


async def held_by_rule(store: Store, partitions: int, now_ms: int) -> list[HeldOfRule]:
    """Return what is held, by rule, also of rules that are gone."""
    found = []
    for rule_id in sorted(await store.held_actions.rules()):
        actions = [action for _, action in await _held_of(store, partitions, rule_id)]
        if actions:
            found.append(
                HeldOfRule(
                    rule=rule_id,
                    held=len(actions),
                    expired=sum(_ms(action.expires_at) <= now_ms for action in actions),
                    oldest=_text(min(action.decided_at for action in actions)),
                    expires_first=_text(min(action.expires_at for action in actions)),
                )
            )
    return found


async def order_for_held(
    store: Store, partitions: int, rule_id: str, what: Literal["release", "discard"], at_most: int | None
) -> int:
    """Order that held actions of a rule are released or discarded, the oldest first.

    Args:
        store: where they are held.
        partitions: of the activity topic.
        rule_id: whose.
        what: is to become of them; the workers carry it out at their next look.
        at_most: so many; None for all.

    Returns:
        How many actions the order is for.
    """
    held = sorted(await _held_of(store, partitions, rule_id), key=lambda one: (one[1].decided_at, one[1].action_id))
    wanted = held if at_most is None else held[:at_most]
    by_partition: dict[int, list[Order]] = {}
    for number, action in wanted:
        by_partition.setdefault(number, []).append(Order(what, rule_id, action.action_id))
    for number, orders in by_partition.items():
        for start in range(0, len(orders), _AT_ONCE):
            await store.held_actions.order(number, orders[start : start + _AT_ONCE])
    return len(wanted)


async def _held_of(store: Store, partitions: int, rule_id: str) -> list[tuple[int, Action]]:
    names = await store.held_actions.oldest(range(partitions), rule_id, _MOST)
    found: list[tuple[int, Action]] = []
    for number, action_ids in names.items():
        for start in range(0, len(action_ids), _AT_ONCE):
            records = await store.held_actions.records(number, action_ids[start : start + _AT_ONCE])
            found += [(number, action) for action in _actions(list(records.values()))]
    return found


def _actions(records: Sequence[bytes]) -> list[Action]:
    values = [decode_record(raw).value for raw in records]
    return [_read(value) for value in values if value is not None]


def _ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
