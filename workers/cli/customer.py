"""`linger customer`: what is stored of one customer, the hash of an id in logs; `customer_commands/` has the rest."""

import sys
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from rich.text import Text

from workers.cli.audit_commands.changing import Because, By, changing
from workers.cli.customer_commands import export, marks, orders
from workers.cli.output import EXIT_PROBLEM, AsJson, err, out, print_json
from workers.clock import iso_text
from workers.customer_export.gathering import Asked, read_stored
from workers.customer_export.knowledge import Knowledge, Known, has_activity, knowledge_of
from workers.customer_export.tables import tables
from workers.errors import StartupError
from workers.explain.why_report import FORGOTTEN
from workers.loading import load_configuration
from workers.observability import logs
from workers.printing import given_text, one_line, print_table
from workers.settings import read_settings
from workers.state.connect import clock_of, with_stored_state
from workers.state.rule_sets.activation import as_active
from workers.state.store import Store


def add_to(app: typer.Typer) -> None:
    """Register the group and its commands."""
    group = typer.Typer(no_args_is_help=True, help="Show, export, erase and suppress single customers.")
    group.command("show")(show)
    export.add_to(group)
    group.command("ref")(ref)
    orders.add_to(group)
    marks.add_to(group)
    app.add_typer(group, name="customer")


def show(
    context: typer.Context,
    customer_id: Annotated[str, typer.Argument(parser=given_text, metavar="CUSTOMER_ID", help="The customer's id.")],
    because: Because = "",
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Show what Redis holds of one customer, personal values included, and where more is kept.

    Who looked is recorded. Everything, with every record: linger customer export.
    """
    settings = read_settings(context.obj)
    configuration = load_configuration(settings)
    settings = configuration.settings

    async def ask(store: Store) -> tuple[Knowledge | Known | None, int]:
        stored = await read_stored(Asked(store, settings, configuration, customer_id))
        knowledge = knowledge_of(stored, settings, await as_active(store, configuration.rules))
        return knowledge, (await clock_of(settings, store).read()).now_ms

    with changing(context, settings, by, because):
        knowledge, now_ms = with_stored_state(settings, ask)
        if knowledge is None:
            complain_about_unknown(customer_id, as_json=as_json)
    if as_json:
        print_json(knowledge)
    else:
        render(knowledge, now_ms, out)


def ref(
    context: typer.Context,
    customer_id: Annotated[
        str,
        typer.Argument(
            parser=given_text, metavar="CUSTOMER_ID|-", help="The customer's id; - reads ids from standard input."
        ),
    ],
) -> None:
    """Print the hash that replaces a customer's id in logs and in the audit. It asks no server.

    With `-`, every line of standard input is an id, and gets a line: an id in a command stays in the history of the
    shell. The id is hashed as it is, no space is removed.
    """
    settings = read_settings(context.obj)
    if settings.log_key is None:
        problem = (
            "LINGER_LOG_KEY is not set: each worker hashes ids with a random key of its own, so no hash can be shown"
        )
        raise StartupError([f"{problem}. Set it for all workers, and here"])
    logs.set_log_key(settings.log_key.get_secret_value())
    for one in _ids_of_input() if customer_id == "-" else [customer_id]:
        out.print(logs.customer_ref(one))


def _ids_of_input() -> list[str]:
    """Return the ids in standard input, one a line.

    Raises:
        StartupError: if there is none, or it is not UTF-8.
    """
    try:
        text = sys.stdin.buffer.read().decode()
    except UnicodeDecodeError as error:
        raise StartupError(["standard input is not UTF-8"]) from error
    ids = [line.removesuffix("\r") for line in text.removesuffix("\n").split("\n")]
    if not all(ids):
        raise StartupError(["standard input has an empty line where an id is expected"])
    return ids


def complain_about_unknown(customer_id: str, *, as_json: bool) -> NoReturn:
    """End the program because no event of this customer has arrived; for machines, print `null`."""
    if as_json:
        print_json(None)
    else:
        err.print(Text(f"Linger has seen no event of customer '{one_line(customer_id)}' yet."))
    sys.exit(EXIT_PROBLEM)


def render(knowledge: Knowledge | Known, now_ms: int, console: Console) -> None:
    """Print what Redis holds of a customer at a moment; `--json` has it in full detail."""
    size = "no activity" if knowledge["bytes"] is None else f"{knowledge['bytes']} bytes"
    position = f" (partition {knowledge['partition']}, {size})"
    console.print(Text.assemble("Customer ", (one_line(knowledge["customer_id"]), "bold"), position))
    if has_activity(knowledge):
        again = knowledge["looked_again_at"] or "never, unless an event arrives"
        console.print(f"known since {knowledge['known_since']}, latest event {knowledge['latest_event']}")
        for event_type, until in knowledge["history_until"].items():
            console.print(Text(f"{event_type}: history until {until}; what began before counts as met already"))
        console.print(f"Linger evaluates again: [bold]{again}[/]")
        if (forgotten_from := knowledge["forgotten_from"]) is not None:
            has_passed = forgotten_from <= iso_text(now_ms)
            console.print(
                f"forgotten since {forgotten_from}: {FORGOTTEN}"
                if has_passed
                else f"forgotten from {forgotten_from} on, if there is no sign of life until then",
                soft_wrap=True,
            )
    for event_type, moment in knowledge["evaluation"]["waiting_for"].items():
        console.print(Text(f"waits until {event_type} is seen up to {moment}"))
    console.print()
    for table in tables(knowledge):
        if table.row_count:
            print_table(console, table)
    if has_activity(knowledge) and (number := len(knowledge["event_ids"])):
        console.print(f"Hashes of the latest {number} event ids are kept, not the ids.")
    console.print("\nMore of this customer is in")
    for topic, what in knowledge["elsewhere"]["topics"].items():
        console.print(Text(f"  {topic}: {what}"), soft_wrap=True)
    console.print(f"Days, hashes, offsets and all records: {knowledge['elsewhere']['command']}", soft_wrap=True)
