"""The customer's stage, as it goes with every action where there is a ladder."""

from workers.core.conditions.ladder import ActiveLadder
from workers.core.decisions.carried import Part


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
