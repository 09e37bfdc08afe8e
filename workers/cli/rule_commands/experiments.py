"""`linger experiments`: what is compared, the figures so far, and what can be said."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer
from rich.markup import escape

from workers.cli.output import AsJson, out, print_json
from workers.errors import StartupError
from workers.experiments.listing import experiments_document
from workers.experiments.reading import read_figures
from workers.printing import print_table, table_of
from workers.settings import read_settings
from workers.source_files.reading import load_sources
from workers.state.connect import clock_of, with_stored_state
from workers.state.store import Store
from workers.verdict.counts import Interval
from workers.verdict.sentences import between


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command("experiments")(experiments)


def experiments(
    context: typer.Context,
    ended: Annotated[bool, typer.Option("--ended", help="Also those that have ended.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show what is compared, the figures so far, and what can be said: does a rule help, harm, or how long it takes.

    Only customers whose time is over count; the others are running. docs/does-it-help.md explains every state.
    """
    settings = read_settings(context.obj)
    sources, problems = load_sources(settings.sources)
    if sources is None:
        raise StartupError([str(problem) for problem in problems])

    async def ask(store: Store) -> list[dict[str, Any]]:
        now_ms = (await clock_of(settings, store).read()).now_ms
        found = await read_figures(store, sources, settings.partitions, now_ms)
        return experiments_document(found.values(), now_ms, ended=ended)

    document = with_stored_state(settings, ask)
    if as_json:
        print_json(document)
    elif not document:
        out.print("No rule holds out customers, so nothing is compared. Write 'hold out: 20%' into a rule.")
    else:
        _render(document)


def _render(document: Sequence[Mapping[str, Any]]) -> None:
    for place, one in enumerate(document):
        if place:
            out.print()
        name = "every rule" if one["name"] is None else one["name"]
        rules = "" if one["rules"] == [one["name"]] else f" ({', '.join(one['rules'])})"
        until = "" if one["ended_at"] is None else f", ended {one['ended_at'][:10]}"
        since = "from the first rules on" if one["begun_at"] is None else f"since {one['begun_at'][:10]}"
        held_out = f"{100 * one['hold_out']:g}% held out"
        out.print(f"{name}{rules}: {one['success']}, {held_out}, {since}{until}", markup=False)
        table = table_of("", "customers", "running", "finished", "succeeded", "share")
        for arm in one["arms"]:
            numbers = [f"{arm[name]:,}" for name in ("assigned", "running", "finished")]
            won = "" if arm["won"] is None else f"{arm['won']:,}"
            rate = "" if arm["rate"] is None else f"{arm['rate']:.1%}"
            table.add_row(escape(arm["arm"]), *numbers, won, rate)
        print_table(out, table)
        out.print(_verdict(one), markup=False)


def _verdict(one: Mapping[str, Any]) -> str:
    """Return the verdict as a sentence, with the interval where it is not said yet."""
    text = str(one["verdict"])
    if one["interval"] is not None and one["state"] in ("running", "no difference"):
        text += f"; so far {between(Interval(**one['interval']))}"
    return f"{text[0].upper()}{text[1:]}."
