"""What was published after the upgrade, compared with what the release before published without one.

Everything is the same, byte for byte, but for rules with a pace: which of their actions it lets through depends on
the speed of the workers. A worker whose Redis answers late publishes the same once more, with the same id. An action
that is taken back before it was sent may be left out; that it was taken back is published in any case. The release
before the core of numbers did not look at every moment at which a rule becomes unknown by time alone
(docs/decisions.md): of the rules named here, more such moments may be published, and none fewer. What records say
more than they did (`ADDED`) is not compared, nor are customers who were held out of a rule: what they were spared
counts for limits and ranks as if it had been sent, which it did not for the release before.
"""

import json
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from math import floor
from typing import Any, Final

from tests.upgrade.answers import HELD, Published, published_line, read_published, read_records
from tests.upgrade.releases import StoredRelease
from tests.upgrade.shop import Event

PACED: Final = frozenset({"held-back", "off-their-rhythm"})
"""Rules with a pace."""
UNKNOWN_BY_TIME: Final = frozenset({"either-silence", "losing-benefits"})
"""Rules that become unknown by time alone where the release before did not look."""
ADDED: Final = frozenset({"consent_as_of", "priority", "experiment", "arm"})
"""What records say since the release before; it was in none of them."""
_SHOWN: Final = 20

Record = Mapping[str, Any]
Key = tuple[str, str, int]
"""Rule, customer and begin of the episode: one action."""


def differences(
    stored: StoredRelease,
    records: Collection[Record],
    holding: Collection[Published],
    customers: Collection[str] | None = None,
) -> list[str]:
    """Return in words what differs from what a stored release published; nothing if nothing does.

    Args:
        stored: the release.
        records: contents that were published after the upgrade.
        holding: what was held in the end.
        customers: compare only these; None for all.
    """
    records = [{name: part for name, part in one.items() if name not in ADDED} for one in records]
    before = read_records(stored.folder)
    if customers is not None:
        records = [one for one in records if one["customer_id"] in customers]
        before = [one for one in before if one["customer_id"] in customers]
        holding = [one for one in holding if one.customer in customers]
    held_out = {one["customer_id"] for one in (*records, *before) if one.get("decision") == "held_out"}
    records = [one for one in records if one["customer_id"] not in held_out]
    before = [one for one in before if one["customer_id"] not in held_out]
    holding = [one for one in holding if one.customer not in held_out]
    # A decision that an action is held has a detail.
    held_before = [
        one
        for one in read_published(stored.folder)
        if one.what == HELD and not one.detail and one.customer not in held_out
        if customers is None or one.customer in customers
    ]
    now, then = (set(map(_written, _comparable(one))) for one in (records, before))
    kept_now, kept_then = _kept(records, holding), _kept(before, held_before)
    waiting_now, waiting_then = ({one for one in held if one.rule not in PACED} for held in (holding, held_before))
    looked_at = {one for one in now - then if _is_unknown_by_time(json.loads(one))}
    looked_at |= set(map(_written, _taken_back_unsent(records)))
    return [
        *_said("published that were not", now - then - looked_at),
        *_said("not published that were", then - now),
        *(f"asked for, and was not: {one}" for one in sorted(kept_now - kept_then)[:_SHOWN]),
        *(f"not asked for, and was: {one}" for one in sorted(kept_then - kept_now)[:_SHOWN]),
        *(f"held in one of two: {one}" for one in sorted(waiting_now ^ waiting_then)[:_SHOWN]),
    ]


def ordered_customers(events: Iterable[Event]) -> set[str]:
    """Return the customers whose events come in one order, however many workers read the sources.

    Two workers read different partitions of the sources, so two events of one day may come in either order, and an
    event that is late comes before or after what time has brought by then. Decisions depend on that order.
    """
    days: dict[str, list[int]] = {}
    late = set()
    for event in events:
        days.setdefault(event.customer, []).append(floor(event.sent_day))
        if event.sent_day != event.at_day:
            late.add(event.customer)
    return {customer for customer, sent in days.items() if len(sent) == len(set(sent))} - late


def _comparable(records: Collection[Record]) -> Iterator[Record]:
    """Yield the records that do not depend on the speed of the workers."""
    taken_back = {one["action_id"] for one in records if one.get("status") == "retracted"}
    for one in records:
        if one["rule"]["id"] not in PACED and not (one.get("status") == "active" and one["action_id"] in taken_back):
            yield one


def _is_unknown_by_time(record: Record) -> bool:
    return record.get("decision") == "not_observable" and record["rule"]["id"] in UNKNOWN_BY_TIME


def _taken_back_unsent(records: Collection[Record]) -> Iterator[Record]:
    """Yield the retractions of actions that were never sent, for customers who opted out.

    The release before said nothing of what waited when a customer said no.
    """
    sent = {one["action_id"] for one in records if one.get("status") == "active"}
    opted_out = {
        one["customer_id"] for one in records if "opted_out" in (one.get("decision"), one.get("retracted_because"))
    }
    for one in records:
        is_retraction = one.get("status") == "retracted"
        if is_retraction and one["action_id"] not in sent and one["customer_id"] in opted_out:
            yield one


def _written(record: Record) -> str:
    return json.dumps(record, ensure_ascii=False)


def _said(what: str, records: Collection[str]) -> list[str]:
    """Count them by rule and kind, and show the first ones."""
    if not records:
        return []
    by_rule = Counter((one["rule"]["id"], published_line(one).what) for one in map(json.loads, records))
    counts = [f"{count:6}  {rule}, {kind}" for (rule, kind), count in by_rule.most_common()]
    return [f"{len(records)} records are {what}", *counts, *sorted(records)[:_SHOWN]]


def _kept(records: Iterable[Record], holding: Iterable[Published]) -> set[Key]:
    """Return the actions of paced rules that were sent or are still held, and not taken back."""
    lines = [published_line(one) for one in records if one["rule"]["id"] in PACED]
    kept = {one[:3] for one in [*lines, *holding] if one.rule in PACED and one.what in ("active", HELD)}
    return kept - {one[:3] for one in lines if one.what == "retracted"}
