"""Held actions, for the operators who release or discard them."""

from collections.abc import Sequence, Set
from datetime import UTC, datetime
from itertools import product
from math import inf
from typing import Final, Literal, TypedDict, get_args

import msgspec

from schemas.actions import Action
from workers.kafka.records import decode_record
from workers.state.held_actions import Order
from workers.state.rule_sets.contents import read_contents
from workers.state.step import Because
from workers.state.store import Store

_AT_ONCE: Final = 500
_MOST: Final = 1_000_000
_read: Final = msgspec.json.Decoder(Action).decode


class _OrderOfRule(msgspec.Struct, frozen=True):
    """How a rule orders what is held; the other keys of a rule do not matter here."""

    by_value: bool = msgspec.field(name="(by value)", default=False)


_read_rule: Final = msgspec.json.Decoder(_OrderOfRule).decode


class HeldOfRule(TypedDict):
    """The actions of one rule that are held for one reason, over all partitions; times as ISO 8601 in UTC.

    Attributes:
        rule: its id.
        because: why they are held: `pace`, `pause` or `brake`.
        held: count of held actions.
        expired: how many of them have expired.
        oldest: when the oldest one was decided.
        expires_first: when the first one expires.
    """

    rule: str
    because: Because
    held: int
    expired: int
    oldest: str
    expires_first: str


async def held_by_rule(store: Store, partitions: int, now_ms: int) -> list[HeldOfRule]:
    """Return the held actions by rule and reason, including rules that no longer exist."""
    rows = []
    for rule_id, because in product(sorted(await store.held_actions.rules()), get_args(Because)):
        actions = [action for _, action in await _held_of(store, partitions, rule_id, because)]
        if actions:
            rows.append(
                HeldOfRule(
                    rule=rule_id,
                    because=because,
                    held=len(actions),
                    expired=sum(_ms(action.expires_at) <= now_ms for action in actions),
                    oldest=_text(min(action.decided_at for action in actions)),
                    expires_first=_text(min(action.expires_at for action in actions)),
                )
            )
    return rows


async def order_for_held(
    store: Store, partitions: int, rule_id: str, what: Literal["release", "discard"], at_most: int | None
) -> int:
    """Order the release or discard of a rule's held actions, oldest first.

    Of a rule with `priority: by value`, those for the customers of the greatest value are released first, and
    discarded last.

    Args:
        store: where they are held.
        partitions: partition count of the activity topic.
        rule_id: the rule that decided the actions.
        what: to do with them; the workers carry it out at their next tick.
        at_most: the largest number of actions; None for all.

    Returns:
        The number of actions ordered.
    """
    found = [pair for because in get_args(Because) for pair in await _held_of(store, partitions, rule_id, because)]
    held = sorted(found, key=lambda pair: (pair[1].decided_at, pair[1].action_id))
    if await _goes_by_value(store, {action.rule.version for _, action in held}):
        held.sort(key=lambda pair: _worth(pair[1]), reverse=what == "release")
    selection = held if at_most is None else held[:at_most]
    by_partition: dict[int, list[Order]] = {}
    for partition, action in selection:
        by_partition.setdefault(partition, []).append(Order(what, rule_id, action.action_id))
    for partition, orders in by_partition.items():
        for start in range(0, len(orders), _AT_ONCE):
            await store.held_actions.order(partition, orders[start : start + _AT_ONCE])
    return len(selection)


async def _goes_by_value(store: Store, versions: Set[str]) -> bool:
    """Return whether one of some versions of a rule orders what is held by value."""
    contents = await read_contents(store) if versions else {}
    return any(_read_rule(contents[version]).by_value for version in versions if version in contents)


def _worth(action: Action) -> float:
    return -inf if action.value is None else action.value.amount


async def _held_of(store: Store, partitions: int, rule_id: str, because: Because) -> list[tuple[int, Action]]:
    ids_by_partition = await store.held_actions.oldest(range(partitions), rule_id, _MOST, because)
    held: list[tuple[int, Action]] = []
    for partition, action_ids in ids_by_partition.items():
        for start in range(0, len(action_ids), _AT_ONCE):
            records = await store.held_actions.records(partition, action_ids[start : start + _AT_ONCE])
            held += [(partition, action) for action in _actions(list(records.values()))]
    return held


def _actions(records: Sequence[bytes]) -> list[Action]:
    values = [decode_record(raw).value for raw in records]
    return [_read(value) for value in values if value is not None]


def _ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
