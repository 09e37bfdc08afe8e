"""The cases of a source, compiled: which one a document belongs to, and what its fields are. Pure."""

import re
from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

from schemas.events import Event, InvalidEvent, build_event
from schemas.source_conditions import FIND
from schemas.sources import NO_CASE, ONLY_WHEN, Case, Source
from workers.core.mapping.conditions import Condition, compile_conditions
from workers.core.mapping.fields import FindFields, Reread, compile_fields, places_in_words
from workers.core.mapping.money import currency_of
from workers.core.mapping.places import Context
from workers.core.mapping.record import SourceRecord
from workers.core.mapping.skipped import Skipped

Builder = Callable[[dict[str, Any], datetime], Event]
"""`build(fields, latest)` -> the event of these fields; raises `InvalidEvent`."""

BY_ONLY_WHEN: Final = Skipped(ONLY_WHEN)
BY_NO_CASE: Final = Skipped(NO_CASE)

_NAMES_OP: Final = re.compile(r"\bop\b")


class CompiledCase(NamedTuple):
    """One case of a source.

    Attributes:
        name: what metrics call it.
        conditions: must all hold.
        find: finds the fields of the event.
        build: validates them.
        names_op: whether its conditions, or those of the source, name Debezium's `op`.
        skips: what its records are counted as, for a case without an event.
        refuses: the reason with which its records are dead letters, for a case without an event.
    """

    name: str
    conditions: tuple[Condition, ...]
    find: FindFields
    build: Builder
    names_op: bool
    skips: Skipped | None = None
    refuses: str | None = None


class CompiledCases(NamedTuple):
    """The cases of a source.

    Attributes:
        conditions: those of the source; must hold for every case.
        cases: in their order.
    """

    conditions: tuple[Condition, ...]
    cases: tuple[CompiledCase, ...]

    def choose(self, document: Any, record: SourceRecord, no_activity: str = "") -> CompiledCase | Skipped:
        """Return the first case whose conditions hold; for one that skips, its name.

        Args:
            document: what the conditions are about.
            record: the record that it is from.
            no_activity: for a change of Debezium that is no customer's activity, what it is; only a case that names
                `op` may have it.

        Raises:
            InvalidEvent: with the reason of a case that refuses.
        """
        for holds in self.conditions:
            if not holds(document, record):
                return Skipped(no_activity) if no_activity else BY_ONLY_WHEN
        for case in self.cases:
            if no_activity and not case.names_op:
                continue
            for holds in case.conditions:
                if not holds(document, record):
                    break
            else:
                if case.refuses is not None:
                    raise InvalidEvent(case.refuses, f"the case '{case.name}' of the source refuses such records")
                return case if case.skips is None else case.skips
        return Skipped(no_activity) if no_activity else BY_NO_CASE


def compile_cases(
    source: Source, declared: Collection[str], context: Context, reread: Reread | None
) -> CompiledCases:
    """Compile the cases of a source that is not canonical.

    Args:
        source: a validated source.
        declared: the event types declared beyond the built-in ones.
        context: the key of `hashed`.
        reread: as for `compile_fields`.
    """
    is_named = names_op(source.only_when)
    cases = tuple(
        CompiledCase(
            case.label(),
            compile_conditions(case.only_when),
            compile_fields(case, context, reread),
            compile_builder(case, declared),
            is_named or names_op(case.only_when),
            None if case.skip is None else Skipped(case.label()),
            case.refuse,
        )
        for case in source.every_case()
    )
    return CompiledCases(compile_conditions(source.only_when), cases)


def names_op(only_when: Mapping[str, Any]) -> bool:
    """Return whether an `only_when` names Debezium's `op`."""
    return "op" in only_when or _NAMES_OP.search(str(only_when.get(FIND, ""))) is not None


def compile_builder(case: Case, declared: Collection[str]) -> Builder:
    """Return what validates the fields of a case, and says of a refused one where it was read."""
    types, places = tuple(declared), places_in_words(case)

    def build(fields: dict[str, Any], latest: datetime) -> Event:
        currency = fields.get("currency")
        if (written := currency_of(currency)) is not currency:
            fields = {**fields, "currency": written}
        try:
            return build_event(fields, types=types, latest=latest)
        except InvalidEvent as error:
            raise _located(error, places) from None

    return build


def _located(error: InvalidEvent, places: dict[str, str]) -> InvalidEvent:
    """Return the same refusal, with where in the source record the value was read."""
    at = places.get(error.field or "")
    return error if at is None else InvalidEvent(error.reason, f"{error.detail}; read from {at}", field=error.field)
