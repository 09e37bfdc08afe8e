"""`linger demo`: the options of the demonstration."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from workers.cli.output import AsJson


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command("demo")(demo)


def demo(
    context: typer.Context,
    history: Annotated[
        str, typer.Option(help="simulated: a made-up shop; cdnow: real purchases of 1997 and 1998 (downloaded).")
    ] = "simulated",
    seconds: Annotated[int, typer.Option(min=10, max=3600, help="About how long the replay takes.")] = 60,
    once: Annotated[bool, typer.Option("--once", help="Replay as fast as the workers can, then stop.")] = False,
    workers: Annotated[int, typer.Option(min=1, max=8, help="Number of worker processes.")] = 1,
    seed: Annotated[int, typer.Option(help="Seed of the simulated history.")] = 1,
    verify: Annotated[
        bool, typer.Option("--verify", help="Compare with the pure core in one thread; exit status 1 if they differ.")
    ] = False,
    kill: Annotated[
        bool, typer.Option("--kill", help="Half-way, end one worker by SIGKILL and start another.")
    ] = False,
    as_json: AsJson = False,
    picture: Annotated[Path | None, typer.Option(help="Write the last screen as an SVG file.")] = None,
    bootstrap_servers: Annotated[
        str | None, typer.Option(help="Use this Kafka instead of the embedded broker (needs --redis-url).")
    ] = None,
    redis_url: Annotated[str | None, typer.Option(help="Use this Redis instead of the embedded store.")] = None,
) -> None:
    """See Linger at work: replay a purchase history through real workers on this machine."""
    # Here, so that no other command needs the packages of the demo.
    from workers.demo.run import DemoOptions, run_demo

    options = DemoOptions(
        history=history,
        seconds=None if once else seconds,
        workers=workers,
        seed=seed,
        verify=verify,
        kill=kill,
        as_json=as_json,
        picture=picture,
        bootstrap_servers=bootstrap_servers,
        redis_url=redis_url,
        environment={name: text for name, text in context.obj.items() if not name.startswith("LINGER_")},
    )
    sys.exit(run_demo(options))
