"""What a mapping made of samples, as lines for people and as documents for machines. Prints nothing."""

import json
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from schemas.events import Event, InvalidEvent, encode_event
from workers.core.mapping.skipped import Skipped
from workers.core.mapping.trace import CaseTrace, ConditionTrace, ItemTrace, ValueTrace
from workers.core.mapping.words import shown
from workers.histories.outcomes import Outcomes
from workers.kafka.partitioner import partition_of
from workers.source_trial.counting import Comparison
from workers.source_trial.trial import Tried

__all__ = ["comparison_lines", "document_of", "lines_of", "summary_lines"]

_PATH: Final = re.compile(r"path '([^']*)'")
_NAME_WIDTH: Final = 14
_VALUE_WIDTH: Final = 32
_LONGEST_VALUE: Final = 60
_LONGEST_ID: Final = 300
"""No id is longer: it is shown whole, so that it can be searched for."""
_LONGEST_CONDITION: Final = 60
_MOST_ALIKE: Final = 3


# -- one record, for people --------------------------------------------------------------------------------------


def lines_of(tried: Tried, partitions: int, cases: int) -> Iterator[str]:
    """Yield what one sample became; the first character of a line says how it went: ✓, - or ✗.

    Args:
        tried: the sample and what the mapping did.
        partitions: number of partitions of the activity topic.
        cases: number of cases of the source.
    """
    sample, trace = tried
    if trace.refusal is not None:
        yield f"✗ {sample.place}: refused"
        yield f"  {trace.refusal}"
    many = len(trace.items) > 1
    for item in trace.items:
        place = f"{sample.place}, item {item.number}" if many else sample.place
        match item.result:
            case Skipped(by=by):
                yield f"- {place}: skipped ({by}){_case_in_words(item, cases)}"
            case InvalidEvent() as error:
                yield f"✗ {place}: refused{_case_in_words(item, cases)}"
                yield f"  {error}"
                yield from _value_lines(item.values)
            case event:
                yield from _event_lines(place, item, event, partitions, cases)
        yield from _reason_lines(item)


def _event_lines(place: str, item: ItemTrace, event: Event, partitions: int, cases: int) -> Iterator[str]:
    head = f"✓ {place}: {event.type}{_case_in_words(item, cases)}"
    yield head + ("    history: builds activity, and no rule acts on it" if item.is_history else "")
    yield from _value_lines(item.values)
    partition = partition_of(event.customer_id, partitions)
    yield f"  {'activity key':<{_NAME_WIDTH}}{event.customer_id}, partition {partition} of {partitions}"


def _case_in_words(item: ItemTrace, cases: int) -> str:
    """Return which of several cases took an item, and what was found where its conditions hold."""
    case = item.case
    if case is None or cases < 2:
        return ""
    held = ", ".join(f"{one.key} {_short(one.found)}" for one in case.conditions)
    named = f" '{case.name}'" if case.name != case.event else ""
    return f"    case {case.number} of {cases}{named}" + (f" ({held})" if held else "")


def _value_lines(values: Sequence[ValueTrace]) -> Iterator[str]:
    currency = next((trace.value for trace in values if trace.name == "currency" and not trace.is_attribute), None)
    for trace in values:
        name = f"· {trace.name}" if trace.is_attribute else trace.name
        is_id = trace.name in ("event_id", "customer_id") and not trace.is_attribute
        longest = _LONGEST_ID if is_id else _LONGEST_VALUE
        value = "-" if trace.value is None else _short(_plain(trace.value), longest)
        if trace.name == "amount" and trace.value is not None and currency is not None:
            value += f" {currency}"
        line = f"  {name:<{_NAME_WIDTH - 1}} {value:<{_VALUE_WIDTH - 1}} {_place(trace.place)}"
        more = [*trace.changes, *([trace.others] if trace.others else ())]
        if trace.left_out:
            more.append(f"left out: {trace.left_out}, found {_short(trace.found, _LONGEST_VALUE)}")
        elif trace.value is None:
            more.append("nothing there" if trace.found is None else f"found {_short(trace.found, _LONGEST_VALUE)}")
        yield line + (f"   ({'; '.join(more)})" if more else "")


def _reason_lines(item: ItemTrace) -> Iterator[str]:
    """Yield why the source skipped an item, and why the other cases did not take it."""
    for condition in item.shared:
        if not condition.holds:
            yield f"  only_when: {_not_held(condition)}"
    alike: dict[str, list[tuple[CaseTrace, ConditionTrace]]] = {}
    for case in item.cases:
        if case.failed is not None:
            alike.setdefault(case.failed.key, []).append((case, case.failed))
    for cases in alike.values():
        if len(cases) > _MOST_ALIKE:
            numbers = _ranges([case.number for case, _ in cases])
            _, failed = cases[0]
            yield f"  not cases {numbers}, which want another {failed.key}: found {_found(failed)}"
        else:
            for case, failed in cases:
                yield f"  not case {case.number} '{case.name}': {_not_held(failed)}"


def _not_held(condition: ConditionTrace) -> str:
    found = "nothing there" if condition.found is None else f"found {_found(condition)}"
    return f"{condition.key}: wanted {condition.wanted}, {found}"


def _found(condition: ConditionTrace) -> str:
    return "nothing" if condition.found is None else _short(condition.found, _LONGEST_CONDITION)


def _ranges(numbers: Sequence[int]) -> str:
    """Return increasing numbers in words, such as `2 to 13, 15`."""
    parts: list[list[int]] = []
    for number in numbers:
        if parts and number == parts[-1][-1] + 1:
            parts[-1] = [parts[-1][0], number]
        else:
            parts.append([number])
    return ", ".join(" to ".join(map(str, part)) for part in parts)


def _place(words: str) -> str:
    """Return a place as it is written in the file where that is clear: a path stands for itself."""
    return words if words.startswith("find ") else _PATH.sub(r"\1", words)


def _short(value: Any, limit: int = 40) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        text = value if value and value == value.strip() else repr(value)
        return text if len(text) <= limit else text[: limit - 1] + "…"
    return shown(value, limit)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return str(value) if isinstance(value, Decimal) else value


# -- one record, for machines ------------------------------------------------------------------------------------


def document_of(tried: Tried, partitions: int) -> dict[str, Any]:
    """Return what one sample became as `--json` prints it; `partitions` as for `lines_of`."""
    sample, trace = tried
    record = sample.record
    document: dict[str, Any] = {
        "place": sample.place,
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "items": [_item_document(item, partitions) for item in trace.items],
    }
    if trace.refusal is not None:
        document["refused"] = _refusal_document(trace.refusal)
    return document


def _item_document(item: ItemTrace, partitions: int) -> dict[str, Any]:
    document: dict[str, Any] = {"item": item.number}
    match item.result:
        case Skipped(by=by):
            document |= {"became": "skipped", "by": by}
        case InvalidEvent() as error:
            document |= {"became": "refused", "refused": _refusal_document(error)}
        case event:
            document |= {
                "became": "event",
                "case": None if item.case is None else item.case.name,
                "event": _event_document(event, item.values),
                "key": event.customer_id,
                "activity_partition": partition_of(event.customer_id, partitions),
                "left_out": [{"value": name, "reason": reason} for name, reason in event.left_out()],
                "is_history": item.is_history,
            }
    document["only_when"] = [_condition_document(condition) for condition in item.shared]
    document["cases"] = [_case_document(case) for case in item.cases]
    document["values"] = [_value_document(value) for value in item.values]
    return document


def _event_document(event: Event, values: Sequence[ValueTrace]) -> dict[str, Any]:
    """Return an event as it is published, with personal values masked as in their traces."""
    document: dict[str, Any] = json.loads(encode_event(event))
    for trace in values:
        part = document.get("attributes", {}) if trace.is_attribute else document
        if trace.is_personal and trace.name in part:
            part[trace.name] = trace.value
    return document


def _refusal_document(error: InvalidEvent) -> dict[str, Any]:
    return {"reason": error.reason, "detail": error.detail, "field": error.field}


def _condition_document(condition: ConditionTrace) -> dict[str, Any]:
    return {
        "key": condition.key,
        "wanted": condition.wanted,
        "found": _json(condition.found),
        "holds": condition.holds,
    }


def _case_document(case: CaseTrace) -> dict[str, Any]:
    return {
        "number": case.number,
        "name": case.name,
        "event": case.event,
        "takes": case.takes,
        "only_when": [_condition_document(condition) for condition in case.conditions],
    }


def _value_document(value: ValueTrace) -> dict[str, Any]:
    return {
        "name": value.name,
        "is_attribute": value.is_attribute,
        "place": value.place,
        "others": value.others,
        "found": _json(value.found),
        "value": _json(value.value),
        "changes": list(value.changes),
        "left_out": value.left_out,
    }


def _json(value: Any) -> Any:
    """Return a value as JSON can hold it."""
    plain = _plain(value)
    try:
        json.dumps(plain, allow_nan=False)
    except (TypeError, ValueError):
        return shown(plain)
    return plain


# -- many records ------------------------------------------------------------------------------------------------


def summary_lines(outcomes: Outcomes) -> Iterator[str]:
    """Yield what all samples became: one line, and what was found where records were skipped or refused."""
    yield outcomes.sentence()
    for because in outcomes.skipped_because():
        yield f"  skipped: {because}"
    if outcomes.first_refusal is not None:
        place, text = outcomes.first_refusal
        yield f"  first refused: {place}: {text}"
    for (name, reason), count in outcomes.left_out.most_common():
        yield f"  left out: {name} in {count:,}, {reason}"


def comparison_lines(comparison: Comparison) -> Iterator[str]:
    """Yield the events of each type that a mapping would give, beside those of the mapping in force."""
    days = comparison.days
    first, last = (datetime.fromtimestamp(at_ms / 1000, UTC) for at_ms in (comparison.first_ms, comparison.last_ms))
    span = f"from {first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M} UTC"
    unit = "events" if days is None else "events a day"
    yield f"{comparison.records:,} records {span}" + ("" if days is None else f" ({days:.2g} days)") + f"; {unit}:"
    yield f"  {'type':<20}{'in force':>12}{'this file':>12}{'difference':>12}   records that change"
    in_force = comparison.in_force
    for each in comparison.types:
        theirs, ours = _rate(comparison, each.in_force), _rate(comparison, each.this_file)
        difference = _rate(comparison, each.this_file - each.in_force)
        changes = f"+{each.gained:,} -{each.lost:,}" if each.gained or each.lost else "none"
        if not in_force.has_topic:
            theirs = difference = "-"
        yield f"  {each.type:<20}{theirs:>12}{ours:>12}{difference:>12}   {changes}"
    if not comparison.types:
        yield "  none of either"
    if not in_force.has_topic:
        yield "  nothing is in force: there is no activity topic"
    elif not in_force.is_complete:
        yield "  the activity topic was not read to its end in time, so what is in force may be more"


def _rate(comparison: Comparison, count: int) -> str:
    rate = comparison.a_day(count)
    if rate is None:
        return f"{count:,}"
    return f"{rate:,.0f}" if abs(rate) >= 10 else f"{rate:,.1f}"
