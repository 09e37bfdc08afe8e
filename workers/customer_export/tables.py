"""The tables of `linger customer show`. They show every kind of value; a list of days or hashes is only counted."""

import json
from collections.abc import Iterator
from typing import Any

from rich.table import Table
from rich.text import Text

from workers.customer_export.knowledge import Knowledge, Known, has_activity
from workers.explain.stored_activity import KnownEpisode, KnownSeries
from workers.printing import table_of


def tables(knowledge: Knowledge | Known) -> Iterator[Table]:
    """Yield one table for each kind of stored value; some have no row."""
    yield _mark(knowledge)
    if has_activity(knowledge):
        yield from _tables_of_activity(knowledge)
    yield _actions(knowledge)


def _tables_of_activity(knowledge: Knowledge) -> Iterator[Table]:
    yield _events("event", knowledge["events"])
    yield _events("some events only", knowledge["filtered_events"])
    yield _values(knowledge)
    yield _pairs(knowledge)
    yield _rules(knowledge)
    yield _episodes([episode for episode in knowledge["episodes"] if not episode["exists"]])


def _mark(knowledge: Knowledge | Known) -> Table:
    table = table_of("mark", "since")
    if (mark := knowledge["mark"]) is not None:
        for words, since in (
            ("suppressed: must not be written to", mark["suppressed_since"]),
            ("opted out", mark["opted_out_since"]),
            ("erased: what happened until then is not kept", mark["erased_at"]),
        ):
            if since is not None:
                table.add_row(words, since)
    return table


def _events(head: str, several: list[KnownSeries]) -> Table:
    table = table_of(head, "number", "first", "last", "sum", "days", "distinct values (hashes)", "latest values")
    for series in several:
        total = "" if series["sum"] is None else f"{series['sum']:.2f}"
        days = str(series["active_days"])
        if series["incomplete_until"] is not None:
            days += f", each only after {series['incomplete_until']}"
        name = series["series"] if series["needed"] else f"{series['series']} (no rule needs it)"
        different = str(len(series["distinct_values"]) or "")
        latest = ", ".join(f"{_shown(one['value'])} ({len(one['days'])})" for one in series["latest_values"])
        row = (name, str(series["total"]), series["first"], series["last"], total, days, different, latest)
        table.add_row(*map(Text, row))
    return table


def _values(knowledge: Knowledge) -> Table:
    table = table_of("attribute", "value", "since the event of")
    for name, known in knowledge["attributes"].items():
        table.add_row(Text(name), Text(_shown(known["value"])), known["at"])
    for name, value in knowledge["template_values"].items():
        table.add_row(Text(f"{name} (for templates)"), Text(_shown(value)), "the latest")
    return table


def _pairs(knowledge: Knowledge) -> Table:
    table = table_of("pair of events", "the first", "followed by the second")
    for name, pair in knowledge["pairs"].items():
        table.add_row(Text(name), pair["first"] or "-", pair["then"] or "not yet")
    return table


def _rules(knowledge: Knowledge) -> Table:
    table = table_of("rule", "holds since", "last acted", "waits for a source")
    for rule in knowledge["rules"]:
        waits = "yes" if rule["waiting_for_sources"] else ""
        table.add_row(Text(rule["rule"]), rule["holds_since"] or "-", rule["last_acted"] or "-", waits)
    return table


def _episodes(episodes: list[KnownEpisode]) -> Table:
    table = table_of("rule that no longer exists (its code)", "began", "holds", "last acted")
    for episode in episodes:
        holds = "yes" if episode["holds"] else ""
        table.add_row(Text(episode["rule"]), episode["began"] or "-", holds, episode["last_acted"] or "-")
    return table


def _actions(knowledge: Knowledge | Known) -> Table:
    table = table_of("not published", "action of the rule", "content")
    for candidate in knowledge["waiting_actions"] if has_activity(knowledge) else ():
        content = {"variables": candidate["variables"], **candidate["known"], "why": candidate["why"]}
        table.add_row("waits for a source", Text(candidate["rule"]), Text(_shown(content)))
    for held in knowledge["held_actions"]:
        state = "held" if held["ordered"] is None else f"held; ordered: {held['ordered']}"
        table.add_row(state, Text(held["action"]["rule"]["id"]), Text(_shown(held["action"])))
    for record in knowledge["unpublished"]:
        table.add_row(f"waits for Kafka: {record['topic']}", "", Text(_shown(record["content"])))
    return table


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
