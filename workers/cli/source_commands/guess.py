"""`linger sources guess`: a first `sources.yaml` from samples."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.text import Text

from workers.cli.output import err, out
from workers.cli.source_commands.samples import Headers, Key, Timestamp, from_kafka, given_of, in_files
from workers.errors import StartupError
from workers.printing import one_line, write_file_text
from workers.settings import read_settings
from workers.source_trial.first_mapping import first_mapping, topic_for

_LAST: Final = 200


def add_to(group: typer.Typer) -> None:
    """Register the command in the group `linger sources`."""
    group.command("guess")(guess)


def guess(
    context: typer.Context,
    what: Annotated[
        list[str], typer.Argument(metavar="TOPIC|FILE…", help="A topic in Kafka, or files of its records.")
    ],
    last: Annotated[
        int, typer.Option("--last", min=1, max=100_000, help="How many of the newest records of a topic to look at.")
    ] = _LAST,
    topic: Annotated[
        str | None, typer.Option(help="The topic that files are from. Left out: as a dump or the file's name says.")
    ] = None,
    headers: Headers = None,
    key: Key = None,
    timestamp: Timestamp = None,
    output: Annotated[
        Path | None, typer.Option(help="Write to this file, which must not exist. Left out: standard output.")
    ] = None,
) -> None:
    """Look at records and write a first sources.yaml: where ids, times, money and kinds of events seem to be.

    Every line says what it was guessed from; those marked CHECK need a look. A system for which there is a pack is
    recognised. The mapping is tried on the same records, and what they became is printed to standard error. Reads
    Kafka without a consumer group, and commits nothing.
    """
    if output is not None and output.exists():
        raise StartupError([f"{output} exists already, and is not written over; name another file"])
    settings = read_settings(context.obj)
    paths = [Path(name) for name in what]
    if all(str(path) == "-" or path.is_file() for path in paths):
        samples = in_files(paths, given_of(topic or "", headers or (), key, timestamp))
        topic = topic or topic_for(samples, paths[0].name.partition(".")[0])
        name = ", ".join(path.name for path in paths)
    elif len(what) == 1:
        topic = name = what[0]
        samples = from_kafka(settings, topic, last)
    else:
        missing = next(name for name, path in zip(what, paths, strict=True) if not path.is_file())
        raise StartupError([f"there is no file '{missing}'"])
    count = len(samples)
    origin = f"{count:,} record{'s' if count != 1 else ''} of {name}"
    found = first_mapping(samples, topic, origin, settings, datetime.now(UTC))
    if output is None:
        write_file_text(found.guessed.text)
    else:
        with output.open("x", encoding="utf-8") as file:
            file.write(found.guessed.text)
        out.print(Text(f"{one_line(str(output))} is written"), soft_wrap=True)
    for line in found.summary():
        err.print(Text(one_line(line)), soft_wrap=True)
