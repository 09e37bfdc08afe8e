"""A condition as it is written, compiled for a customer whom a test fills in by hand."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec
from pydantic import TypeAdapter

from schemas import conditions as model
from schemas.actions import Reason
from schemas.attribute_types import AttributeType
from schemas.ladders import Ladder
from tests.support.builders import DAY, START, VALUE, day
from workers.core.conditions.condition import FALSE, NOT_OBSERVABLE, TRUE, Condition
from workers.core.coverage import FOREVER_MS
from workers.core.customer.candidate import Evidence
from workers.core.customer.customer import Customer
from workers.core.customer.series import Series
from workers.core.customer.specs import Specs
from workers.core.customer.stage import NO_MOVE, code_of_stage
from workers.core.decisions.program import bound_ladder
from workers.core.rules.binding import Binding
from workers.core.rules.rule_compiler import compile_ladder
from workers.core.rules.whole_conditions import collect, compile_whole, reads_ladder
from workers.core.text import Text

TYPES: Final = ("purchase", "login", "cancellation", "reactivation", "nps")
_VALIDATED: Final = TypeAdapter[Any](model.Condition).validate_python
LADDER: Final = Ladder.model_validate(
    {
        "name": "simple",
        "status": "live",
        "steps": [
            {"stage": "lost", "when": {"none": "purchase", "for": "90 days"}},
            {"stage": "quiet", "when": {"none": "purchase", "for": "30 days"}},
            {"stage": "loyal", "when": {"count": "purchase", "at least": 3}},
        ],
        "otherwise": "newcomer",
    }
)
"""On which the customer stands, unless the test has another one."""
_WORDS: Final = {TRUE: "true", FALSE: "false", NOT_OBSERVABLE: "not observable"}
_REASONS: Final = msgspec.json.Decoder(list[Reason])


def _read(written: Any) -> Any:
    """Return a condition; the value of a customer is measured as in `VALUE`, unless the condition says how."""

    def meant(part: Any) -> Any:
        return part if getattr(part, "measured", True) else part.measured_by(VALUE, VALUE.amounts())

    return model.changed(_VALIDATED(written), meant)


READ: Final = _read


def is_condition(content: Any) -> bool:
    """Return whether what a block of YAML says is a condition, and not a file that says what a customer is worth."""
    is_worth = isinstance(content, dict) and "revenue" in (content.get("value") or ())
    return model.condition_kind(content) is not None and not is_worth


class LookedAt:
    """A condition, and the customer at whom it looks: known since day 0, without gaps in the history.

    Attributes:
        when: the condition as written.
        specs: everything that is kept for it.
        customer: to be filled.
        condition: compiled.
        ladder: on which the customer stands.
    """

    def __init__(
        self,
        when: Any,
        types: Iterable[str] = TYPES,
        attribute_types: Mapping[str, AttributeType] | None = None,
        ladder: Ladder | None = None,
    ) -> None:
        self.when = READ(when)
        self.specs = Specs(types, attribute_types)
        collect(self.when, self.specs)
        steps = ladder
        if steps is None and reads_ladder(self.when):
            steps = LADDER
        compiled = None if steps is None else compile_ladder(steps, {}, self.specs)
        facts = self.specs.facts_by_type().values()
        series = sorted((one for spec in facts for one in spec.series), key=lambda one: one.key)
        self.customer = Customer(series, 0, 0, 0)
        self.ladder = None if compiled is None else bound_ladder(compiled, self.customer, self.specs)
        binding = Binding(self.customer, self.specs, ladder=self.ladder)
        self.condition: Condition = compile_whole(self.when, binding)
        self._text, self._evidence = Text(), Evidence(binding.places)
        self.clear()

    def clear(self) -> None:
        """Begin with a customer without events."""
        self.customer.clear()
        self.customer.is_known, self.customer.first_ms, self.customer.settled_ms = True, START, 0
        for series in self.customer.series:
            series.since_ms, series.is_complete = day(-400), True
        self.customer.at_ms = START

    def series(self, name: str) -> Series:
        """Return the series of a type: of some of its events if there is one, else the plain one."""
        of_type: list[Series] = [series for series in self.customer.series if series.type == name]
        return next((series for series in of_type if series.key != name), of_type[0])

    def saw(self, name: str, *days: float) -> Series:
        """Let events of a type have happened, at days in order."""
        series = self.series(name)
        series.is_present = True
        series.first_ms, series.last_ms, series.total = day(days[0]), day(days[-1]), len(days)
        for place, number in enumerate(sorted({day(at) // DAY for at in days})):
            series.days.insert(place, number, sum(day(at) // DAY == number for at in days), 0)
        series.active_days = series.days.number
        self.customer.at_ms = max(self.customer.at_ms, series.last_ms)
        return series

    def stands(self, stage: str, since_day: float, came_from: str = "", direction: int = NO_MOVE) -> None:
        """Let the customer stand on a stage of the ladder since a day."""
        stored = self.customer.stage
        stored.code, stored.since_ms = code_of_stage(stage), day(since_day)
        stored.from_code, stored.direction = code_of_stage(came_from) if came_from else 0, direction

    def watched(self, name: str, since_day: float | None) -> None:
        """Let a type be watched since a day only, or not at all, without a complete history."""
        series = self.series(name)
        series.since_ms, series.is_complete = FOREVER_MS if since_day is None else day(since_day), False

    def evaluate(self, at_ms: int) -> tuple[int, int]:
        """Return the truth at a moment, and when time alone changes it."""
        if self.ladder is not None:
            self.ladder.is_stale = True
        truth = self.condition.look(at_ms)
        return truth, self.condition.flip_ms

    def at(self, at_day: float) -> str:
        """Return the truth in words."""
        return _WORDS[self.evaluate(day(at_day))[0]]

    def flip(self, at_day: float) -> float | None:
        """Return when time alone changes the truth, in days; None for never."""
        flip_ms = self.evaluate(day(at_day))[1]
        return None if flip_ms == FOREVER_MS else (flip_ms - START) / DAY

    def written(self, at_ms: int) -> bytes:
        """Return the reasons as JSON."""
        self._evidence.clear()
        self.condition.note(self._evidence, at_ms)
        self._text.clear()
        self._text.byte(91)
        self.condition.word(self._text, self._evidence)
        self._text.byte(93)
        return self._text.made()

    def reasons(self, at_day: float) -> list[Reason]:
        """Return the reasons."""
        return _REASONS.decode(self.written(day(at_day)))
