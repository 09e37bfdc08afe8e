"""Differences: what happened in an example against what was expected, in the order of time, and why not.

What is here must not know how it is shown.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, Final, Literal

from schemas.actions import Action, Decision
from schemas.durations import write_duration
from schemas.rules import Expected, Rule, write_offset
from workers.core.conditions import FALSE, NOT_OBSERVABLE, TRUE, Condition, Negation, Several
from workers.core.coverage import FOREVER_MS
from workers.core.customer.activity import Activity, Episode
from workers.core.events.decoding import DecodedEvent
from workers.rule_tests.playback import Playback, epoch_ms

_SECOND: Final = timedelta(seconds=1)

Mark = Literal["given", "met", "noted", "unexpected", "missing"]
"""given: an event; met: expected and decided; noted: a decision that needs no mention; unexpected: decided only;
missing: expected only."""


@dataclass(frozen=True, slots=True)
class ConditionFinding:
    """What was found of one condition of a rule, or of several together, at one moment.

    Attributes:
        depth: how deep it stands inside others.
        truth: FALSE, NOT_OBSERVABLE or TRUE.
        condition: in words.
        observed: the value found, if any; of several conditions together, there is none.
        changes: since the start, when its truth changes if nothing happens; None for never, and for several
            conditions together.
        is_group: several conditions together; they follow, one deeper.
    """

    depth: int
    truth: int
    condition: str
    observed: bool | int | float | str | None = None
    changes: timedelta | None = None
    is_group: bool = False


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """One thing in a timeline.

    Attributes:
        at: since the start, to the millisecond.
        fact: the event, of one that is given.
        decided: what was decided, if anything was.
        expected: what was expected or, for what was only decided, what would have to be expected.
        notes: sentences that say more.
        findings: the conditions of the rule at that moment: of an action that is missing or not expected.
        remark: a sentence about the findings.
    """

    at: timedelta
    mark: Mark
    fact: DecodedEvent | None = None
    decided: Action | Decision | None = None
    expected: Expected | None = None
    notes: tuple[str, ...] = ()
    findings: tuple[ConditionFinding, ...] = ()
    remark: str | None = None


def compare(wanted: list[Expected], playback: Playback) -> tuple[list[TimelineEntry], list[Expected]]:
    """Play an example, and return its timeline and what would have to be expected.

    Decisions that only say why nothing is sent count if the example names any of them.
    """
    strict = any(expected.decision is not None for expected in wanted)
    missing, timeline = list(wanted), list[TimelineEntry]()
    for one in [one for step in playback.steps() for one in step.happened]:
        if isinstance(one, DecodedEvent):
            timeline.append(TimelineEntry(playback.since_start(one.at_ms), "given", fact=one))
            continue
        at = playback.since_start(_decided_at(one))
        would_be = _as_expected(one, at, playback)
        met = next((expected for expected in missing if _is_met(expected, would_be)), None)
        if met is not None:
            missing.remove(met)
        mark: Mark = "met" if met is not None else "unexpected" if strict or isinstance(one, Action) else "noted"
        timeline.append(TimelineEntry(at, mark, decided=one, expected=would_be, notes=_about(one, playback)))
    decided = [entry for entry in timeline if entry.expected is not None]
    # What stands in the way of an expected action is worth being expected, and then all such reasons are.
    named = strict or any(_is_in_the_way(entry, expected) for entry in decided for expected in missing)
    worth = [entry.expected for entry in decided if entry.expected and (named or isinstance(entry.decided, Action))]
    instead = [_as_detailed(would_be, wanted) for would_be in worth]
    if missing or any(entry.mark == "unexpected" for entry in decided):
        timeline = _explained(timeline, missing, playback)
    return sorted(timeline, key=_order), instead


def _is_in_the_way(entry: TimelineEntry, expected: Expected) -> bool:
    would_be = entry.expected
    return (
        would_be is not None
        and would_be.decision is not None
        and (would_be.rule, would_be.at) == (expected.rule, expected.at)
    )


def _order(entry: TimelineEntry) -> tuple[timedelta, bool]:
    return _whole_seconds(entry.at), entry.mark == "missing"


def _decided_at(record: Action | Decision) -> datetime:
    if isinstance(record, Action) and record.retracted_at is not None:
        return record.retracted_at
    return record.decided_at


def _as_expected(record: Action | Decision, at: timedelta, playback: Playback) -> Expected:
    """Write what was decided as one would write that it is expected."""
    content: dict[str, Any] = {"at": _whole_seconds(at), "rule": record.rule.id}
    if isinstance(record, Decision):
        content["decision"] = record.decision
    elif record.status == "retracted":
        content["retracted"] = record.retracted_because
    else:
        content["action"] = record.action
        content["variables"] = dict(record.variables)
        if record.not_before is not None:
            content["not_before"] = _whole_seconds(playback.since_start(record.not_before))
    return Expected(**content)


def _as_detailed(would_be: Expected, wanted: list[Expected]) -> Expected:
    """Leave out what the example compares nowhere."""
    if would_be.action is None or all(expected.variables is None for expected in wanted):
        would_be = would_be.model_copy(update={"variables": None})
    if all(expected.not_before is None for expected in wanted):
        would_be = would_be.model_copy(update={"not_before": None})
    return would_be


def _whole_seconds(at: timedelta) -> timedelta:
    # An offset cannot be written any finer; some conditions flip one millisecond after a whole second.
    return at // _SECOND * _SECOND


def _is_met(expected: Expected, would_be: Expected) -> bool:
    return (
        _same_kind(expected, would_be)
        and expected.at == would_be.at
        and (expected.not_before is None or expected.not_before == would_be.not_before)
        and (expected.variables is None or _same_variables(expected.variables, would_be.variables or {}))
    )


def _same_kind(one: Expected, other: Expected) -> bool:
    return (one.rule, one.action, one.retracted, one.decision) == (
        other.rule,
        other.action,
        other.retracted,
        other.decision,
    )


def _same_variables(expected: dict[str, Any], found: dict[str, Any]) -> bool:
    return expected.keys() == found.keys() and all(_same(value, found[name]) for name, value in expected.items())


def _same(expected: Any, found: Any) -> bool:
    # True == 1 in Python; to a template they are different. And money is told as text: '25' is meant by 25.
    if isinstance(expected, bool) or isinstance(found, bool):
        return expected is found
    if isinstance(expected, int | float) and found is not None:
        try:
            return Decimal(str(expected)) == Decimal(str(found))
        except InvalidOperation:
            return False
    return bool(expected == found)


def _about(record: Action | Decision, playback: Playback) -> tuple[str, ...]:
    if isinstance(record, Decision):
        return (record.detail,)
    if record.status == "retracted":
        back = f"takes back the action of {_offset(playback.since_start(record.decided_at))}"
        if record.retracted_at == record.decided_at:
            back += ": at one moment, what is due by time comes before an event"
        return (back,)
    return ()


def _offset(at: timedelta) -> str:
    return write_offset(_whole_seconds(at))


# -- why not ---------------------------------------------------------------------------------------------------


def _explained(timeline: list[TimelineEntry], missing: list[Expected], playback: Playback) -> list[TimelineEntry]:
    """Play it once more, looking at the conditions behind everything that is not as expected."""
    explained, left = list[TimelineEntry](), sorted(missing, key=lambda expected: expected.at)
    entries = iter(timeline)
    decided = [entry for entry in timeline if entry.expected is not None]
    while left and playback.moment_ms(left[0].at) < playback.facts[0].at_ms:
        explained.append(_missing(left.pop(0), decided, None, playback))
    for step in playback.steps():
        for _ in step.happened:
            entry = next(entries)
            if entry.mark == "unexpected" and step.activity is not None:
                entry = replace(entry, findings=_behind(entry, step.activity, playback))
            explained.append(entry)
        while left and playback.moment_ms(left[0].at) < step.until_ms:
            explained.append(_missing(left.pop(0), decided, step.activity, playback))
    return explained + [_missing(expected, decided, None, playback) for expected in left]


def _behind(entry: TimelineEntry, activity: Activity, playback: Playback) -> tuple[ConditionFinding, ...]:
    """Return what was found of each condition when an action was asked for; of others, nothing."""
    record = entry.decided
    if not isinstance(record, Action) or record.status == "retracted":
        return ()
    condition = playback.scenario.compiled.by_id[record.rule.id].condition
    return tuple(_findings(condition, activity, epoch_ms(record.decided_at), playback, 0))


def _missing(
    expected: Expected, decided: list[TimelineEntry], activity: Activity | None, playback: Playback
) -> TimelineEntry:
    """Say of something that did not happen what is known about why.

    Args:
        expected: what.
        decided: everything that was.
        activity: at that moment, None if nothing was known by then.
        playback: of the example.
    """
    notes = list(_elsewhere(expected, [entry for entry in decided if entry.mark == "unexpected"]))
    then = [
        entry.decided
        for entry in decided
        if entry.expected and (entry.expected.rule, entry.expected.at) == (expected.rule, expected.at)
    ]
    entry = TimelineEntry(expected.at, "missing", expected=expected)
    if playback.moment_ms(expected.at) > playback.end_ms:
        notes.append(
            f"the example is watched until {_offset(playback.since_start(playback.end_ms))} only: see 'watch for'"
        )
    elif then and then[-1] is not None:
        notes = notes or [_instead(then[-1])]
    elif expected.retracted is not None:
        notes.append(_why_not_taken_back(expected, decided, playback))
    elif activity is None:
        notes.append("nothing has happened yet at that time")
    else:
        entry = _why_not(expected, activity, playback)
    return replace(entry, notes=(*notes, *entry.notes))


def _instead(record: Action | Decision) -> str:
    if isinstance(record, Decision):
        return f"instead it is decided: {record.decision}, {record.detail}"
    if record.status == "retracted":
        return f"instead the action is taken back: {record.retracted_because}"
    return f"instead the action is {record.action}"


def _elsewhere(expected: Expected, only_decided: list[TimelineEntry]) -> Iterator[str]:
    """Name the nearest thing that was decided instead, if it is of the same kind."""
    alike = [entry for entry in only_decided if entry.expected and _same_kind(expected, entry.expected)]
    if not alike:
        return
    nearest = min(alike, key=lambda entry: abs(entry.at - expected.at))
    would_be = nearest.expected
    assert would_be is not None
    if would_be.at != expected.at:
        yield f"it happens at {write_offset(would_be.at)}"
        return
    if expected.variables is not None and not _same_variables(expected.variables, would_be.variables or {}):
        yield "it happens, with other variables"
    if expected.not_before is not None and expected.not_before != would_be.not_before:
        soonest = "at once" if would_be.not_before is None else f"from {write_offset(would_be.not_before)} on"
        yield f"it happens, and may be sent {soonest}"


def _why_not_taken_back(expected: Expected, decided: list[TimelineEntry], playback: Playback) -> str:
    at_ms = playback.moment_ms(expected.at)
    newest: dict[str, Action] = {}
    for one in (entry.decided for entry in decided):
        if isinstance(one, Action) and one.rule.id == expected.rule and epoch_ms(_decided_at(one)) <= at_ms:
            newest[one.action_id] = one
    if not newest:
        return "there is no action to take back before that"
    last = list(newest.values())[-1]
    taken = playback.since_start(last.decided_at)
    if last.retracted_at is not None:
        because = f"({last.retracted_because})"
        back_at = _offset(playback.since_start(last.retracted_at))
        return f"the action of {_offset(taken)} was taken back at {back_at} already {because}"
    if epoch_ms(last.expires_at) <= at_ms:
        return f"the action of {_offset(taken)} expired at {_offset(playback.since_start(last.expires_at))}"
    return f"the action of {_offset(taken)} stands: the rule did not stop holding because of an event"


def _why_not(expected: Expected, activity: Activity, playback: Playback) -> TimelineEntry:
    """Say what was found of each condition of a rule at a moment at which it does not act."""
    rule_id, at_ms = expected.rule or "", playback.moment_ms(expected.at)
    condition = playback.scenario.compiled.by_id[rule_id].condition
    findings = tuple(_findings(condition, activity, at_ms, playback, 0))
    entry = TimelineEntry(expected.at, "missing", expected=expected, findings=findings)
    truth = condition.look(activity, at_ms, playback.observed)[0]
    if truth == FALSE:
        return replace(entry, notes=("the rule does not hold at that time:",))
    if truth == NOT_OBSERVABLE:
        note = "it cannot be known at that time whether the rule holds, and a rule acts only on what is known:"
        remark = "What no event has told yet is not observable."
        if any(finding.truth == NOT_OBSERVABLE and finding.changes is not None for finding in entry.findings):
            known = _offset(playback.since_start(activity.first_ms))
            remark = f"Linger knows the customer since {known}: whatever has to look back further is not observable."
        return replace(entry, notes=(note,), remark=remark)
    return replace(
        entry, notes=(_standing(activity.episodes.get(rule_id), playback.scenario.rules[rule_id], playback),)
    )


def _standing(episode: Episode | None, rule: Rule, playback: Playback) -> str:
    """Say since when a rule holds that holds at a moment at which it does not act."""
    if episode is None:
        return "the rule holds at that time:"
    if not episode.holding and episode.met_ms and rule.for_ is not None:
        lasting = playback.since_start(episode.met_ms) + rule.for_
        since = _offset(playback.since_start(episode.met_ms))
        return f"it holds since {since} and must hold for {write_duration(rule.for_)}, until {_offset(lasting)}:"
    return (
        f"it holds since {_offset(playback.since_start(episode.start_ms))}; a rule acts once, when it begins to hold:"
    )


def _findings(
    condition: Condition, activity: Activity, at_ms: int, playback: Playback, depth: int, negated: bool = False
) -> Iterator[ConditionFinding]:
    """Yield a condition and what is inside it.

    `not` is not a level: the words of what is inside say the opposite, so its truth is turned round too. Nor is an
    `all` at the top.
    """
    truth, flip_ms = condition.look(activity, at_ms, playback.observed)
    truth = TRUE - truth if negated else truth
    if isinstance(condition, Negation):
        yield from _findings(condition.part, activity, at_ms, playback, depth, not negated)
    elif isinstance(condition, Several):
        every = (condition.ruling == FALSE) != negated
        if depth or not every:
            yield ConditionFinding(
                depth, truth, "all of these:" if every else "at least one of these:", is_group=True
            )
            depth += 1
        for part in condition.parts:
            yield from _findings(part, activity, at_ms, playback, depth, negated)
    else:
        changes = None if flip_ms >= FOREVER_MS else playback.since_start(flip_ms)
        for reason in condition.reasons(activity, at_ms, playback.observed):
            yield ConditionFinding(depth, truth, reason.condition, reason.observed, changes)


def words_of(expected: Expected, with_rule: bool) -> str:
    """Return what is expected in the words of the file, such as `action at-risk`."""
    kind = "action" if expected.action else "retracted" if expected.retracted else "decision"
    rule = f"{expected.rule}: " if with_rule else ""
    return f"{rule}{kind} {expected.action or expected.retracted or expected.decision}"
