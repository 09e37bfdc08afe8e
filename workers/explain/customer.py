"""What Linger knows of one customer, for people who ask."""

from datetime import UTC, datetime
from typing import Any, TypedDict

from rich.console import Console
from rich.table import Table
from rich.text import Text

from workers.core.coverage import type_of
from workers.core.customer import codec
from workers.core.customer.activity import Activity
from workers.core.customer.series import Series
from workers.core.events.decoding import UNIT
from workers.core.rules.rule_set import Rule, RuleSet
from workers.kafka.partitioner import partition_of
from workers.state.store import Store


class KnownSeries(TypedDict):
    """Facts of one event type."""

    type: str
    first: str
    last: str
    total: int
    sum: float | None
    days_kept: int


class KnownRule(TypedDict):
    """How one rule stands for the customer."""

    rule: str
    holds_since: str | None
    last_acted: str | None
    waiting_for_sources: bool


class Knowledge(TypedDict):
    """All that is known of one customer."""

    customer_id: str
    partition: int
    known_since: str
    latest_event: str
    looked_again_at: str | None
    bytes: int
    events: list[KnownSeries]
    rules: list[KnownRule]


async def look_up(store: Store, partitions: int, customer_id: str, rules: RuleSet) -> Knowledge | None:
    """Return what is stored of a customer, None if nothing is. One round trip."""
    partition = partition_of(customer_id, partitions)
    raw = await store.activity(partition, customer_id)
    if raw is None:
        return None
    known = codec.decode(raw, rules.codes)
    return Knowledge(
        customer_id=customer_id,
        partition=partition,
        known_since=_text(known.first_ms),
        latest_event=_text(known.at_ms),
        looked_again_at=_text(known.due_ms) if known.due_ms else None,
        bytes=len(raw),
        events=[_series(key, series) for key, series in known.series.items() if key == type_of(key)],
        rules=[_rule(rule, known) for rule in rules.rules],
    )


def _series(key: str, series: Series) -> KnownSeries:
    return KnownSeries(
        type=key,
        first=_text(series.first_ms),
        last=_text(series.last_ms),
        total=series.total,
        sum=series.total_sum / UNIT if series.sums() else None,
        days_kept=len(series.days()),
    )


def _rule(rule: Rule, known: Activity) -> KnownRule:
    episode = known.episodes.get(rule.id)
    return KnownRule(
        rule=rule.id,
        holds_since=_text(episode.start_ms) if episode is not None and episode.holding else None,
        last_acted=_text(episode.acted_ms) if episode is not None and episode.acted_ms else None,
        waiting_for_sources=(episode is not None and bool(episode.pending_ms))
        or any(candidate.rule == rule.id for candidate in known.candidates),
    )


def _text(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def render(known: Knowledge, console: Console) -> None:
    """Print tables for people."""
    again = known["looked_again_at"] or "never, unless something happens"
    place = f" (partition {known['partition']}, {known['bytes']} bytes)"
    console.print(Text.assemble("Customer ", (known["customer_id"], "bold"), place))
    console.print(f"known since {known['known_since']}, latest event {known['latest_event']}")
    console.print(f"Linger looks again: [bold]{again}[/]\n")
    events = Table("event", "number", "first", "last", "sum")
    for one in known["events"]:
        total: Any = "" if one["sum"] is None else f"{one['sum']:.2f}"
        events.add_row(one["type"], str(one["total"]), one["first"], one["last"], total)
    console.print(events)
    rules = Table("rule", "holds since", "last acted", "waits for a source")
    for rule in known["rules"]:
        waits = "yes" if rule["waiting_for_sources"] else ""
        rules.add_row(rule["rule"], rule["holds_since"] or "-", rule["last_acted"] or "-", waits)
    console.print(rules)
