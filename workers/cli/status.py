"""`linger status`: what runs, how far it is, and what needs attention."""

import asyncio
import logging
import signal
import sys
from typing import Annotated, Final, Literal

import typer

from workers.cli.output import EXIT_PROBLEM, EXIT_SETUP, AsJson, out, print_json
from workers.observability import logs
from workers.settings import Settings, read_settings
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
    settings = read_settings(context.obj)
    logs.configure_logging("warning", settings.log_format)
    # What does not answer is shown; aiokafka would log it as well.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    if watch:
        last = asyncio.run(_watch(settings, every, as_json=as_json))
    else:
        last = asyncio.run(read_status(settings))
        _show(last, as_json=as_json)
    exit_status = EXIT_SETUP if last is None else _EXIT[last.health]
    if exit_status:
        sys.exit(exit_status)


async def _watch(settings: Settings, every: float, *, as_json: bool) -> Status | None:
    """Show a status again and again until SIGINT; return the last one shown, None if none was."""
    # Not left to asyncio: it only cancels what runs, and a client of Kafka may ignore that.
    interrupted = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGINT, interrupted.set)
    interruption = asyncio.create_task(interrupted.wait())
    last: Status | None = None
    try:
        while not interrupted.is_set():
            began_at = loop.time()
            reading = asyncio.create_task(read_status(settings))
            await asyncio.wait({reading, interruption}, return_when=asyncio.FIRST_COMPLETED)
            if not reading.done():
                reading.cancel()
                break
            last = reading.result()
            if not as_json and out.is_terminal:
                out.clear()
            _show(last, as_json=as_json)
            await _rest(interruption, every - (loop.time() - began_at))
    finally:
        loop.remove_signal_handler(signal.SIGINT)  # from now on, SIGINT ends it at once
        interruption.cancel()
    return last


async def _rest(interruption: "asyncio.Task[Literal[True]]", seconds: float) -> None:
    await asyncio.wait({interruption}, timeout=max(0.0, seconds))


def _show(present: Status, *, as_json: bool) -> None:
    if as_json:
        print_json(document(present))
    else:
        print_status(out, present)
    sys.stdout.flush()
