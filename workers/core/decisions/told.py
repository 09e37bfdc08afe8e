"""What is to be published of a customer's stages, as rows of numbers; `stage_records` makes words of them."""

from typing import Final

from schemas.actions import Value
from schemas.stages import Because, Direction
from workers.core.conditions.condition import Condition
from workers.core.customer.candidate import Evidence

DIRECTIONS: Final[tuple[Direction, ...]] = ("none", "up", "down")
"""By the number of a direction (`customer.stage`), its word."""

BY_EVENT: Final = 0
BY_TIME: Final = 1
FIRST_KNOWN: Final = 2
BY_LADDER: Final = 3
BY_LATE_EVENT: Final = 4

CAUSES: Final[tuple[Because, ...]] = ("event", "time", "first_known", "ladder", "late_event")
"""By its number, what changed a stage."""


class Told:
    """One record of a stage.

    Attributes:
        code: of the stage; 0 says that the customer is not known any longer, and nothing below means anything.
        since_ms: since when the customer stands there.
        id_ms: the moment in the record's id (`schemas.stages.stage_id`).
        from_code: of the stage before; 0 for none.
        direction: of the move.
        because: what changed it, a place in `CAUSES`.
        step: whose reasons go with it; None for the lowest stage.
        evidence: of these reasons.
        value: what the customer is worth; None where no file says it.
    """

    __slots__ = ("because", "code", "direction", "evidence", "from_code", "id_ms", "since_ms", "step", "value")

    def __init__(self, most_conditions: int) -> None:
        self.evidence = Evidence(most_conditions)
        self.code = self.since_ms = self.id_ms = self.from_code = self.direction = self.because = 0
        self.step: Condition | None = None
        self.value: Value | None = None
