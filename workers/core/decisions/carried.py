"""What is carried: what is known of a customer when a rule asks for an action, and goes with it.

It is read and never waited for: it adds no event type to those that a rule needs. The action keeps it while it waits.
"""

from typing import Any

from schemas.actions import Known
from workers.core.conditions.ladder import ActiveLadder


class Part:
    """One thing that goes with every action, such as the customer's stage.

    Attributes:
        key: the field of the action, a key of `Known`.
    """

    __slots__ = ("key",)

    def __init__(self, key: str) -> None:
        self.key = key

    def read(self, at_ms: int) -> Any:
        """Return it as it is known of the customer at a moment, ready for JSON; None if it is unknown."""
        raise NotImplementedError


class Carried:
    """Everything that goes with every action of a rule set.

    Attributes:
        parts: each reads one thing; empty for most rule sets.
    """

    __slots__ = ("parts",)

    def __init__(self, parts: list[Part]) -> None:
        self.parts = parts

    def read(self, at_ms: int) -> Known | None:
        """Return what is known of the customer at a moment; None for nothing."""
        found: Any = {}
        for place in range(len(self.parts)):
            part: Part = self.parts[place]
            value = part.read(at_ms)
            if value is not None:
                found[part.key] = value
        return found or None


class KnownStage(Part):
    """The stage of the customer who is looked at.

    Attributes:
        ladder: on which the customer stands.
    """

    __slots__ = ("ladder",)

    def __init__(self, ladder: ActiveLadder) -> None:
        super().__init__("stage")
        self.ladder = ladder

    def read(self, at_ms: int) -> str | None:
        """Return its name; None while it is not known."""
        return self.ladder.name_at(at_ms)
