"""`linger sources`: go on with a source that is stopped, read a recreated one again, go back to an older file."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from workers.cli.audit_commands.changing import Because, By, changing
from workers.cli.output import out, warn
from workers.cli.source_commands import check, guess, trial
from workers.intake.forget_source import forget_source
from workers.intake.promote_sources import promote_sources
from workers.intake.resume_source import resume_source
from workers.kafka.records import TopicPartition
from workers.loading import keep_last_good, load_configuration
from workers.operations.rights.refusals import require
from workers.printing import one_line
from workers.settings import read_settings
from workers.state.connect import with_store, with_stored_state
from workers.state.rule_sets.last_good import TOO_LARGE
from workers.state.source_sets.activation import SourceActivation
from workers.state.stopped_sources import Stop
from workers.state.store import Store

Topic = Annotated[str, typer.Argument(metavar="TOPIC", help="The source's topic.")]


def add_to(app: typer.Typer) -> None:
    """Register the group and its commands."""
    group = typer.Typer(no_args_is_help=True, help="The source topics.")
    group.command("forget")(forget)
    group.command("resume")(resume)
    check.add_to(group)
    guess.add_to(group)
    trial.add_to(group)
    group.command("promote")(promote)
    app.add_typer(group, name="sources")


def forget(context: typer.Context, topic: Topic, because: Because = "", by: By = None) -> None:
    """Forget how far a source was read, after it was created again; it is then read from its beginning.

    Stop all workers first. An event that was read before and is in the topic again is recognised by its id only
    while that id is among the customer's latest ones.
    """
    settings = read_settings(context.obj)
    sources = load_configuration(settings).sources

    async def ask(store: Store) -> int:
        await require(settings, sources, "sources forget")
        return await forget_source(settings, sources, store, topic)

    with changing(context, settings, by, because) as trail:
        partitions = trail.counts["partitions"] = with_stored_state(settings, ask)
    out.print(
        f"How far '{one_line(topic)}' was read is forgotten: its {partitions} partitions are read from their "
        "beginning."
    )


def resume(context: typer.Context, topic: Topic, because: Because = "", by: By = None) -> None:
    """Go on with a source that stopped itself, now instead of at the next try, which comes every minute.

    A source stops alone when one of its batches cannot be decoded, or when too many of its records cannot be read.
    A batch is fetched again; if it still cannot be decoded, the source stays stopped. Of records that cannot be read,
    everything up to the present end of the topic is let through as dead letters; what comes later counts again.
    Running workers do it within a second. A source that is not stopped is left as it is.
    """
    settings = read_settings(context.obj)
    sources = load_configuration(settings).sources

    async def ask(store: Store) -> Mapping[TopicPartition, Stop]:
        return await resume_source(settings, sources, store, topic)

    with changing(context, settings, by, because) as trail:
        stops = with_store(settings, ask)
        trail.counts["partitions"] = len(stops)
    for partition, stop in sorted(stops.items()):
        out.print(f"partition {partition.partition}: {one_line(stop.problem)}", markup=False, soft_wrap=True)
    if stops:
        out.print(
            f"The running workers were asked to go on with '{one_line(topic)}'; see `stopped_sources` in /statusz."
        )
    else:
        out.print(f"'{one_line(topic)}' is not stopped.")


def promote(
    context: typer.Context,
    path: Annotated[Path | None, typer.Argument(help="A sources file; left out, LINGER_SOURCES.")] = None,
    because: Because = "",
    by: By = None,
) -> None:
    """Make this sources.yaml the newest, even if it was active before: the way back to an older version.

    The rules must fit it. Workers that run go on reading once they have loaded this file.
    """
    settings = read_settings(context.obj)
    if path is not None:
        settings = settings.model_copy(update={"sources": path})
    configuration = load_configuration(settings)

    async def ask(store: Store) -> SourceActivation:
        if not await keep_last_good(store, configuration):
            warn(TOO_LARGE)
        return await promote_sources(settings, configuration.sources, store)

    with changing(context, settings, by, because) as trail:
        activation = with_stored_state(settings, ask)
        generation = trail.counts["generation"] = activation.sources.generation
    out.print(f"This is generation {generation} of the sources now. Start the workers that were refused.")
    for sentence in activation.changes.sentences():
        out.print(one_line(sentence), markup=False, soft_wrap=True)
