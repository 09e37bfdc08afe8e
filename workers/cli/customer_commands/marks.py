"""`linger customer marks`: who is suppressed, opted out or erased: all as keyed hashes, or which of some ids."""

import typer

from workers.audit.trail import Trail
from workers.cli.audit_commands.changing import Because, By, changing
from workers.cli.customer_commands.given_ids import IdFile, read_ids
from workers.cli.output import AsJson, out, print_json
from workers.customer_orders.marks import MarkedId, MarkedRef, all_marks, marked_among
from workers.customer_orders.report import id_document, ref_document, render_marked, render_marks
from workers.customer_orders.verifying import configured_key
from workers.settings import Settings, read_settings
from workers.state.connect import with_stored_state
from workers.state.marks.stored import key_of
from workers.state.store import Store


def add_to(group: typer.Typer) -> None:
    """Register the command in the group `customer`."""
    group.command("marks")(marks)


def marks(
    context: typer.Context, file: IdFile = None, because: Because = "", by: By = None, as_json: AsJson = False
) -> None:
    """Show who is suppressed, opted out or erased.

    Linger keeps no ids of them, only keyed hashes: without --file, these are listed. With a file of ids, one a line,
    it shows which of them are marked, so that you can take them off your own lists. Who looked is recorded.
    """
    settings = read_settings(context.obj)
    customer_ids = None if file is None else read_ids(file)
    with changing(context, settings, by, because) as trail:
        if customer_ids is None:
            _list(settings, trail, as_json=as_json)
        else:
            _look_up(settings, customer_ids, trail, as_json=as_json)


def _list(settings: Settings, trail: Trail, *, as_json: bool) -> None:
    async def work(store: Store) -> list[MarkedRef]:
        return [marked async for marked in all_marks(store, settings.partitions)]

    found = with_stored_state(settings, work)
    trail.counts["marks"] = len(found)
    if as_json:
        print_json({"marks": [ref_document(marked) for marked in found]})
    else:
        render_marks(found, out)


def _look_up(settings: Settings, customer_ids: list[str], trail: Trail, *, as_json: bool) -> None:
    async def work(store: Store) -> list[MarkedId]:
        key = key_of(await store.marks.key_fields(), configured_key(settings))
        return await marked_among(store, settings.partitions, key, customer_ids)

    found = with_stored_state(settings, work)
    trail.counts.update(customers=len(customer_ids), marks=len(found))
    if as_json:
        print_json({"asked": len(customer_ids), "marked": [id_document(marked) for marked in found]})
    else:
        render_marked(found, len(customer_ids), out)
