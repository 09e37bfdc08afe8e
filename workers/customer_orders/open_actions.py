"""Actions of customers that a mailer may still carry out: Kafka has them, and nothing that takes them back. Pure.

An order to erase takes back every action that Linger knows of. It does not know of all: not of those in a state that
cannot be read, or of a rule that is gone if nothing is kept of it, or after a lost Redis. The topics have them all.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from schemas.actions import Action
from workers.clock import iso_text
from workers.settings import Settings

_SHOWN: Final = 12
_action_of: Final = msgspec.json.Decoder(Action).decode


@dataclass(frozen=True, slots=True)
class OpenAction:
    """An action that is not taken back.

    Attributes:
        name: its topic, without the prefix.
        action_id: its id.
        rule_id: of the rule that asked for it.
        decided_ms, expires_ms: from when until when it can be carried out, in epoch milliseconds.
    """

    name: str
    action_id: str
    rule_id: str
    decided_ms: int
    expires_ms: int


class OpenActions:
    """Collects the actions of some customers from the records of the topics, in any order."""

    def __init__(self, topics: Collection[str]) -> None:
        """Begin with none; `topics` are those of actions, without the prefix."""
        self._topics = topics
        self._asked_for: dict[str, OpenAction] = {}
        self._taken_back: set[str] = set()

    def take(self, name: str, value: bytes | None) -> None:
        """Take the value of one record of a topic; what is no action is left out."""
        if name not in self._topics or value is None:
            return
        try:
            action = _action_of(value)
        except msgspec.MsgspecError:
            return
        if action.status == "retracted":
            self._taken_back.add(action.action_id)
            return
        self._asked_for[action.action_id] = OpenAction(
            name,
            action.action_id,
            action.rule.id,
            round(action.decided_at.timestamp() * 1000),
            round(action.expires_at.timestamp() * 1000),
        )

    def at(self, at_ms: int) -> tuple[OpenAction, ...]:
        """Return those that were decided until a moment, end after it, and are not taken back."""
        return tuple(
            action
            for action_id, action in self._asked_for.items()
            if action_id not in self._taken_back and action.decided_ms <= at_ms < action.expires_ms
        )


def not_taken_back(number: int) -> str:
    """Return how many actions stay open after an erasure, as a sentence."""
    actions = "1 action is" if number == 1 else f"{number:,} actions are"
    return f"{actions} still open, and not taken back: Linger has lost what it knew of them."


def advice(actions: Sequence[OpenAction], settings: Settings) -> str:
    """Return which actions stay open, and what to do, as sentences."""
    shown = [
        f"{settings.topic(one.name)} {one.action_id} (rule {one.rule_id}, until {iso_text(one.expires_ms)})"
        for one in actions[:_SHOWN]
    ]
    listed = ", ".join(shown if len(actions) <= _SHOWN else [*shown, "… (--json has all of them)"])
    return f"{not_taken_back(len(actions))} Have your mailers drop: {listed}"


def open_action_document(action: OpenAction, settings: Settings) -> dict[str, str]:
    """Return one of them for `--json`."""
    return {
        "topic": settings.topic(action.name),
        "action_id": action.action_id,
        "rule": action.rule_id,
        "expires_at": iso_text(action.expires_ms),
    }
