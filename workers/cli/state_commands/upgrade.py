"""`linger upgrade finish`: after an upgrade, all workers write what only the new release reads."""

import sys
from dataclasses import asdict

import typer

from workers.cli.audit_commands.changing import Because, By, changing
from workers.cli.output import EXIT_PROBLEM, AsJson, complain, out, print_json
from workers.operations.upgrade.finish import Finished, finish
from workers.settings import read_settings
from workers.state.connect import with_stored_state


def add_to(app: typer.Typer) -> None:
    """Register the group and its command."""
    group = typer.Typer(
        no_args_is_help=True, help="Upgrades to this release; linger doctor --before-upgrade comes first."
    )
    group.command("finish")(finish_upgrade)
    group.callback()(_group)
    app.add_typer(group, name="upgrade")


def _group() -> None:
    """Keep `finish` a command of the group, though it is the only one."""


def finish_upgrade(context: typer.Context, because: Because = "", by: By = None, as_json: AsJson = False) -> None:
    """Let all workers write what only this release reads: from then on there is no way back to the one before.

    Run it when every worker is of this release, and you will not go back. It refuses while a worker of an older
    release is in the group, or was the last to own a partition. Exit status 1 if no worker has begun yet in a
    partition: the next one that owns it does.
    """
    settings = read_settings(context.obj)
    with changing(context, settings, by, because) as trail:
        finished = with_stored_state(settings, lambda store: finish(settings, store))
        trail.counts.update(layout=finished.layout, partitions_waiting=len(finished.waiting))
    if as_json:
        print_json(asdict(finished))
    else:
        _print(finished)
    if finished.waiting:
        sys.exit(EXIT_PROBLEM)


def _print(finished: Finished) -> None:
    if finished.was_ordered and not finished.waiting:
        out.print(f"Nothing to finish: every partition is written in layout {finished.layout}.")
    elif not finished.waiting:
        out.print(f"Finished: every partition is written in layout {finished.layout} from now on.")
    else:
        shown = ", ".join(map(str, finished.waiting))
        complain(
            f"layout {finished.layout} is ordered, but no worker has begun with it in partitions {shown}: it begins "
            "when a worker owns them"
        )
