"""Lints about conditions: rules that can never be true or never act, and windows longer than the history.

This module must never know files and clocks: the time is an argument.
"""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any, Final, NamedTuple

from schemas import conditions as model
from schemas.conditions import condition_kind, expanded
from schemas.durations import parse_duration, write_duration
from schemas.rules import Rule
from schemas.sources import SourcesFile
from workers.core.rules.kinds import KINDS
from workers.rule_files.positions import Position
from workers.rule_files.problems import Problem
from workers.rule_files.references import (
    Named,
    conditions_of,
    elementary_in,
    entries_of,
    located_steps,
    names_in_condition,
)
from workers.rule_files.yaml_nodes import Node, ScalarNode, value_of
from workers.rule_lint.definition import Lint, warning
from workers.rule_lint.located_rules import LocatedRule, LocatedRules
from workers.rule_lint.logic import MAX_ALTERNATIVES, conflict, follows


def contradictions(book: LocatedRules) -> Iterator[Problem]:
    """Yield rules that can never be true, and their alternatives that cannot."""
    for located_rule in book.rules:
        alternatives = book.alternatives_of(located_rule) or []
        conflicts = [pair for literals in alternatives if (pair := conflict(literals)) is not None]
        is_never_true = len(conflicts) == len(alternatives)
        what = f"rule '{located_rule.rule.id}'" if is_never_true else "this alternative"
        for earlier, later in conflicts[:1] if is_never_true else conflicts:
            in_one_line = earlier.origin.line == later.origin.line
            other = f"column {earlier.origin.column}" if in_one_line else f"line {earlier.origin.line}"
            message = f"{what} can never be true: this contradicts the condition in {other}"
            hint = "both can never be true for the same customer"
            yield located_rule.warn("contradiction", later.origin, message, hint)


CONTRADICTION: Final = Lint(
    "contradiction",
    contradictions,
    warning(
        "Conditions that exclude each other",
        "No customer can match both, so the rule, or one of its alternatives, can never be true. The usual cause is "
        "a window inside a silence: nothing for 45 days, and at least one in the last 30.",
        "when:\n  all:\n    - none: purchase\n      for: 45 days\n"
        "    - count: purchase\n      at least: 1\n      within: 30 days\n",
        "when:\n  all:\n    - none: purchase\n      for: 45 days\n"
        "    - count: purchase\n      at least: 1\n      within: 365 days\n",
    ),
)


def outranked(book: LocatedRules) -> Iterator[Problem]:
    """Yield rules that another rule blocks whenever they are true."""
    for lower in book.rules:
        for higher in book.rules:
            reason = _reason_to_block(higher.rule, lower.rule)
            if reason is None or not _is_true_whenever(book, higher, lower):
                continue
            message = f"rule '{lower.rule.id}' can never act: whenever it is true, {higher} is true too and {reason}"
            hint = "make its condition wider than the other's, or the other one's narrower"
            yield lower.warn("outranked", lower.at("id"), message, hint)
            break


OUTRANKED: Final = Lint(
    "outranked",
    outranked,
    warning(
        "A rule that another rule always blocks",
        "Whenever this rule is true, the other one is true too, and has the higher priority or acts instead of it. "
        "Give the more specific rule the higher priority.",
        "rules:\n"
        "  - id: all-quiet\n    title: All customers\n    status: shadow\n    when: {none: purchase, for: 45 days}\n"
        "    priority: 20\n    action: at-risk\n    template: a\n    expires after: 9 days\n"
        "  - id: long-quiet\n    title: For longer\n    status: shadow\n    when: {none: purchase, for: 90 days}\n"
        "    priority: 10\n    action: at-risk\n    template: b\n    expires after: 9 days\n",
        "rules:\n"
        "  - id: all-quiet\n    title: All customers\n    status: shadow\n    when: {none: purchase, for: 45 days}\n"
        "    priority: 10\n    action: at-risk\n    template: a\n    expires after: 9 days\n"
        "  - id: long-quiet\n    title: For longer\n    status: shadow\n    when: {none: purchase, for: 90 days}\n"
        "    priority: 20\n    action: at-risk\n    template: b\n    expires after: 9 days\n",
    ),
)


def _reason_to_block(higher: Rule, lower: Rule) -> str | None:
    """Return why a rule blocks another one if both are true; None if it does not."""
    if higher is lower or higher.status not in ("live", lower.status) or higher.status == "paused":
        return None
    if lower.id in (higher.instead_of or ()):
        return "acts instead of it"
    if higher.priority is not None and lower.priority is not None and higher.priority > lower.priority:
        return f"has the higher priority {higher.priority}"
    return None


def _is_true_whenever(book: LocatedRules, higher: LocatedRule, lower: LocatedRule) -> bool:
    """Return whether the higher rule is certainly true whenever the lower one is, and not later."""
    wide, narrow = book.alternatives_of(higher), book.alternatives_of(lower)
    if not wide or not narrow or len(wide) * len(narrow) > MAX_ALTERNATIVES:
        return False
    is_sooner = (higher.rule.for_ or timedelta(0)) <= (lower.rule.for_ or timedelta(0))
    return is_sooner and all(any(follows(literals, given) for literals in wide) for given in narrow)


def same_customers(book: LocatedRules) -> Iterator[Problem]:
    """Yield rules that are true for the same customers as an earlier one."""
    first: dict[str, LocatedRule] = {}
    for located_rule in book.rules:
        if located_rule.rule.status == "paused":
            continue
        parts = [located_rule.rule.when, located_rule.rule.unless]
        written = [None if part is None else _normal(expanded(part, book.book.define)) for part in parts]
        other = first.setdefault(repr([*written, located_rule.rule.for_]), located_rule)
        if other is located_rule or _is_ordered(other.rule, located_rule.rule):
            continue
        message = f"rule '{located_rule.rule.id}' is for the same customers as {other}: they would get both"
        hint = "make one of them narrower, give both a 'priority', or write 'instead of'"
        yield located_rule.warn("same-customers", located_rule.at("when"), message, hint)


SAME_CUSTOMERS: Final = Lint(
    "same-customers",
    same_customers,
    warning(
        "Two rules for the same customers",
        "Both have the same condition, so every customer would get both actions. Make one narrower, give both a "
        "`priority`, or write `instead of`.",
        "rules:\n"
        "  - id: one\n    title: One\n    status: shadow\n    when: {none: purchase, for: 45 days}\n"
        "    action: at-risk\n    template: a\n    expires after: 9 days\n"
        "  - id: two\n    title: Two\n    status: shadow\n    when: {none: purchase, for: 45 days}\n"
        "    action: at-risk\n    template: b\n    expires after: 9 days\n",
        "rules:\n"
        "  - id: one\n    title: One\n    status: shadow\n    when: {none: purchase, for: 45 days}\n"
        "    action: at-risk\n    template: a\n    expires after: 9 days\n"
        "  - id: two\n    title: Two\n    status: shadow\n    when: {none: purchase, for: 90 days}\n"
        "    action: at-risk\n    template: b\n    expires after: 9 days\n",
    ),
)


def _is_ordered(rule: Rule, other: Rule) -> bool:
    return _reason_to_block(rule, other) is not None or _reason_to_block(other, rule) is not None


def _normal(condition: Any) -> str:
    """Return a text that is the same for conditions that differ only in the order of their parts."""
    match condition:
        case model.All(all=parts) | model.Any_(any=parts):
            inner = sorted({_normal(part) for part in parts})
            return inner[0] if len(inner) == 1 else f"{type(condition).__name__}({', '.join(inner)})"
        case model.Not(not_=part):
            return f"not {_normal(part)}"
    return repr(condition)


def short_history(book: LocatedRules) -> Iterator[Problem]:
    """Yield windows that reach back to before the sources are complete, and in ladders silences that do."""
    for located_rule in book.rules:
        for part in conditions_of(located_rule.node):
            for named, days, at in _windows_in(part):
                what = f"the window reaches back {days} days"
                if (until := _known_only_from(book, named.type, days)) is not None:
                    message = f"{what}, but {until[0]}: no customer can be evaluated before {until[1]}"
                    yield Problem(located_rule.document.file, *at, "short-history", message, _OLDER, "warning")
    for step in located_steps(book.documents):
        for named, days, at in () if step.is_draft else (*_windows_in(step.when), *_silences_in(step.when)):
            if (until := _known_only_from(book, named.type, days)) is not None:
                message = (
                    f"the step '{step.stage}' looks back {days} days, but {until[0]}: before {until[1]} it may be "
                    "known of no customer, and then no step below it is known either"
                )
                yield Problem(step.document.file, *at, "short-history", message, _OLDER, "warning")


_OLDER: Final = "make the window shorter, or load older events and set 'complete_since' in sources.yaml"


def _known_only_from(book: LocatedRules, event_type: str, days: int) -> tuple[str, date] | None:
    """Return that a type is complete for a shorter time, and the day from which it is for long enough; or None."""
    since = _complete_since(book.sources, event_type)
    if since is None or book.now < since or book.now - timedelta(days=days) >= since:
        return None
    return f"{event_type} is complete only since {since.date()}", (since + timedelta(days=days)).date()


SHORT_HISTORY: Final = Lint(
    "short-history",
    short_history,
    warning(
        "A window longer than the history",
        "The window reaches back further than the day since which a source is complete (`complete_since` in "
        "sources.yaml). Until enough time has passed, Linger cannot evaluate it for any customer. In a ladder that "
        "also holds for a silence: until the step is known, no step below it is.",
    ),
)


def beyond_memory(book: LocatedRules) -> Iterator[Problem]:
    """Yield windows and silences that are longer than a customer without a sign of life is remembered."""
    memory = book.book.forget_after
    if memory is None:
        return
    rules = [(each.document, part) for each in book.rules for part in conditions_of(each.node)]
    steps = [(each.document, each.when) for each in located_steps(book.documents) if not each.is_draft]
    for document, condition in (*rules, *steps):
        for _, days, at in (*_windows_in(condition), *_silences_in(condition)):
            if timedelta(days=days) <= memory:
                continue
            message = (
                f"this reaches back {days} days, but a customer is forgotten {write_duration(memory)} after the "
                "last sign of life"
            )
            hint = "make it shorter, or 'forget after' in sources.yaml longer"
            yield Problem(document.file, *at, "beyond-memory", message, hint, "warning")


BEYOND_MEMORY: Final = Lint(
    "beyond-memory",
    beyond_memory,
    warning(
        "A window longer than customers are remembered",
        "`forget after` in sources.yaml says how long after the last sign of life a customer is forgotten, at the "
        "next start of a month. A silence that is longer ends for most customers before the rule holds. A longer "
        "window is not observable for customers who may have been forgotten and are back.",
    ),
)


class _Window(NamedTuple):
    """The window of a condition, or its silence.

    Attributes:
        named: the event type that it is about.
        days: how far it reaches back.
        at: the position of its length.
    """

    named: Named
    days: int
    at: Position


def _windows_in(condition: Node) -> Iterator[_Window]:
    for part in elementary_in(condition):
        named = next(names_in_condition(part), None)
        within = value_of(part, "within")
        windows = KINDS[word].windows if (word := condition_kind(dict(entries_of(part))) or "") in KINDS else 0
        if named is not None and windows and isinstance(within, ScalarNode):
            yield _Window(named, windows * parse_duration(within.text).days, within.at)


def _silences_in(condition: Node) -> Iterator[_Window]:
    """Yield the silences that a condition asks for."""
    for part in elementary_in(condition):
        named, lasts = next(names_in_condition(part), None), value_of(part, "for")
        if condition_kind(dict(entries_of(part))) == "none" and named is not None and isinstance(lasts, ScalarNode):
            yield _Window(named, parse_duration(lasts.text).days, lasts.at)


def _complete_since(sources: SourcesFile | None, event_type: str) -> datetime | None:
    """Return since when all sources of a type are complete; None if one of them does not declare it."""
    days = [source.complete_since for source in sources.sources if event_type in source.types()] if sources else []
    return max((day for day in days if day is not None), default=None) if all(days) else None


LINTS: Final = (CONTRADICTION, OUTRANKED, SAME_CUSTOMERS, SHORT_HISTORY, BEYOND_MEMORY)
