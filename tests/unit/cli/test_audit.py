"""Laws of the audit over all commands: each that changes something is recorded before it does."""

from collections.abc import Iterator
from typing import Any, Final

import pytest
import typer

from tests.unit.cli.program import Linger
from workers.audit import trail
from workers.audit.commands import CHANGES, LOOKS, READS
from workers.audit.record import Intent, Outcome
from workers.cli import app
from workers.errors import StartupError
from workers.settings import AUDIT, Settings

ARGUMENTS: Final = {
    "customer export": ["ada", "--json", "-"],
    "customer show": ["ada"],
    "customer erase": ["ada", "--yes"],
    "customer marks": [],
    "customer resume": ["ada"],
    "customer suppress": ["ada"],
    "customers": ["--stage", "quiet"],
    "dead-letters discard": ["--yes"],
    "dead-letters replay": ["--reason", "missing_field", "--yes"],
    "pause": ["--all"],
    "rebuild": ["--all"],
    "resume": ["--all"],
    "rules discard": ["regular-buyer-gone-quiet", "--all"],
    "rules promote": [],
    "rules release": ["regular-buyer-gone-quiet", "--at-most", "3"],
    "sources forget": ["shop.orders"],
    "sources promote": [],
    "sources resume": ["shop.orders"],
    "state import": ["/nowhere"],
    "topics create": [],
    "upgrade finish": [],
    "why": ["ada"],
}
ORDERED: Final = frozenset({"customers"})
"""Commands whose `--by` is the order of what they show: who looks is in LINGER_ACTOR."""
DRY: Final = {
    "customer erase": ["ada", "--reason", "asked", "--dry-run"],
    "customer resume": ["ada", "--reason", "asked", "--dry-run"],
    "customer suppress": ["ada", "--reason", "asked", "--dry-run"],
    "dead-letters discard": [],
    "dead-letters replay": [],
    "pause": ["--list"],
    "rebuild": ["--dry-run"],
    "topics create": ["--dry-run"],
}


def commands_below(command: Any, *words: str) -> Iterator[tuple[str, Any]]:
    """Every command that is no group, with the words that lead to it."""
    parts = getattr(command, "commands", None)
    if parts is None:
        yield " ".join(words), command
    for name, part in (parts or {}).items():
        yield from commands_below(part, *words, name)


COMMANDS: Final = dict(commands_below(typer.main.get_command(app.app)))


@pytest.fixture
def intents(monkeypatch: pytest.MonkeyPatch) -> list[Intent]:
    """The intents of commands; no record is accepted. There is no Kafka, but every topic can be created."""
    seen: list[Intent] = []

    async def refuse(settings: Settings, record: Intent | Outcome) -> None:
        assert isinstance(record, Intent)
        seen.append(record)
        raise StartupError(["no audit"])

    async def create(settings: Settings, book: object, *, names: Any, dry_run: bool = False) -> list[None]:
        assert names == (AUDIT,)
        return [None]

    monkeypatch.setattr(trail, "append", refuse)
    monkeypatch.setattr("workers.cli.topics.create_own_topics", create)
    return seen


def test_of_every_command_it_is_known_whether_it_changes_something() -> None:
    assert set(COMMANDS) == CHANGES | READS | LOOKS
    assert len(COMMANDS) == len(CHANGES) + len(READS) + len(LOOKS)
    assert ARGUMENTS.keys() == CHANGES | READS


@pytest.mark.parametrize("command", sorted(CHANGES | READS))
def test_a_command_that_changes_something_or_shows_a_person_does_nothing_if_that_cannot_be_recorded(
    linger: Linger, intents: list[Intent], command: str
) -> None:
    by = [] if command in ORDERED else ["--by", "Ann"]
    answer = linger(
        *[*command.split(), *ARGUMENTS[command], *by, "--because", "it is right"],
        **{"LOG_KEY": "k", "PARTITIONS": "4", "ACTOR": "Ann"},
    )
    (intent,) = intents
    assert (intent.command, intent.by, intent.reason) == (command, "Ann", "it is right")
    assert intent.arguments.keys() == {name for name in intent.arguments if name not in ("by", "because", "as_json")}
    assert (answer.status, answer.out) == (2, "")
    assert answer.err.startswith("error: nothing was done, because it could not be recorded who does it: no audit")


@pytest.mark.parametrize("command", sorted(set(DRY)))
def test_a_dry_run_leaves_no_record(linger: Linger, intents: list[Intent], command: str) -> None:
    unreachable = {"KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1", "REDIS_URL": "redis://127.0.0.1:1/0"}
    with pytest.MonkeyPatch.context() as patch:
        if command == "topics create":
            patch.setattr("workers.cli.topics.create_own_topics", _planned)
        linger(*command.split(), *DRY[command], KAFKA_REQUEST_TIMEOUT_MS="1000", **unreachable)
    assert intents == []


async def _planned(settings: Settings, book: object, *, dry_run: bool) -> list[None]:
    assert dry_run
    return []


def test_arguments_are_recorded_as_they_were_given(linger: Linger, intents: list[Intent]) -> None:
    linger("dead-letters", "replay", "3:4", "3:5", "--reason", "missing_field", "--yes")
    linger("rules", "release", "a-rule", "--at-most", "3", ACTOR="nightly job")
    assert [intent.arguments for intent in intents] == [
        {"places": ["3:4", "3:5"], "reason": "missing_field", "yes": True},
        {"rule_id": "a-rule", "at_most": 3},
    ]
    assert [intent.by for intent in intents] == [None, "nightly job"]


@pytest.mark.parametrize("option", [["--by", "x" * 250], ["--because", "x" * 501]])
def test_a_name_or_a_reason_without_an_end_is_refused_before_anything_is_recorded(
    linger: Linger, intents: list[Intent], option: list[str]
) -> None:
    answer = linger("rules", "release", "a-rule", "--all", *option)
    assert (answer.status, intents) == (2, [])
    assert answer.err.startswith(f"error: {option[0]} has ")
