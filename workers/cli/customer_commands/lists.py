"""`linger customers --stage STAGE`: who stands on a stage that is listed."""

from enum import StrEnum
from typing import Annotated, Any, Final

import typer

from workers.cli.audit_commands.changing import Because, changing
from workers.cli.output import AsJson, out, print_json
from workers.clock import iso_text
from workers.errors import StartupError
from workers.loading import Configuration, load_configuration
from workers.printing import one_line, print_table, table_of
from workers.scan.customer_lists import Listed, StageList, read_list
from workers.settings import read_settings
from workers.state.connect import with_stored_state
from workers.state.store import Store

_MOST: Final = 1_000


class Order(StrEnum):
    """By what customers are in order."""

    VALUE = "value"


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command("customers")(customers)


def customers(
    context: typer.Context,
    stage: Annotated[str, typer.Option("--stage", help="A stage of the live ladder with list: true.")],
    due: Annotated[bool, typer.Option("--due", help="Who is due next comes first.")] = False,
    by: Annotated[
        Order | None, typer.Option("--by", help="value: who is worth the most comes first; needs a declared value.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=_MOST, help="At most this many.")] = 20,
    because: Because = "",
    as_json: AsJson = False,
) -> None:
    """Show who stands on a stage: who is worth the most, or stands there for the longest, comes first.

    What a customer is worth is as of the last decision about them. Who looked is recorded, as LINGER_ACTOR.
    """
    settings = read_settings(context.obj)
    configuration = load_configuration(settings)
    has_value = configuration.book.value is not None
    _require_list(configuration, stage)
    if by is not None and (due or not has_value):
        problem = "--due and --by say two orders" if due else "--by value: no file says what a customer is worth"
        raise StartupError([problem])

    async def ask(store: Store) -> StageList:
        return await read_list(store, settings.partitions, stage, limit, has_value=has_value, by_due=due)

    with changing(context, settings, None, because) as trail:
        found = with_stored_state(settings, ask)
        trail.counts.update(customers=len(found.customers))
    currency = None if configuration.book.value is None else configuration.book.value.currency
    if as_json:
        print_json(_document(stage, found, currency))
    else:
        _render(stage, found, currency, has_value=has_value)


def _require_list(configuration: Configuration, stage: str) -> None:
    ladder = configuration.book.ladder
    if ladder is None:
        raise StartupError(["no ladder is live"])
    if stage not in ladder.listed():
        listed = ", ".join(name for name in ladder.stages() if name in ladder.listed()) or "none"
        raise StartupError(
            [f"the ladder '{ladder.name}' keeps no list of '{stage}': write 'list: true' there. It lists {listed}"]
        )


def _document(stage: str, found: StageList, currency: str | None) -> dict[str, Any]:
    return {
        "stage": stage,
        "total": found.total,
        "currency": currency,
        "whole": found.is_whole,
        "complete": found.is_kept,
        "customers": [
            {
                "customer_id": one.customer_id,
                "since": None if one.since_ms is None else iso_text(one.since_ms),
                "worth": None if one.worth is None else one.worth / 100,
                "due": None if one.due_ms is None else iso_text(one.due_ms),
            }
            for one in found.customers
        ],
    }


def _render(stage: str, found: StageList, currency: str | None, *, has_value: bool) -> None:
    out.print(f"{found.total:,} customers on '{stage}'; the first {len(found.customers):,}:", soft_wrap=True)
    second = "worth as of the last decision" if has_value else "since"
    table = table_of("customer", second, "due next", box=None, header_style="bold", padding=(0, 2, 0, 0))
    for one in found.customers:
        due = "" if one.due_ms is None else iso_text(one.due_ms)
        table.add_row(one_line(one.customer_id), _second(one, currency), due)
    print_table(out, table)
    if not found.is_whole:
        out.print("Only those who are due soon were looked at.")
    if not found.is_kept:
        out.print("The rules have changed: workers are still looking at every customer, so some are missing.")


def _second(one: Listed, currency: str | None) -> str:
    if one.worth is None:
        return "" if one.since_ms is None else iso_text(one.since_ms)
    return f"{one.worth / 100:,.2f}" + ("" if currency is None else f" {currency}")
