"""Ladders: the stages on which customers stand, as rule files have them under `stages`.

The steps are read from the top; the first one whose condition holds is the customer's stage. At most one ladder of
all files is live.
"""

from collections.abc import Callable
from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Field, PlainSerializer, model_validator

from schemas.conditions import Condition, StageName, Strict, check_size
from schemas.paces import Pace
from schemas.refusals import InconsistentEntries

MAX_STEPS: Final = 20
_PACE: Final = (5_000, "hour")


class Step(Strict):
    """One step of a ladder."""

    stage: StageName = Field(description="The name of the stage.", examples=["regular"])
    when: Condition = Field(
        description="The condition. It may use `meets`, but no stage.",
        examples=[{"count": "purchase", "at least": 3, "within": "365 days"}],
    )
    list: bool = Field(default=False, description="Whether customers on this step can be listed.", examples=[True])
    status: Literal["draft"] | None = Field(
        default=None,
        description="draft: the step is only checked, and no customer stands on it. By default it counts.",
        examples=["draft"],
    )

    @model_validator(mode="after")
    def _small(self) -> "Step":
        check_size([self.when])
        return self


class Bottom(Strict):
    """The stage of all customers for whom no step holds."""

    stage: StageName = Field(description="The name of the stage.", examples=["newcomer"])
    list: bool = Field(default=False, description="Whether customers on this step can be listed.", examples=[True])


def _read_bottom(value: Any) -> Any:
    return {"stage": value} if isinstance(value, str) else value


class Ladder(Strict):
    """A ladder: stages from the top, each with its condition, and the stage of all others."""

    name: StageName = Field(description="The name of the ladder.", examples=["simple"])
    status: Literal["draft", "live"] = Field(
        default="draft",
        description="draft: is only checked; live: says where customers stand. One ladder of all files is live.",
        examples=["live"],
    )
    pace: Pace = Field(
        default=_PACE,
        description="How fast stages are published that are no move: those that are known for the first time, or "
        "changed because the ladder did.",
        examples=["at most 5,000 per hour"],
    )
    steps: Annotated[list[Step], Field(min_length=1, max_length=MAX_STEPS)] = Field(
        description="The steps from the top; the first one that holds is the customer's stage.",
        examples=[[{"stage": "regular", "when": {"count": "purchase", "at least": 3}}]],
    )
    otherwise: Annotated[
        Bottom,
        BeforeValidator(_read_bottom, json_schema_input_type=StageName | Bottom),
        PlainSerializer(lambda bottom: bottom.stage if not bottom.list else {"stage": bottom.stage, "list": True}),
    ] = Field(description="The stage of all customers for whom no step holds.", examples=["newcomer"])

    @model_validator(mode="after")
    def _told_apart(self) -> "Ladder":
        seen = set[str]()
        for index, stage in enumerate(self.stages()):
            if stage in seen:
                under = ("steps", index) if index < len(self.steps) else ()
                key = "stage" if under else "otherwise"
                message = f"the stage '{stage}' is there twice: give each a name of its own"
                raise InconsistentEntries(message, key, is_value=True, under=under)
            seen.add(stage)
        if all(step.status == "draft" for step in self.steps):
            raise InconsistentEntries("every step is a draft, so all customers would stand on the lowest", "steps")
        return self

    def counting(self) -> "Ladder":
        """Return the ladder without the steps that are drafts."""
        return self.model_copy(update={"steps": [step for step in self.steps if step.status != "draft"]})

    def changed(self, change: Callable[[Any], Any]) -> "Ladder":
        """Return the ladder with the condition of every step changed."""
        steps = [step.model_copy(update={"when": change(step.when)}) for step in self.steps]
        return self.model_copy(update={"steps": steps})

    def stages(self) -> tuple[str, ...]:
        """Return the names of all stages, from the top."""
        return (*(step.stage for step in self.steps), self.otherwise.stage)

    def listed(self) -> frozenset[str]:
        """Return the stages whose customers can be listed."""
        found = [step.stage for step in self.steps if step.list]
        return frozenset([*found, self.otherwise.stage] if self.otherwise.list else found)
