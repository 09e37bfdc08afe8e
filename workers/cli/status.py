"""`linger status`: what runs, how far it is, and what needs attention."""

import asyncio
import logging
import sys
import time
from typing import Annotated, Final

import typer

from workers.cli.output import EXIT_PROBLEM, EXIT_SETUP, AsJson, out, print_json
from workers.settings import read_settings
from workers.status.reading import read_status
from workers.status.shapes import Status
from workers.status.writing import document, print_status

_EXIT: Final = {"well": 0, "attention": EXIT_PROBLEM, "incomplete": EXIT_SETUP}


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command("status")(status)


def status(
    context: typer.Context,
    watch: Annotated[bool, typer.Option("--watch", help="Show it again and again, until Ctrl-C.")] = False,
    every: Annotated[float, typer.Option("--every", min=1, metavar="SECONDS", help="How often, with --watch.")] = 5,
    as_json: AsJson = False,
) -> None:
    """Show what runs, how far it is, and what needs attention; it changes nothing.

    Workers and their partitions, lag, watermarks, due times, what waits, is held or was refused, paused and stopped
    parts, generations, the last action of each rule, memory. A part that cannot be read is shown as unknown, with the
    reason. Exit status: 0 all is well, 1 something needs attention, 2 a part could not be read and nothing else is
    wrong; with --watch, that of the last one shown. --json prints one document a line.
    """
    # What does not answer is shown; aiokafka would log it as well.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    settings = read_settings(context.obj)
    shown: Status | None = None
    try:
        while True:
            began_at = time.monotonic()
            present = asyncio.run(read_status(settings))
            if watch and not as_json and out.is_terminal:
                out.clear()
            _show(present, as_json=as_json)
            shown = present
            if not watch:
                break
            time.sleep(max(0.0, every - (time.monotonic() - began_at)))
    except KeyboardInterrupt:
        if not watch:
            raise
    if shown is not None and _EXIT[shown.health]:
        sys.exit(_EXIT[shown.health])


def _show(present: Status, *, as_json: bool) -> None:
    if as_json:
        print_json(document(present))
    else:
        print_status(out, present)
    sys.stdout.flush()
