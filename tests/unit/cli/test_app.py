"""Laws of the command line: every command explains itself, and exit statuses mean something."""

from collections.abc import Iterator
from importlib.metadata import version
from typing import Any, Final

import pytest
import typer

from tests.unit.cli.program import Answer, Linger
from workers.cli import app


def every_command(command: Any, *words: str) -> Iterator[tuple[list[str], Any]]:
    """Every command and group below one, with the words that lead to it."""
    yield [*words], command
    for name, part in getattr(command, "commands", {}).items():
        yield from every_command(part, *words, name)


COMMANDS: Final = list(every_command(typer.main.get_command(app.app)))
GROUPS: Final = [words for words, command in COMMANDS if hasattr(command, "commands")]


# --- help ---------------------------------------------------------------------------------------------------------


def test_there_are_these_commands() -> None:
    assert {" ".join(words) for words, _ in COMMANDS} >= {
        "run",
        "demo",
        "rules check",
        "rules explain",
        "rules test",
        "rules preview",
        "rules tune",
        "rules held",
        "rules release",
        "rules discard",
        "rules promote",
        "pause",
        "resume",
        "paused",
        "experiments",
        "why",
        "customer show",
        "customers",
        "customer export",
        "sources check",
        "sources test",
        "upgrade finish",
        "topics create",
        "state export",
        "state import",
        "scan",
        "forecast",
        "stages",
        "report",
        "config show",
        "healthcheck",
    }


@pytest.mark.parametrize(("words", "command"), COMMANDS, ids=[" ".join(words) or "linger" for words, _ in COMMANDS])
@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_every_command_explains_itself(linger: Linger, words: list[str], command: Any, flag: str) -> None:
    answer = linger(*words, flag)
    assert answer.status == 0
    assert answer.err == ""
    first = " ".join((command.help or "").split()[:4])
    assert first
    assert first in " ".join(answer.out.split())


@pytest.mark.parametrize("words", GROUPS, ids=[" ".join(words) or "linger" for words in GROUPS])
def test_a_group_without_a_command_lists_its_commands(linger: Linger, words: list[str]) -> None:
    answer = linger(*words)
    assert answer.status == 2
    assert "Commands" in answer.out + answer.err


@pytest.mark.parametrize("words", [["rnu"], ["rules", "chekc"], ["config", "show", "--jsno"], ["rules", "check"]])
def test_a_command_that_is_none_ends_with_2_and_no_traceback(linger: Linger, words: list[str]) -> None:
    answer = linger(*words)
    assert answer.status == 2
    assert "Traceback" not in answer.err
    assert "Usage:" in answer.err


def test_the_version_is_that_of_the_installed_package(linger: Linger) -> None:
    assert linger("--version") == Answer(0, f"linger {version('linger')}\n", "")
