"""What surrounds every command that changes something: who, what and why are recorded before and after its work."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any, Final

import typer

from workers.audit.trail import Deed, Trail, audited
from workers.cli.output import warn
from workers.errors import StartupError
from workers.settings import Settings

By = Annotated[
    str | None, typer.Option("--by", metavar="NAME", help="Who does it, besides user@host; left out, LINGER_ACTOR.")
]
Because = Annotated[str, typer.Option("--because", "--reason", metavar="TEXT", help="Why; it is kept in the audit.")]

_LONGEST_NAME: Final = 249
_LONGEST_REASON: Final = 500
_NO_ARGUMENTS: Final = {"by", "because", "as_json"}
"""Parameters that have a place of their own in a record, or change nothing."""


@contextmanager
def changing(
    context: typer.Context, settings: Settings, by: str | None, because: str, *, dry_run: bool = False
) -> Iterator[Trail]:
    """Record that this command is run, before and after its work.

    Args:
        context: of the command; its words and the arguments that were given are recorded.
        settings: name the topic.
        by: who does it; None for the setting.
        because: why, empty if nothing is said.
        dry_run: nothing is changed, so nothing is recorded.

    Raises:
        StartupError: if it cannot be recorded; nothing was done then.
    """
    deed = Deed(words_of(context), _given(context), who(settings, by), one_reason(because))
    if dry_run:
        yield Trail()
        return
    with audited(settings, deed, warn) as trail:
        try:
            yield trail
        except typer.Exit as error:
            raise SystemExit(error.exit_code) from error
        except typer.Abort as error:  # Ctrl-C at a question
            raise KeyboardInterrupt from error


def who(settings: Settings, by: str | None) -> str | None:
    """Return the name that --by or LINGER_ACTOR gives, None if neither does.

    Raises:
        StartupError: if it is too long.
    """
    name = " ".join((by or settings.actor or "").split())
    if len(name) > _LONGEST_NAME:
        raise StartupError([f"--by has {len(name)} characters, at most {_LONGEST_NAME}"])
    return name or None


def one_reason(because: str) -> str:
    """Return a reason on one line.

    Raises:
        StartupError: if it is too long.
    """
    text = " ".join(because.split())
    if len(text) > _LONGEST_REASON:
        raise StartupError([f"--because has {len(text)} characters, at most {_LONGEST_REASON}"])
    return text


def words_of(context: typer.Context) -> str:
    """Return the words of a command, without the name of the program."""
    words: list[str] = []
    place: Any = context  # of the click that typer brings
    while place.parent is not None:
        words.append(place.info_name or "")
        place = place.parent
    return " ".join(reversed(words))


def _given(context: typer.Context) -> dict[str, object]:
    """Return the arguments that were given, by name."""
    return {
        name: value
        for name, value in context.params.items()
        if name not in _NO_ARGUMENTS and _is_given(context, name)
    }


def _is_given(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name != "DEFAULT"
