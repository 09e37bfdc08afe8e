"""Differences: the decisions of an example compared with the expected ones, by time.

This module must never know how differences are shown.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, get_args

from schemas.actions import Action, Decision, Suppression
from schemas.rules import Expected
from schemas.stages import StageRecord
from workers.core.events.decoding import DecodedEvent
from workers.rule_tests.entries import Mark, TimelineEntry
from workers.rule_tests.expectations import DETAILS, as_expected, decided_at, is_met, offset_words, whole_seconds
from workers.rule_tests.failures import explained
from workers.rule_tests.playback import Playback

_ALL_KINDS: Final = frozenset(get_args(Suppression))


@dataclass(frozen=True, slots=True)
class Comparison:
    """An example, played and compared.

    Attributes:
        timeline: everything given, decided and expected, by time.
        instead: the expectations under which the example would pass.
    """

    timeline: list[TimelineEntry]
    instead: list[Expected]


def compare(expectations: list[Expected], playback: Playback) -> Comparison:
    """Play an example, and compare its decisions with the expected ones.

    Decisions that only say why nothing is sent are compared if the example expects any of them. `not_observable` is
    compared only if the example expects that: at such a moment nothing begins, and nothing is held back. Stages are
    compared, and shown, if the example expects one.
    """
    expected = {each.decision for each in expectations if each.decision is not None}
    compared = (_ALL_KINDS - {"not_observable"} | expected) if expected else frozenset[str]()
    timeline, missing = _matched(expectations, playback, compared)
    instead = _instead(timeline, expectations, missing, compared)
    if missing or any(entry.mark == "unexpected" for entry in timeline):
        timeline = explained(timeline, missing, playback)
    return Comparison(sorted(timeline, key=_order), instead)


def _matched(
    expectations: list[Expected], playback: Playback, compared: Collection[str]
) -> tuple[list[TimelineEntry], list[Expected]]:
    """Return the events and decisions of an example, and the expectations that none of them meets."""
    missing, timeline = list(expectations), list[TimelineEntry]()
    for step in playback.steps():
        for event_or_decision in step.happened:
            if isinstance(event_or_decision, DecodedEvent):
                at = playback.since_start(event_or_decision.at_ms)
                timeline.append(TimelineEntry(at, "given", event=event_or_decision))
            else:
                timeline.append(_decided(event_or_decision, step.at_ms, missing, playback, compared))
    return timeline, missing


def _decided(
    record: Action | Decision | StageRecord,
    at_ms: int,
    missing: list[Expected],
    playback: Playback,
    compared: Collection[str],
) -> TimelineEntry:
    """Return the entry of what a step at a time brought; an expectation that it meets is removed from `missing`."""
    # A stage that is corrected, or known for the first time, may have begun before it is published.
    at = playback.since_start(at_ms if isinstance(record, StageRecord) else decided_at(record))
    actual = as_expected(record, at, playback)
    met = next((expected for expected in missing if is_met(expected, actual)), None)
    if met is not None:
        missing.remove(met)
    is_compared = not isinstance(record, Decision) or record.decision in compared
    mark: Mark = "met" if met is not None else "unexpected" if is_compared else "noted"
    return TimelineEntry(at, mark, decided=record, expected=actual, notes=_notes_about(record, playback))


def _instead(
    timeline: list[TimelineEntry], expectations: list[Expected], missing: list[Expected], compared: Collection[str]
) -> list[Expected]:
    """Return the expectations under which the example would pass."""
    decided = [entry for entry in timeline if entry.expected is not None]
    # A decision that prevents an expected action should be expected, and then all such decisions are compared.
    prevented = any(_prevents(entry, expected) for entry in decided for expected in missing)
    return [
        _as_detailed(entry.expected, expectations)
        for entry in decided
        if entry.expected is not None and (prevented or entry.expected.decision in {None, *compared})
    ]


def _prevents(entry: TimelineEntry, expected: Expected) -> bool:
    actual = entry.expected
    if actual is None or actual.decision is None:
        return False
    return (actual.rule, actual.at) == (expected.rule, expected.at)


def _as_detailed(actual: Expected, expectations: list[Expected]) -> Expected:
    """Return an expectation without the details that the example compares nowhere."""
    alike = [expected for expected in expectations if expected.is_stage == actual.is_stage]
    compared = {name for name in DETAILS if any(getattr(expected, name) is not None for expected in alike)}
    own = {"stage"} if actual.is_stage else set[str]()
    return actual.model_copy(update={name: None for name in DETAILS if name not in compared | own})


def _notes_about(record: Action | Decision | StageRecord, playback: Playback) -> tuple[str, ...]:
    if isinstance(record, Decision):
        return (record.detail,)
    if isinstance(record, StageRecord):
        return (_note_about_stage(record),)
    if record.status == "retracted":
        note = f"takes back the action of {offset_words(playback.since_start(record.decided_at))}"
        if record.retracted_at == record.decided_at:
            note += ": at one moment, what is due by time comes before an event"
        return (note,)
    return ()


def _note_about_stage(record: StageRecord) -> str:
    origin = "" if record.came_from is None else f" from '{record.came_from}'"
    if record.direction != "none":
        return f"moves {record.direction}{origin}"
    return f"comes{origin}, which is no move" if origin else "is known for the first time, which is no move"


def _order(entry: TimelineEntry) -> tuple[timedelta, bool]:
    return whole_seconds(entry.at), entry.mark == "missing"
