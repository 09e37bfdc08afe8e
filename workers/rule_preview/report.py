"""The report of a preview: its document, drawn for people.

This module must never know how a figure is counted.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from workers.printing import one_line, print_table, table_of
from workers.rule_preview.measuring import said
from workers.rule_preview.outcomes_report import draw_outcomes
from workers.rule_preview.stages_report import draw_stages
from workers.rule_preview.why import customers_words, why_not_sent, why_so_few, with_numbers

_BLOCKS: Final = " ▁▂▃▄▅▆▇█"
_WIDEST: Final = 72
_TALL_UP_TO: Final = 6
"""With more rules than this, each chart is a single line."""
_TALL: Final = 3
_MATRIX_UP_TO: Final = 12
_PAIRS: Final = 15


def render(document: Mapping[str, Any], console: Console, *, list_customers: bool = False) -> None:
    """Draw the document of a preview.

    Args:
        document: the result of `document_of`.
        console: where to draw.
        list_customers: draw the id of every customer.
    """
    history, period, rules = document["history"], document["period"], document["rules"]
    console.print(
        Text.assemble(
            (f"{history['name']}", "bold"),
            f": {history['events']:,} events of {customers_words(history['customers'])}, counted from "
            f"{period['since'][:10]} to {period['until'][:10]}",
        )
    )
    if rules:
        console.print()
        print_table(console, _rule_table(rules, document["any_rule"], document.get("value")))
    draw_outcomes(rules, console)
    _draw_weeks(rules, console)
    _draw_not_paid_back(rules, document.get("value"), console)
    _draw_why_not(rules, console)
    _draw_why_so_few(rules, history["customers"], console)
    _draw_first_events(rules, history, console)
    _draw_paces(rules, console)
    _draw_lines(
        "Does it help?", [(rule["id"], said(rule["hold_out"])) for rule in rules if rule["hold_out"]], console
    )
    _draw_overlap(rules, document["overlap"], console)
    _draw_gaps(document["usual_gap"], console)
    if "stages" in document:
        draw_stages(document["stages"], console)
    if "against" in document:
        _draw_against(document["against"], console, list_customers=list_customers)
    if list_customers:
        for rule in rules:
            _draw_ids(f"reached by {rule['id']}", rule["customer_ids"], console)
    console.print()
    notes = table_of("", "", box=None, show_header=False, padding=(0, 1))
    for note in (*document["notes"], *_speed(document)):
        notes.add_row(Text("·", style="dim"), Text(one_line(note), style="dim"))
    print_table(console, notes)


def _speed(document: Mapping[str, Any]) -> list[str]:
    if document["events_per_second"] is None:
        return []
    seconds = sum(document["seconds"].values())
    events, customers = document["events_per_second"], document["customers_per_second"]
    return [f"It took {seconds:.1f} s: {events:,} events and {customers:,} customers per second."]


def _rule_table(
    rules: Sequence[Mapping[str, Any]], total: Mapping[str, Any], value: Mapping[str, Any] | None
) -> Table:
    columns = ["rule", "actions", "customers", "of all", "taken back", "not sent"]
    if value is not None:
        columns.append("at stake" if value["currency"] is None else f"{value['currency']} at stake")
    table = _table(*columns)
    for rule in rules:
        status = "" if rule["status"] == "live" else f" ({rule['status']})"
        table.add_row(
            f"{rule['id']}{status}",
            f"{rule['actions']:,}",
            f"{rule['customers']:,}",
            _percent(rule["share"]),
            f"{rule['retracted']:,}",
            f"{sum(rule['suppressed'].values()):,}",
            *([] if value is None else [_money(rule["at_stake"])]),
        )
    if len(rules) > 1:
        table.add_section()
        cells = ["any rule", f"{total['actions']:,}", f"{total['customers']:,}", _percent(total["share"])]
        table.add_row(*cells, *([] if value is None else ["", "", _money(total["at_stake"])]))
    return table


def _money(amount: float) -> str:
    return f"{amount:,.0f}"


def _draw_not_paid_back(
    rules: Sequence[Mapping[str, Any]], value: Mapping[str, Any] | None, console: Console
) -> None:
    """Draw how many customers left before what winning them cost came back."""
    if value is None or value["cost_of_winning"] is None:
        return
    found = [("cancelled", value["cancelled"]["customers"], value["cancelled"]["not_paid_back"])]
    found += [(f"reached by {rule['id']}", rule["customers"], rule["not_paid_back"]) for rule in rules]
    lines = [
        (label, f"{left['customers']:,} of {customers_words(customers)}, {_percent(left['share'])}")
        for label, customers, left in found
        if customers
    ]
    cost = f"{value['cost_of_winning']:,} {value['currency'] or ''}".strip()
    _draw_lines(f"Left before what winning them cost ({cost}) came back", lines, console)


def _draw_weeks(rules: Sequence[Mapping[str, Any]], console: Console) -> None:
    acting = [rule for rule in rules if rule["actions"]]
    if not acting:
        return
    width = min(_WIDEST, console.width - 2)
    weeks = acting[0]["weeks"]
    merge = -(-len(weeks) // width)
    console.print()
    console.print(
        Text(f"Actions per week, from Monday{f' (each column is {merge} weeks)' if merge > 1 else ''}", style="bold")
    )
    for rule in acting:
        numbers = [week["actions"] for week in rule["weeks"]]
        columns = [sum(numbers[at : at + merge]) for at in range(0, len(numbers), merge)]
        largest = rule["largest_day"]
        most = f"most {max(numbers):,} in a week, {largest['actions']:,} in a day ({largest['day']})"
        console.print(Text.assemble((f"  {rule['id']}", "cyan"), (f"  {most}", "dim")))
        for line in bars(columns, _TALL if len(acting) <= _TALL_UP_TO else 1):
            console.print(Text(f"  {line}"), no_wrap=True)
    axis = weeks[0]["week"] + weeks[-1]["week"].rjust(max(0, -(-len(weeks) // merge) - len(weeks[0]["week"])))
    console.print(Text(f"  {axis if len(weeks) > 21 * merge else weeks[0]['week']}", style="dim"), no_wrap=True)


def bars(numbers: Sequence[int], height: int) -> list[str]:
    """Return numbers as columns, drawn as `height` lines of text; every number above zero is visible."""
    most = max(numbers, default=0)
    steps = len(_BLOCKS) - 1
    if not most:
        return [" " * len(numbers)] * height
    levels = [max(1, round(number * steps * height / most)) if number else 0 for number in numbers]
    return [
        "".join(_BLOCKS[max(0, min(steps, level - steps * floor))] for level in levels)
        for floor in reversed(range(height))
    ]


def _draw_why_not(rules: Sequence[Mapping[str, Any]], console: Console) -> None:
    lines = []
    for rule in rules:
        parts = [f"not sent: {why_not_sent(rule)}"] if rule["suppressed"] else []
        if rule["retracted_because"]:
            parts.append(f"taken back: {with_numbers(rule['retracted_because'])}")
        if rule["delayed_by_quiet_hours"]:
            parts.append(f"after quiet hours: {rule['delayed_by_quiet_hours']:,}")
        if parts:
            lines.append((rule["id"], "; ".join(parts)))
    _draw_lines("Why not", lines, console)


def _draw_why_so_few(rules: Sequence[Mapping[str, Any]], customers: int, console: Console) -> None:
    lines = [
        (rule["id"] if not number else "", text)
        for rule in rules
        for number, text in enumerate(why_so_few(rule, customers))
    ]
    _draw_lines("Why so few", lines, console)


def _draw_first_events(rules: Sequence[Mapping[str, Any]], history: Mapping[str, Any], console: Console) -> None:
    if not history["complete"]:
        return
    lines = [
        (rule["id"], f"{customers_words(rule['at_first_event'])}, {_percent(rule['at_first_event'] / customers)}")
        for rule in rules
        if rule["at_first_event"] and (customers := history["customers"])
    ]
    _draw_lines("True at a customer's very first event", lines, console)


def _draw_paces(rules: Sequence[Mapping[str, Any]], console: Console) -> None:
    lines = []
    for rule in rules:
        if (pace := rule["pace"]) is None:
            continue
        over = "spread over later periods" if pace["over_pace"] == "spread" else "held for release or discard"
        effect = f"{pace['above']:,} would be {over}" if pace["above"] else "nothing would be held"
        limit = f"at most {pace['at_most']:,} per {pace['per']}"
        lines.append((rule["id"], f"{limit}, the most was {pace['largest']:,}: {effect}"))
    _draw_lines("Pace", lines, console)


def _draw_lines(title: str, lines: Iterable[tuple[str, str]], console: Console) -> None:
    lines = list(lines)
    if not lines:
        return
    console.print()
    console.print(Text(title, style="bold"))
    grid = table_of("", "", box=None, show_header=False, padding=(0, 2))
    for label, text in lines:
        grid.add_row(Text(f"  {label}", style="cyan"), Text(text))
    print_table(console, grid)


def _draw_overlap(rules: Sequence[Mapping[str, Any]], overlap: Sequence[Mapping[str, Any]], console: Console) -> None:
    if not overlap:
        return
    console.print()
    reached = {rule["id"]: rule["customers"] for rule in rules if rule["customers"]}
    if len(reached) > _MATRIX_UP_TO:
        pairs = sorted(overlap, key=lambda pair: (-pair["customers"], pair["rules"]))[:_PAIRS]
        title = f"Customers reached by two rules, the {len(pairs)} largest of {len(overlap)}"
        console.print(Text(title, style="bold"))
        table = _table("rule", "customers", "and also")
        for pair in pairs:
            table.add_row(pair["rules"][0], f"{pair['customers']:,}", pair["rules"][1])
        print_table(console, table)
        return
    console.print(Text("Customers reached by both", style="bold"))
    both = {tuple(pair["rules"]): pair["customers"] for pair in overlap}
    table = _table("rule", *(str(number) for number in range(1, len(reached) + 1)))
    for number, (rule_id, customers) in enumerate(reached.items(), start=1):
        cells = [
            f"{customers if other == rule_id else both.get(tuple(sorted((rule_id, other))), 0):,}"
            for other in reached
        ]
        table.add_row(f"{number} {rule_id}", *cells)
    print_table(console, table)


def _draw_gaps(gaps: Mapping[str, Mapping[str, Any]], console: Console) -> None:
    lines = [
        (
            event_type,
            f"{gap['days']:g} days, the mean of {gap['gaps']:,} gaps of {customers_words(gap['customers'])} "
            f"(the mean of a single customer is {gap['mean_of_customers_days']:g} days on average)",
        )
        for event_type, gap in gaps.items()
    ]
    _draw_lines("From one day with the event to the next, for `usual gap` in overdue conditions", lines, console)


def _draw_against(against: Mapping[str, Any], console: Console, *, list_customers: bool) -> None:
    console.print()
    console.print(Text(f"Against {one_line(against['name'])}", style="bold"))
    is_valued = "gained_value" in against["any_rule"]
    table = _table("rule", "customers before", "now", *_change_columns(is_valued))
    for rule in against["rules"]:
        label = rule["id"] if rule["is"] == "in both" else f"{rule['id']} ({rule['is']})"
        table.add_row(label, *_change_cells(rule))
    if len(against["rules"]) > 1:
        table.add_section()
        table.add_row("any rule", *_change_cells(against["any_rule"]))
    print_table(console, table)
    for rule in against["rules"]:
        for change in ("gained", "lost"):
            names = _valued(rule[f"{change}_ids"], rule.get(f"{change}_values"))
            if rule[change] and list_customers:
                _draw_ids(f"{change} by {rule['id']}", names, console)
            elif rule[change]:
                more = rule[change] - len(names)
                rest = f" and {more:,} more" if more else ""
                console.print(Text(f"  {change} by {rule['id']}: {', '.join(map(one_line, names))}{rest}"))


def _change_columns(is_valued: bool) -> Sequence[str]:
    return ("gained", "worth", "lost", "worth") if is_valued else ("gained", "lost")


def _change_cells(change: Mapping[str, Any]) -> list[str]:
    cells = [f"{change['customers_before']:,}", f"{change['customers']:,}"]
    for name, sign in (("gained", "+"), ("lost", "-")):
        cells.append(f"{sign}{change[name]:,}" if change[name] else "0")
        if f"{name}_value" in change:
            cells.append(_money(change[f"{name}_value"]))
    return cells


def _valued(ids: Sequence[str], values: Sequence[float] | None) -> list[str]:
    """Return customer ids, each with what the customer is worth, if that is said."""
    if values is None:
        return list(ids)
    return [f"{customer_id} ({_money(value)})" for customer_id, value in zip(ids, values, strict=True)]


def _draw_ids(title: str, ids: Sequence[str], console: Console) -> None:
    console.print()
    console.print(Text(f"{title} ({len(ids):,})", style="bold"))
    for customer_id in ids:
        console.print(Text(one_line(customer_id)), soft_wrap=True)


def _table(*columns: str) -> Table:
    table = table_of(*columns, box=None, padding=(0, 2, 0, 0), header_style="dim")
    for column in table.columns:
        column.justify = "left" if column.header in ("rule", "and also") else "right"
    return table


def _percent(share: float) -> str:
    return f"{100 * share:.1f}%"
