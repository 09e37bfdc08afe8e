"""`stage: loyal`, `stage: [loyal, fan]`."""

from typing import Annotated, ClassVar

from pydantic import Field

from schemas.conditions.elementary import Elementary
from schemas.conditions.words import StageName


class Stage(Elementary):
    """The customer stands on this step of the live ladder, or on one of these."""

    also_written: ClassVar = {"stage": "step level tier segment rung"}
    elsewhere: ClassVar = {
        "for": "how long is a condition of its own under 'all:', such as 'in stage for: 30 days'",
        "was": "a move is a condition of its own under 'all:', such as 'moved: down' with 'from:' the stage before",
    }

    begun: ClassVar = {
        **dict.fromkeys(
            ("in stage", "in stage since", "on stage", "stays in"),
            "write 'stage:' with its name, and 'in stage for: 30 days' as a condition of its own under 'all:'",
        ),
        **dict.fromkeys(("stage is not", "stage not", "not stage", "not in stage"), "write it as 'not: {stage: …}'"),
        **dict.fromkeys(
            ("below", "above", "stage below", "stage above"), "name the stages, such as 'stage: [quiet, lost]'"
        ),
    }

    stage: StageName | Annotated[list[StageName], Field(min_length=1, max_length=20)] = Field(
        description="A stage of the live ladder, or several.", examples=["loyal", ["loyal", "fan"]]
    )

    @property
    def stages(self) -> tuple[str, ...]:
        """The stages that are asked for, one or several."""
        return (self.stage,) if isinstance(self.stage, str) else tuple(self.stage)
