"""Failures: why an expected decision was not made, and why an unexpected action was.

The example is played a second time, and the conditions of its rules are evaluated wherever the timeline differs.
This module must never know how that is shown.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from schemas.actions import Action, Decision
from schemas.conditions import size_of
from schemas.durations import write_duration
from schemas.rules import Expected, Rule, write_offset
from schemas.stages import StageRecord
from workers.core.conditions.combinations import Not, Several
from workers.core.conditions.condition import FALSE, NOT_OBSERVABLE, TRUE, Condition
from workers.core.coverage import FOREVER_MS
from workers.core.customer.candidate import Evidence
from workers.core.customer.stage import code_of_stage
from workers.core.decisions.program import ActiveRule
from workers.core.decisions.wording import reasons_of
from workers.rule_tests.entries import ConditionFinding, TimelineEntry
from workers.rule_tests.expectations import decided_at, is_same_kind, offset_words, other_details
from workers.rule_tests.playback import Playback, epoch_ms


def explained(timeline: list[TimelineEntry], missing: list[Expected], playback: Playback) -> list[TimelineEntry]:
    """Return a timeline with an entry for each missing decision, and with findings for what is unexpected.

    Args:
        timeline: the events and decisions, in the order in which the playback yields them.
        missing: the expectations that no decision meets.
        playback: the example; it is played again.
    """
    result, left = list[TimelineEntry](), sorted(missing, key=lambda expected: expected.at)
    entries = iter(timeline)
    decided = [entry for entry in timeline if entry.expected is not None]
    while left and playback.moment_ms(left[0].at) < playback.events[0].at_ms:
        result.append(_missing(left.pop(0), decided, None, playback))
    for step in playback.steps():
        for _ in step.happened:
            entry = next(entries)
            if entry.mark == "unexpected" and step.stored is not None:
                entry = replace(entry, findings=_findings_of_action(entry, step.stored, playback))
            result.append(entry)
        while left and playback.moment_ms(left[0].at) < step.until_ms:
            result.append(_missing(left.pop(0), decided, step.stored, playback))
    return result + [_missing(expected, decided, None, playback) for expected in left]


def _findings_of_action(entry: TimelineEntry, stored: bytes, playback: Playback) -> tuple[ConditionFinding, ...]:
    """Return the findings of each condition when an action or a stage was decided; none for other decisions."""
    record = entry.decided
    if isinstance(record, StageRecord):
        return tuple(ConditionFinding(0, TRUE, reason.condition, reason.observed) for reason in record.why)
    if not isinstance(record, Action) or record.status == "retracted":
        return ()
    rule = playback.program_after(stored).by_id[record.rule.id]
    return tuple(_findings(rule.condition, rule.conditions, epoch_ms(record.decided_at), playback, 0))


def _missing(
    expected: Expected, decided: list[TimelineEntry], stored: bytes | None, playback: Playback
) -> TimelineEntry:
    """Return the entry of a decision that was not made, with the known reasons.

    Args:
        expected: the decision.
        decided: all decisions that were made.
        stored: the state of the customer at that time; None if there was none yet.
        playback: the example.
    """
    notes = list(_notes_about_other_decisions(expected, decided))
    same_time = [
        entry.decided
        for entry in decided
        if entry.expected and (entry.expected.rule, entry.expected.at) == (expected.rule, expected.at)
    ]
    entry = TimelineEntry(expected.at, "missing", expected=expected)
    if playback.moment_ms(expected.at) > playback.end_ms:
        end = offset_words(playback.since_start(playback.end_ms))
        notes.append(f"the example is watched only until {end}: see 'watch for'")
    elif same_time and same_time[-1] is not None:
        notes = notes or [_decided_instead(same_time[-1])]
    elif expected.retracted is not None:
        notes.append(_why_not_taken_back(expected, decided, playback))
    elif stored is None:
        notes.append("nothing has happened yet at that time")
    elif expected.is_stage:
        entry = _why_not_there(expected.stage or "", entry, stored, playback)
    else:
        entry = _why_no_action(expected, stored, playback)
    return replace(entry, notes=(*notes, *entry.notes))


def _decided_instead(record: Action | Decision | StageRecord) -> str:
    if isinstance(record, StageRecord):
        return f"instead the stage is {record.stage}"
    if isinstance(record, Decision):
        return f"instead it is decided: {record.decision}, {record.detail}"
    if record.status == "retracted":
        return f"instead the action is taken back: {record.retracted_because}"
    return f"instead the action is {record.action}"


def _notes_about_other_decisions(expected: Expected, decided: list[TimelineEntry]) -> Iterator[str]:
    """Yield how the nearest unexpected decision of the same kind differs, if there is one."""
    alike = [
        (abs(entry.at - expected.at), entry.expected)
        for entry in decided
        if entry.mark == "unexpected" and entry.expected and is_same_kind(expected, entry.expected)
    ]
    if not alike:
        return
    _, actual = min(alike, key=lambda candidate: candidate[0])
    if actual.at != expected.at:
        yield f"it happens at {write_offset(actual.at)}"
        return
    for name in other_details(expected, actual):
        if name == "not_before":
            earliest = "at once" if actual.not_before is None else f"from {write_offset(actual.not_before)} on"
            yield f"it happens, and may be sent {earliest}"
        elif getattr(actual, name) is None:
            yield f"it happens, without {name}" if name in _SEVERAL else f"it happens, without a {name}"
        else:
            yield f"it happens, with other {name}" if name in _SEVERAL else f"it happens, with another {name}"


_SEVERAL: Final = ("variables", "labels")
"""Details with more than one entry."""


def _why_not_taken_back(expected: Expected, decided: list[TimelineEntry], playback: Playback) -> str:
    at_ms = playback.moment_ms(expected.at)
    newest: dict[str, Action] = {}
    for record in (entry.decided for entry in decided):
        if isinstance(record, Action) and record.rule.id == expected.rule and epoch_ms(decided_at(record)) <= at_ms:
            newest[record.action_id] = record
    if not newest:
        return "there is no action to take back before that"
    last = list(newest.values())[-1]
    action = f"the action of {offset_words(playback.since_start(last.decided_at))}"
    if last.retracted_at is not None:
        taken_back = offset_words(playback.since_start(last.retracted_at))
        return f"{action} was taken back at {taken_back} already ({last.retracted_because})"
    if epoch_ms(last.expires_at) <= at_ms:
        return f"{action} expired at {offset_words(playback.since_start(last.expires_at))}"
    return f"{action} is not taken back: no event made the rule untrue"


def _why_no_action(expected: Expected, stored: bytes, playback: Playback) -> TimelineEntry:
    """Return the entry of a missing action, with the findings of each condition at that time."""
    rule_id, at_ms = expected.rule or "", playback.moment_ms(expected.at)
    program = playback.program_after(stored)
    rule = program.by_id[rule_id]
    findings = tuple(_findings(rule.condition, rule.conditions, at_ms, playback, 0))
    entry = TimelineEntry(expected.at, "missing", expected=expected, findings=findings)
    truth = rule.condition.look(at_ms)
    if truth == FALSE:
        return replace(entry, notes=("the rule is not true at that time:",))
    if truth == NOT_OBSERVABLE:
        note = "at that time it is unknown whether the rule is true, and a rule acts only on what is known:"
        remark = "A value that no event has carried yet is not observable."
        if any(finding.truth == NOT_OBSERVABLE and finding.changes is not None for finding in findings):
            first = offset_words(playback.since_start(program.customer.first_ms))
            remark = (
                f"Linger knows the customer since {first}: a condition that reaches back further is not observable."
            )
        return replace(entry, notes=(note,), remark=remark)
    note = _note_about_episode(rule, playback.scenario.rules[rule_id], playback)
    return replace(entry, notes=(note,))


def _why_not_there(stage: str, entry: TimelineEntry, stored: bytes, playback: Playback) -> TimelineEntry:
    """Return the entry of a missing stage, with where the customer stands, and the findings of its step."""
    at_ms = playback.moment_ms(entry.at)
    program = playback.program_after(stored)
    ladder, compiled = program.ladder, program.rule_set.ladder
    assert ladder is not None
    assert compiled is not None
    stretch = ladder.at(at_ms)
    now = f"stands on '{ladder.name(stretch.code)}' since {offset_words(playback.since_start(stretch.since_ms))}"
    note = f"the customer {now}" if stretch.is_known else "at that time it is unknown where the customer stands"
    step = ladder.step_of(code_of_stage(stage))
    if step is None:
        return replace(entry, notes=(note,))
    conditions, _ = size_of(compiled.steps[compiled.stages.index(stage)])
    findings = tuple(_findings(step, conditions, at_ms, playback, 0))
    return replace(entry, notes=(f"{note}; the step '{stage}':",), findings=findings)


def _note_about_episode(active: ActiveRule, rule: Rule, playback: Playback) -> str:
    """Return since when a rule that does not act is true."""
    episode = active.episode
    if not episode.is_present:
        return "the rule is true at that time:"
    if not episode.holding and episode.true_since_ms and rule.for_ is not None:
        since = playback.since_start(episode.true_since_ms)
        lasting = f"{write_duration(rule.for_)}, until {offset_words(since + rule.for_)}"
        return f"the rule is true since {offset_words(since)} and must stay true for {lasting}:"
    since = playback.since_start(episode.start_ms)
    return f"the rule is true since {offset_words(since)}; a rule acts once, when it becomes true:"


def _findings(
    condition: Condition, conditions: int, at_ms: int, playback: Playback, depth: int, is_negated: bool = False
) -> Iterator[ConditionFinding]:
    """Yield the findings of a condition and of the conditions inside it.

    `not` is not a level: the conditions inside it are worded as their opposite, so their truth is reversed too. An
    `all` at the top is not a level either. There are `conditions` elementary ones in the whole rule.
    """
    truth = condition.look(at_ms)
    next_change_ms = condition.flip_ms
    truth = TRUE - truth if is_negated else truth
    if isinstance(condition, Not):
        yield from _findings(condition.part, conditions, at_ms, playback, depth, not is_negated)
    elif isinstance(condition, Several):
        needs_all = (condition.ruling == FALSE) != is_negated
        if depth or not needs_all:
            words = "all of these:" if needs_all else "at least one of these:"
            yield ConditionFinding(depth, truth, words, is_group=True)
            depth += 1
        for part in condition.parts:
            yield from _findings(part, conditions, at_ms, playback, depth, is_negated)
    else:
        changes = None if next_change_ms >= FOREVER_MS else playback.since_start(next_change_ms)
        evidence = Evidence(conditions)
        condition.note(evidence, at_ms)
        for reason in reasons_of(condition, evidence):
            yield ConditionFinding(depth, truth, reason.condition, reason.observed, changes)
