"""What tools show of records must not hold values of personal attributes: refusals and traces without them. Pure."""

from collections.abc import Collection
from dataclasses import replace
from typing import Any, Final

from schemas.events import InvalidEvent
from schemas.places import Place, places_of
from schemas.source_conditions import FIND
from schemas.sources import Case, Source
from workers.core.conditions.condition import PERSONAL
from workers.core.mapping.trace import CaseTrace, ConditionTrace, ItemTrace, RecordTrace, Trace, ValueTrace

__all__ = ["without_values", "without_values_in"]

_NOT_SHOWN: Final = "what was found is not shown, as it may be personal (sources.yaml)"


def without_values(error: InvalidEvent, personal: Collection[str]) -> InvalidEvent:
    """Return a refusal that quotes no personal value; the same one if it quotes another field alone.

    A refusal of a record as a whole may quote its beginning.

    Args:
        error: why a record, or an item of it, cannot be read.
        personal: the personal attributes, as `type.attribute`.
    """
    fields = {reference.partition(".")[2] for reference in personal}
    if not personal or (error.field is not None and error.field not in fields):
        return error
    at = "" if error.field is None else f"'{error.field}': "
    return InvalidEvent(error.reason, f"{at}{_NOT_SHOWN}", field=error.field)


def without_values_in(trace: Trace, source: Source, personal: Collection[str]) -> Trace:
    """Return a trace of the records of a source that shows `PERSONAL` in place of each personal value.

    Args:
        trace: what says of a record what the mapping does with it.
        source: with the mapping.
        personal: as for `without_values`.
    """
    if not personal:
        return trace
    masks = _Masks(source, personal)
    return lambda record: masks.record(trace(record))


class _Masks:
    """Masks what was found in the records of one source."""

    def __init__(self, source: Source, personal: Collection[str]) -> None:
        self._personal = personal
        self._keys = {key for case in source.cases() for key in _keys_of(case, personal)}

    def record(self, trace: RecordTrace) -> RecordTrace:
        refusal = trace.refusal if trace.refusal is None else without_values(trace.refusal, self._personal)
        return RecordTrace(tuple(self._item(item) for item in trace.items), refusal)

    def _item(self, item: ItemTrace) -> ItemTrace:
        result = item.result
        if isinstance(result, InvalidEvent):
            result = without_values(result, self._personal)
        event_type = item.case.event if item.case is not None else getattr(result, "type", "")
        return replace(
            item,
            result=result,
            shared=tuple(map(self._condition, item.shared)),
            cases=tuple(self._case(case) for case in item.cases),
            values=tuple(
                _hidden(value) if f"{event_type}.{value.name}" in self._personal else value for value in item.values
            ),
        )

    def _case(self, case: CaseTrace) -> CaseTrace:
        return replace(case, conditions=tuple(map(self._condition, case.conditions)))

    def _condition(self, condition: ConditionTrace) -> ConditionTrace:
        """Mask what a condition found at a place of a personal attribute."""
        # What an expression gives may be a personal value, and whether there is one is none.
        is_searched = condition.key == FIND and not isinstance(condition.found, bool)
        if condition.found is None or not (is_searched or condition.key in self._keys):
            return condition
        return replace(condition, found=PERSONAL)


def _keys_of(case: Case, personal: Collection[str]) -> set[str]:
    """Return the keys of `only_when` that are places of personal values of a case."""
    wheres = {**case.attributes, **{name: getattr(case.fields, name) for name in case.fields.given()}}
    return {
        key
        for name, where in wheres.items()
        if f"{case.event}.{name}" in personal
        for place in places_of(where)
        for part in place.with_parts()
        if (key := _key_of(part))
    }


def _key_of(place: Place) -> str:
    if place.path is not None:
        return place.path
    return f"header {place.header}" if place.header is not None else "key" if place.key else ""


def _hidden(value: ValueTrace) -> ValueTrace:
    """Return a value with the place where it was found and what was done to it, without the value."""
    return replace(
        value,
        others="" if value.found is None else value.others.partition(";")[0],
        found=_mask(value.found),
        value=_mask(value.value),
        changes=tuple(_done(change) for change in value.changes),
        left_out=value.left_out.partition(":")[0],
        is_personal=True,
    )


def _done(change: str) -> str:
    """Return what was done to a value, such as `lower` of `lower: mara@example.com`."""
    word = change.partition(":")[0]
    return word if word.replace(" ", "").isalpha() else "converted"


def _mask(value: Any) -> str | None:
    return None if value is None else PERSONAL
