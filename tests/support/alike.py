"""Both cores decide the same story, turn by turn; what differs is shown.

Goes with the core on objects.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from schemas.actions import Action, Decision
from tests.support.stories import TurnOfStory
from workers.core.decisions.decide import decide, decider_of
from workers.core.objects.customer import codec
from workers.core.objects.customer.activity import Activity, reasons_in
from workers.core.objects.decisions.admission import forget
from workers.core.objects.decisions.decide import decide as decide_with_objects
from workers.core.rules.rule_set import Rule, RuleSet


class Differences(AssertionError):
    """What the two cores decide differently."""


def thorough(rules: RuleSet) -> RuleSet:
    """Return the same rules, each looked at by the core on objects after every event of a type that it reads."""
    return replace(
        rules,
        responses={
            cause: tuple(
                replace(one, responses=tuple(replace(some, lowered_ms=0, quiet_ms=0) for some in one.responses))
                for one in responding
            )
            for cause, responding in rules.responses.items()
        },
    )


def told_alike(turns: Sequence[TurnOfStory], shortcuts: bool = False, layout: int = 3) -> None:
    """Let both cores decide a story; raise `Differences` at the first turn that differs.

    Args:
        turns: of the story.
        shortcuts: whether the core on objects leaves looks out as it does at work.
        layout: in which the core on numbers stores the customer between two turns.
    """
    old: bytes | None = None
    new: bytes | None = None
    former: dict[str, Rule] = {}
    for number, turn in enumerate(turns):
        codes = {**turn.rules.codes}
        known = None if old is None else codec.decode(old, codes)
        rules = turn.rules if shortcuts else thorough(turn.rules)
        before = decide_with_objects("ada", known, turn.events, rules, turn.observed, turn.upto_ms)
        former.update({rule.version: rule for rule in turn.rules.rules})
        numbers = replace(turn.rules, former=former)
        after = decide("ada", new, turn.events, numbers, turn.observed, turn.upto_ms, layout)
        found = list(_differences(before, after, after.decisions(), shortcuts))
        if before.activity is not None:
            old = codec.encode(before.activity)
            if after.stored is None:
                found.append("nothing is stored")
            else:
                in_words = after.stored if layout == 3 else _as_layout_3(after.stored, numbers, turn)
                found += _facts_differ(codec.decode(old, codes), codec.decode(in_words, codes), turn.rules, shortcuts)
        elif after.stored is not None:
            found.append("something is stored")
        new = after.stored
        if found:
            raise Differences(f"turn {number}:\n" + "\n".join(found))


def _as_layout_3(stored: bytes, rules: RuleSet, turn: TurnOfStory) -> bytes:
    decider = decider_of(rules)
    decider.turn.begin("ada", turn.observed)
    decider.stored.read(stored)
    return decider.stored.write(3)


def _differences(before: Any, after: Any, decisions: list[Action | Decision], shortcuts: bool) -> Iterator[str]:
    shown = before.decisions
    if shortcuts:
        shown, decisions = _known(shown), _known(decisions)
    if shown != decisions:
        yield from _lists_differ(shown, decisions)
    # With its shortcuts, the core on objects leaves looks out at which it would find that it cannot know.
    for name in ("folded", "duplicates", "left_out", "not_understood", *(() if shortcuts else ("waiting",))):
        if getattr(before, name) != getattr(after, name):
            yield f"{name}: {getattr(before, name)} != {getattr(after, name)}"
    if shortcuts:
        return
    # The core on objects may look too early, and then nothing happens.
    if before.due_ms != after.due_ms and (after.due_ms and not 0 < before.due_ms < after.due_ms):
        yield f"due_ms: {before.due_ms} != {after.due_ms}"
    if after.due_ms == 0 < before.due_ms and before.due_ms <= before.activity.at_ms:
        yield f"due_ms: {before.due_ms} != {after.due_ms}"


def _known(decisions: Sequence[Action | Decision]) -> list[Action | Decision]:
    """Leave out what cannot be known."""
    return [one for one in decisions if isinstance(one, Action) or one.decision != "not_observable"]


def _lists_differ(before: Sequence[Any], after: Sequence[Any]) -> Iterator[str]:
    for one in before:
        if one not in after:
            yield f"decisions: only with objects: {one}"
    for one in after:
        if one not in before:
            yield f"decisions: only with numbers: {one}"
    if sorted(map(repr, before)) == sorted(map(repr, after)):
        yield f"decisions: another order: {[_short(one) for one in before]} != {[_short(one) for one in after]}"


def _short(one: Any) -> str:
    kind = one.decision if isinstance(one, Decision) else one.retracted_because or one.status
    return f"{one.rule.id} {kind} {one.episode_started_at:%m-%dT%H:%M}"


def _facts_differ(before: Activity, after: Activity, rules: RuleSet, shortcuts: bool) -> Iterator[str]:
    names = ["first_ms", "at_ms", "seen", "series", "latest", "generation", "acted", "attributes", "pairs", "floors"]
    for name in names if shortcuts else [*names, "fired_ms"]:
        if getattr(before, name) != getattr(after, name):
            yield f"{name}: {getattr(before, name)} != {getattr(after, name)}"
    for rule in sorted({*before.episodes, *after.episodes}):
        first, then = before.episodes.get(rule), after.episodes.get(rule)
        if first is not None and then is not None and rule in rules.by_id:
            # What is over may be forgotten at an event or only after it.
            forget(rules.by_id[rule], first, before.at_ms)
            forget(rules.by_id[rule], then, before.at_ms)
        for one in (first, then):
            if one is not None:
                earliest_ms = min((waits.start_ms for waits in before.candidates), default=0)
                one.held = _that_matter(one.held, earliest_ms)
                one.stood = _that_matter(one.stood, earliest_ms)
        if first != then:
            yield f"episode of {rule}: {first} != {then}"
    waiting = [[_candidate(one) for one in activity.candidates] for activity in (before, after)]
    if waiting[0] != waiting[1]:
        yield f"candidates: {waiting[0]} != {waiting[1]}"


def _that_matter(stretches: Sequence[int], from_ms: int) -> list[int]:
    """Return the beginnings and ends of the stretches that reach beyond a moment."""
    pairs = zip(stretches[::2], stretches[1::2], strict=True)
    return [at_ms for begin_ms, end_ms in pairs if end_ms > from_ms for at_ms in (begin_ms, end_ms)]


def _candidate(one: Any) -> tuple[Any, ...]:
    why_back = reasons_in(one.why_back) if one.why_back else ()
    return (
        one.rule, one.start_ms, one.withdrawn_ms, one.action, one.version, one.variables, reasons_in(one.why),
        one.because, why_back, one.doubted_ms,
    )  # fmt: skip
