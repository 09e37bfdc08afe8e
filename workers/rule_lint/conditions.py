"""Lints about conditions and the names in them: what can never hold, what nobody needs, what nobody knows."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from schemas import conditions as model
from schemas.conditions import expanded
from schemas.durations import parse_duration
from schemas.rules import Rule
from schemas.sources import SourcesFile
from workers.rule_files.known_names import built_in_attributes
from workers.rule_files.positions import Position
from workers.rule_files.problems import Problem, did_you_mean
from workers.rule_files.references import (
    Named,
    conditions_of,
    elementary_in,
    entries_of,
    meets_in,
    names_in_condition,
    variables_in,
)
from workers.rule_files.yaml_nodes import MapNode, Node, ScalarNode, items_of, value_of
from workers.rule_lint.definition import Lint, warning
from workers.rule_lint.located_rules import LocatedRule, LocatedRules
from workers.rule_lint.logic import MAX_ALTERNATIVES, conflict, follows

_CLOSE: Final = 0.8


def contradictions(book: LocatedRules) -> Iterator[Problem]:
    """Yield rules that can never hold, and alternatives of them that cannot."""
    for located_rule in book.rules:
        ways = book.ways_of(located_rule) or []
        conflicts = [pair for way in ways if (pair := conflict(way)) is not None]
        never = len(conflicts) == len(ways)
        for one, other in conflicts[:1] if never else conflicts:
            place = (
                f"line {one.origin.line}" if one.origin.line != other.origin.line else f"column {one.origin.column}"
            )
            what = f"rule '{located_rule.rule.id}' can never fire" if never else "this alternative can never hold"
            message = f"{what}: this contradicts the condition in {place}"
            yield located_rule.warn(
                "contradiction", other.origin, message, "both can never be true of the same customer"
            )


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
    """Yield rules that another one keeps from acting whenever they hold."""
    for lower in book.rules:
        for higher in book.rules:
            how = _beats(higher.rule, lower.rule)
            if how is None or not _holds_whenever(book, higher, lower):
                continue
            message = f"rule '{lower.rule.id}' can never act: whenever it holds, {higher} holds too and {how}"
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


def _beats(higher: Rule, lower: Rule) -> str | None:
    if higher is lower or higher.status not in ("live", lower.status) or higher.status == "paused":
        return None
    if lower.id in (higher.instead_of or ()):
        return "stands instead of it"
    if higher.priority is not None and lower.priority is not None and higher.priority > lower.priority:
        return f"has the higher priority {higher.priority}"
    return None


def _holds_whenever(book: LocatedRules, what: LocatedRule, given: LocatedRule) -> bool:
    wide, narrow = book.ways_of(what), book.ways_of(given)
    if not wide or not narrow or len(wide) * len(narrow) > MAX_ALTERNATIVES:
        return False
    is_sooner = (what.rule.for_ or timedelta(0)) <= (given.rule.for_ or timedelta(0))
    return is_sooner and all(any(follows(one, way) for one in wide) for way in narrow)


def same_customers(book: LocatedRules) -> Iterator[Problem]:
    """Yield rules that hold for the same customers as an earlier one."""
    first: dict[str, LocatedRule] = {}
    for located_rule in book.rules:
        if located_rule.rule.status == "paused":
            continue
        parts = [located_rule.rule.when, located_rule.rule.unless]
        written = [None if part is None else _normal(expanded(part, book.book.define)) for part in parts]
        other = first.setdefault(repr([*written, located_rule.rule.for_]), located_rule)
        if other is located_rule or _beats(other.rule, located_rule.rule) or _beats(located_rule.rule, other.rule):
            continue
        message = f"rule '{located_rule.rule.id}' hits the same customers as {other}: they would get both"
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


def _normal(condition: Any) -> str:
    """Return a text that is the same for conditions that mean the same, whatever the order of their parts."""
    match condition:
        case model.All(all=parts) | model.Any_(any=parts):
            inner = sorted({_normal(part) for part in parts})
            return inner[0] if len(inner) == 1 else f"{type(condition).__name__}({', '.join(inner)})"
        case model.Not(not_=part):
            return f"not {_normal(part)}"
    return repr(condition)


def short_history(book: LocatedRules) -> Iterator[Problem]:
    """Yield windows that reach back further than sources are complete."""
    for located_rule in book.rules:
        for part in conditions_of(located_rule.node):
            for named, days, at in _windows_in(part):
                since = _complete_since(book.sources, named.type)
                if since is None or book.now - timedelta(days=days) >= since or book.now < since:
                    continue
                enough = (since + timedelta(days=days)).date()
                message = (
                    f"the window reaches back {days} days, but {named.type} is complete since {since.date()} only: "
                    f"nobody can be judged before {enough}"
                )
                hint = "make the window shorter, or load older events and set 'complete_since' in sources.yaml"
                yield located_rule.warn("short-history", at, message, hint)


SHORT_HISTORY: Final = Lint(
    "short-history",
    short_history,
    warning(
        "A window longer than the history",
        "The window reaches back further than the day since which a source is complete (`complete_since` in "
        "sources.yaml). Until enough time has passed, Linger cannot evaluate it for any customer.",
    ),
)


class _WindowOf(NamedTuple):
    named: Named
    days: int
    at: Position


def _windows_in(condition: Node) -> Iterator[_WindowOf]:
    for part in elementary_in(condition):
        named = next(names_in_condition(part), None)
        within = value_of(part, "within")
        if named is None or within is None or "after" in entries_of(part) or not isinstance(within, ScalarNode):
            continue
        days = parse_duration(within.text).days
        yield _WindowOf(named, 2 * days if "change" in entries_of(part) else days, within.at)


def _complete_since(sources: SourcesFile | None, name: str) -> datetime | None:
    """Return since when everything of a type is known to be there; None if that is not said of every source."""
    since = [source.complete_since for source in sources.sources if name in source.types()] if sources else []
    return max((one for one in since if one is not None), default=None) if all(since) else None


# --- names ------------------------------------------------------------------------------------------------------


def unused_definitions(book: LocatedRules) -> Iterator[Problem]:
    """Yield named conditions that no rule needs, directly or over others."""
    if not book.is_whole or not book.rules:
        return
    used = {
        node.text
        for located_rule in book.rules
        for part in conditions_of(located_rule.node)
        for node in meets_in(part)
    }
    waiting = list(used)
    while waiting:
        for node in meets_in(book.definitions[waiting.pop()].condition):
            if node.text not in used:
                used.add(node.text)
                waiting.append(node.text)
    for name, definition in book.definitions.items():
        if name not in used:
            message = f"no rule needs '{name}'"
            hint = f"write 'meets: {name}' in a rule, or delete it"
            file = definition.document.file
            yield Problem(file, *definition.key.at, "unused-definition", message, hint, "warning")


UNUSED_DEFINITION: Final = Lint(
    "unused-definition",
    unused_definitions,
    warning(
        "A named condition that no rule uses",
        "Nothing `meets` it. Perhaps it is left over, or a rule repeats the same condition instead of using the "
        "name.",
        "define:\n  regular customer: {count: purchase, at least: 3}\n"
        "rules:\n  - id: quiet\n    title: Quiet\n    status: shadow\n    when: {none: purchase, for: 45 days}\n"
        "    action: at-risk\n    template: a\n    expires after: 14 days\n",
        "define:\n  regular customer: {count: purchase, at least: 3}\n"
        "rules:\n  - id: quiet\n    title: Quiet\n    status: shadow\n"
        "    when: {all: [{meets: regular customer}, {none: purchase, for: 45 days}]}\n"
        "    action: at-risk\n    template: a\n    expires after: 14 days\n",
    ),
)


def unprovided_attributes(book: LocatedRules) -> Iterator[Problem]:
    """Yield attributes that no event has, as far as that is known."""
    for located_rule in book.rules:
        conditions = [named for part in conditions_of(located_rule.node) for named in names_in_condition(part)]
        variables = list(variables_in(located_rule.node))
        for named in dict.fromkeys([*conditions, *variables]):
            if named.attribute is None:
                continue
            said = _unprovided(book, named, located_rule.rule, named in variables)
            if said is not None:
                yield located_rule.warn("unprovided-attribute", named.node.at, *said)


UNPROVIDED_ATTRIBUTE: Final = Lint(
    "unprovided-attribute",
    unprovided_attributes,
    warning(
        "An attribute that no event has",
        "It is not one of Linger's own fields of the event, and no known source provides it. A condition on it is "
        "never true, and a message gets no value for it.",
        "variables: {reason: cancellation.raeson}\n",
        "variables: {reason: cancellation.reason}\n",
    ),
)


def _unprovided(book: LocatedRules, named: Named, rule: Rule, is_variable: bool) -> tuple[str, str] | None:
    own, attribute = built_in_attributes(named.type), named.attribute or ""
    if named.type in book.given:
        if attribute in book.given[named.type] or rule.status not in ("live", "shadow"):
            return None
        message = f"no source fills {named.type}.{attribute}: it is never known"
        return message, f"add '{attribute}' to a source of {named.type} in sources.yaml"
    if attribute in own or not own:
        return None
    if (close := did_you_mean(attribute, own, _CLOSE)) is not None:
        return f"a {named.type} has no field '{attribute}' of its own", f"did you mean '{named.type}.{close}'?"
    if is_variable and book.sources is None:
        message = f"a {named.type} has no field '{attribute}' of its own, so the message may be told nothing"
        return message, f"it has {', '.join(sorted(own)) or 'none'}; --sources tells which others there are"
    return None


def unfed_types(book: LocatedRules) -> Iterator[Problem]:
    """Yield event types that rules in use need and that no source gives."""
    if book.sources is None:
        return
    fed = {name for source in book.sources.sources for name in source.types()}
    for document in book.documents:
        every = value_of(document.root, "for every rule")
        for part, key in (("consent", "from"), ("time zone", "from"), ("time zone", "country")):
            node = value_of(value_of(every, part), key)
            if isinstance(node, ScalarNode) and (kind := node.text.partition(".")[0]) not in fed:
                message = f"no source gives a {kind}: the {part} of a customer can never be known"
                hint = "add a source in sources.yaml, or leave it out until there is one"
                yield Problem(document.file, *node.at, "unfed-type", message, hint, "warning")
    for located_rule in book.rules:
        if located_rule.rule.status not in ("live", "shadow"):
            continue
        told = set(fed)
        for named in (named for part in conditions_of(located_rule.node) for named in names_in_condition(part)):
            if named.type not in told:
                told.add(named.type)
                message = f"no source gives a {named.type}: rule '{located_rule.rule.id}' can never know"
                hint = "add a source in sources.yaml, or make the rule a draft until there is one"
                yield located_rule.warn("unfed-type", named.node.at, message, hint)


UNFED_TYPE: Final = Lint(
    "unfed-type",
    unfed_types,
    warning(
        "An event type that no source provides",
        "sources.yaml declares it, but no topic delivers it. An active rule would wait for events that never come.",
    ),
)


_TRUTHS: Final = {"yes": "true", "y": "true", "on": "true", "no": "false", "n": "false", "off": "false"}


def old_truths(book: LocatedRules) -> Iterator[Problem]:
    """Yield `yes` and `no` without quotes where a value of an event is wanted: other YAML takes them for truths."""
    for document in book.documents:
        for node in _values_in(document.root, False):
            if node.is_plain and node.text.lower() in _TRUTHS:
                message = f"'{node.text}' is a text here, not {_TRUTHS[node.text.lower()]}"
                hint = f'write "{node.text}" if the text is meant, or {_TRUTHS[node.text.lower()]}'
                yield Problem(document.file, *node.at, "old-truth", message, hint, "warning")


OLD_TRUTH: Final = Lint(
    "old-truth",
    old_truths,
    warning(
        "`yes` or `no` without quotes",
        "Older YAML reads `yes`, `no`, `on` and `off` as true and false; Linger reads them as texts. If the events "
        'carry true or false, write `true` or `false`. Otherwise put the text in quotes: `"no"`, also for Norway.',
        "when:\n  count: purchase\n  at least: 1\n  where: {newsletter: yes}\n",
        "when:\n  count: purchase\n  at least: 1\n  where: {newsletter: true}\n",
    ),
)


def _values_in(node: Node | None, is_value: bool) -> Iterator[ScalarNode]:
    """Yield every single value that is compared with one of an event."""
    if isinstance(node, ScalarNode):
        if is_value:
            yield node
    elif isinstance(node, MapNode):
        for key, (_, value) in node.entries.items():
            wanted = key in ("where", "is", "is not", "other than", "opted out", "with", "variables")
            is_reference = key == "variables" and not _is_expected(node)
            yield from _values_in(value, (is_value or wanted) and not is_reference)
    else:
        for item in items_of(node):
            yield from _values_in(item, is_value)


def _is_expected(node: MapNode) -> bool:
    return "at" in node.entries


LINTS: Final = (
    CONTRADICTION,
    OUTRANKED,
    SAME_CUSTOMERS,
    SHORT_HISTORY,
    UNUSED_DEFINITION,
    UNPROVIDED_ATTRIBUTE,
    UNFED_TYPE,
    OLD_TRUTH,
)
