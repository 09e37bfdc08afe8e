"""Lints: what is possible in rule files, but hardly what somebody meant. Each is a warning with a documented code.

Pure functions over rule files as they were read; what is here must know no files and no clock.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Any, Final, NamedTuple

from schemas import conditions as model
from schemas.durations import parse_duration, write_duration
from schemas.rules import Rule, RuleBook, pace_seconds
from schemas.sources import SourcesFile
from workers.configuration import built_in_attributes, event_attributes
from workers.core.definitions import expanded
from workers.problems import Problem, did_you_mean
from workers.rule_files import Reading
from workers.rule_logic import Literal, Tree, alternatives, conflict, follows
from workers.rule_nodes import (
    Definition,
    Named,
    conditions_of,
    definitions_in,
    elementary_in,
    entries_of,
    meets_in,
    names_in_condition,
    rules_in,
    text_of,
    variables_in,
)
from workers.yaml_nodes import Document, MapNode, Node, Position, ScalarNode, items_of, value_of

_CLOSE: Final = 0.8
_FEWEST_HELD_OUT: Final = Decimal(1)


@dataclass(frozen=True, slots=True)
class _Placed:
    """A rule and where it stands."""

    rule: Rule
    document: Document
    node: MapNode

    def at(self, *keys: str) -> Position:
        """Return where the value of a key stands; of the rule itself where there is no such key."""
        node: Node = self.node
        for key in keys:
            if (inner := value_of(node, key)) is None:
                return node.at
            node = inner
        return node.at

    def warn(self, code: str, at: Position, message: str, hint: str | None = None) -> Problem:
        """Return a warning about the rule."""
        return Problem(self.document.file, *at, code, message, hint, "warning")

    def __str__(self) -> str:
        at = self.at("id")
        return f"'{self.rule.id}' ({self.document.file}:{at.line})"


@dataclass(frozen=True)
class _Book:
    """Everything that lints look at.

    Attributes:
        rules: those of files without problems, and with conditions that can be written out.
        is_whole: there are no problems anywhere, so that something can be said about what is not there.
    """

    book: RuleBook
    documents: tuple[Document, ...]
    rules: tuple[_Placed, ...]
    definitions: Mapping[str, Definition]
    is_whole: bool
    sources: SourcesFile | None
    now: datetime
    ways: dict[str, list[list[Literal]] | None] = field(default_factory=dict)

    @cached_property
    def given(self) -> Mapping[str, frozenset[str]]:
        """Return the attributes that sources give, by type, as far as they are known."""
        return {} if self.sources is None else event_attributes(self.sources)

    def ways_of(self, placed: _Placed) -> list[list[Literal]] | None:
        """Return the ways in which a rule can hold; None if there are too many."""
        if placed.rule.id not in self.ways:
            self.ways[placed.rule.id] = alternatives(("all", list(self._trees(placed))))
        return self.ways[placed.rule.id]

    def _trees(self, placed: _Placed) -> Iterator[Tree]:
        for key, condition, holds in (("when", placed.rule.when, True), ("unless", placed.rule.unless, False)):
            node = value_of(placed.node, key)
            if condition is not None and node is not None:
                yield self._tree(condition, node, holds, None)

    def _tree(self, condition: Any, node: Node, holds: bool, at: Position | None) -> Tree:
        match condition:
            case model.Meets(meets=name):
                return self._tree(self.book.define[name], self.definitions[name].condition, holds, at or node.at)
            case model.Not(not_=part):
                return self._tree(part, value_of(node, "not") or node, not holds, at)
            case model.All(all=parts) | model.Any_(any=parts):
                word = "all" if isinstance(condition, model.All) else "any"
                nodes = items_of(value_of(node, word))
                trees = [self._tree(part, inner, holds, at) for part, inner in zip(parts, nodes, strict=True)]
                return (word if holds else {"all": "any", "any": "all"}[word]), trees
        return Literal(condition, holds, at or node.at)


def lint(reading: Reading, sources: SourcesFile | None = None, now: datetime | None = None) -> list[Problem]:
    """Return every warning there is about rule files.

    Args:
        reading: as read; of files with problems, only what can be told of single rules.
        sources: what `sources.yaml` says; None if it is not known.
        now: to tell how far a history reaches; None: not told.
    """
    book = _book(reading, sources, now or datetime.min.replace(tzinfo=UTC))
    return [problem for look in LINTS.values() for problem in look(book)]


def _book(reading: Reading, sources: SourcesFile | None, now: datetime) -> _Book:
    nodes = {
        name.text: (document, node)
        for document in reading.documents
        for node in rules_in(document)
        if (name := text_of(node, "id")) is not None
    }
    definitions = {one.name: one for document in reading.documents for one in definitions_in(document)}
    is_whole = not any(problem.severity == "error" for problem in reading.problems)
    rules = tuple(
        _Placed(rule, *nodes[rule.id])
        for rule in reading.book.rules
        if is_whole or not any(meets for part in conditions_of(nodes[rule.id][1]) for meets in meets_in(part))
    )
    return _Book(reading.book, reading.documents, rules, definitions, is_whole, sources, now)


# --- conditions -------------------------------------------------------------------------------------------------


def _contradictions(book: _Book) -> Iterator[Problem]:
    """Yield rules that can never hold, and alternatives of them that cannot."""
    for placed in book.rules:
        ways = book.ways_of(placed) or []
        conflicts = [pair for way in ways if (pair := conflict(way)) is not None]
        never = len(conflicts) == len(ways)
        for one, other in conflicts[:1] if never else conflicts:
            place = (
                f"line {one.origin.line}" if one.origin.line != other.origin.line else f"column {one.origin.column}"
            )
            what = f"rule '{placed.rule.id}' can never fire" if never else "this alternative can never hold"
            message = f"{what}: this contradicts the condition in {place}"
            yield placed.warn("contradiction", other.origin, message, "both can never be true of the same customer")


def _outranked(book: _Book) -> Iterator[Problem]:
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


def _beats(higher: Rule, lower: Rule) -> str | None:
    if higher is lower or higher.status not in ("live", lower.status) or higher.status == "paused":
        return None
    if lower.id in (higher.instead_of or ()):
        return "stands instead of it"
    if higher.priority is not None and lower.priority is not None and higher.priority > lower.priority:
        return f"has the higher priority {higher.priority}"
    return None


def _holds_whenever(book: _Book, what: _Placed, given: _Placed) -> bool:
    wide, narrow = book.ways_of(what), book.ways_of(given)
    if not wide or not narrow or (what.rule.for_ or timedelta(0)) > (given.rule.for_ or timedelta(0)):
        return False
    return all(any(follows(one, way) for one in wide) for way in narrow)


def _same_customers(book: _Book) -> Iterator[Problem]:
    first: dict[str, _Placed] = {}
    for placed in book.rules:
        if placed.rule.status == "paused":
            continue
        parts = [placed.rule.when, placed.rule.unless]
        written = [None if part is None else _normal(expanded(part, book.book.define)) for part in parts]
        other = first.setdefault(repr([*written, placed.rule.for_]), placed)
        if other is placed or _beats(other.rule, placed.rule) or _beats(placed.rule, other.rule):
            continue
        message = f"rule '{placed.rule.id}' hits the same customers as {other}: they would get both"
        hint = "make one of them narrower, give both a 'priority', or write 'instead of'"
        yield placed.warn("same-customers", placed.at("when"), message, hint)


def _normal(condition: Any) -> str:
    """Return a text that is the same for conditions that mean the same, whatever the order of their parts."""
    match condition:
        case model.All(all=parts) | model.Any_(any=parts):
            inner = sorted({_normal(part) for part in parts})
            return inner[0] if len(inner) == 1 else f"{type(condition).__name__}({', '.join(inner)})"
        case model.Not(not_=part):
            return f"not {_normal(part)}"
    return repr(condition)


def _short_history(book: _Book) -> Iterator[Problem]:
    """Yield windows that reach back further than sources are complete."""
    for placed in book.rules:
        for part in conditions_of(placed.node):
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
                yield placed.warn("short-history", at, message, hint)


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


def _unused_definitions(book: _Book) -> Iterator[Problem]:
    if not book.is_whole or not book.rules:
        return
    used = {node.text for placed in book.rules for part in conditions_of(placed.node) for node in meets_in(part)}
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


def _unprovided_attributes(book: _Book) -> Iterator[Problem]:
    """Yield attributes that no event has, as far as that is known."""
    for placed in book.rules:
        conditions = [named for part in conditions_of(placed.node) for named in names_in_condition(part)]
        variables = list(variables_in(placed.node))
        for named in dict.fromkeys([*conditions, *variables]):
            if named.attribute is None:
                continue
            said = _unprovided(book, named, placed.rule, named in variables)
            if said is not None:
                yield placed.warn("unprovided-attribute", named.node.at, *said)


def _unprovided(book: _Book, named: Named, rule: Rule, is_variable: bool) -> tuple[str, str] | None:
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


def _unfed_types(book: _Book) -> Iterator[Problem]:
    """Yield event types that rules in use need and that no source gives."""
    if book.sources is None:
        return
    fed = {name for source in book.sources.sources for name in source.types()}
    for placed in book.rules:
        if placed.rule.status not in ("live", "shadow"):
            continue
        told = set(fed)
        for named in (named for part in conditions_of(placed.node) for named in names_in_condition(part)):
            if named.type not in told:
                told.add(named.type)
                message = f"no source gives a {named.type}: rule '{placed.rule.id}' can never know"
                hint = "add a source in sources.yaml, or make the rule a draft until there is one"
                yield placed.warn("unfed-type", named.node.at, message, hint)


_TRUTHS: Final = {"yes": "true", "y": "true", "on": "true", "no": "false", "n": "false", "off": "false"}


def _old_truths(book: _Book) -> Iterator[Problem]:
    """Yield `yes` and `no` without quotes where a value of an event is wanted: other YAML takes them for truths."""
    for document in book.documents:
        for node in _values_in(document.root, False):
            if node.is_plain and node.text.lower() in _TRUTHS:
                message = f"'{node.text}' is a text here, not {_TRUTHS[node.text.lower()]}"
                hint = f'write "{node.text}" if the text is meant, or {_TRUTHS[node.text.lower()]}'
                yield Problem(document.file, *node.at, "old-truth", message, hint, "warning")


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


# --- control over actions ---------------------------------------------------------------------------------------


def _without_examples(book: _Book) -> Iterator[Problem]:
    for placed in book.rules:
        rule = placed.rule
        if rule.status in ("live", "paused"):
            continue  # of live rules it is a mistake
        acting = [
            not isinstance(one.expect, str) and any(item.action for item in one.expect) for one in rule.examples
        ]
        lacking = [*([] if any(acting) else ["it acts for"]), *([] if not all(acting) else ["it does not act for"])]
        if not rule.examples:
            lacking = ["it acts for", "it does not act for"]
        if lacking:
            message = f"rule '{rule.id}' has no example of a customer {' and none of one '.join(lacking)}"
            hint = "add it under 'examples': without, the rule cannot go live"
            yield placed.warn("without-example", placed.at("examples"), message, hint)


def _short_pauses(book: _Book) -> Iterator[Problem]:
    for placed in book.rules:
        rule = placed.rule
        if rule.again_after is not None and rule.again_after < rule.expires_after:
            pause, expiry = write_duration(rule.again_after), write_duration(rule.expires_after)
            message = f"the rule may act again after {pause}, while its last action is good for {expiry}"
            at = placed.at("again after") if "again after" in placed.node.entries else placed.at("expires after")
            hint = "make 'again after' at least as long as 'expires after', or a customer can get both"
            yield placed.warn("short-pause", at, message, hint)


def _odd_pace(book: _Book) -> Iterator[Problem]:
    for placed in book.rules:
        rule = placed.rule
        if rule.pace is None:
            continue
        period = timedelta(seconds=pace_seconds(rule.pace))
        if rule.expires_after <= period:
            message = f"an action expires after {write_duration(rule.expires_after)}, before a {rule.pace[1]} is over"
            hint = "what is above the pace would always come too late: make 'expires after' longer"
            yield placed.warn("odd-pace", placed.at("pace"), message, hint)


def _odd_hold_out(book: _Book) -> Iterator[Problem]:
    shares: dict[str, _Placed] = {}
    for placed in book.rules:
        rule = placed.rule
        if rule.hold_out is None:
            continue
        if rule.hold_out < _FEWEST_HELD_OUT:
            message = f"{rule.hold_out:f}% of the customers are hardly enough to measure anything"
            yield placed.warn("odd-hold-out", placed.at("hold out"), message, "5% to 10% are usual")
        if rule.experiment is None:
            continue
        other = shares.setdefault(rule.experiment, placed)
        if other.rule.hold_out != rule.hold_out:
            message = f"{other} holds out {other.rule.hold_out:f}% in the same experiment"
            hint = "give rules of one experiment the same share, or it is not known who got nothing"
            yield placed.warn("odd-hold-out", placed.at("hold out"), message, hint)


def _lonely_priority(book: _Book) -> Iterator[Problem]:
    ranked = [placed for placed in book.rules if placed.rule.priority is not None]
    if book.is_whole and len(ranked) == 1 and len(book.rules) > 1:
        message = f"only rule '{ranked[0].rule.id}' has a priority, so there is nothing to compare it with"
        hint = "give the rules that it competes with one too"
        yield ranked[0].warn("lonely-priority", ranked[0].at("priority"), message, hint)


def _expires_at_night(book: _Book) -> Iterator[Problem]:
    quiet = book.book.for_every_rule.quiet_hours
    if quiet is None:
        return
    minutes = [int(clock[:2]) * 60 + int(clock[3:]) for clock in (quiet.from_, quiet.until)]
    length = timedelta(minutes=(minutes[1] - minutes[0]) % (24 * 60))
    for placed in book.rules:
        if placed.rule.expires_after <= length:
            expiry = write_duration(placed.rule.expires_after)
            message = f"an action expires after {expiry}, and the quiet hours are {write_duration(length)} long"
            hint = "what is decided when they begin is never sent: make 'expires after' longer"
            yield placed.warn("expires-in-quiet-hours", placed.at("expires after"), message, hint)


def _silent_drafts(book: _Book) -> Iterator[Problem]:
    """Yield files in which every rule is a draft, and one of them because it does not say what it is."""
    by_file: dict[str, list[_Placed]] = {}
    for placed in book.rules:
        by_file.setdefault(placed.document.file, []).append(placed)
    for rules in by_file.values():
        silent = [placed for placed in rules if "status" not in placed.node.entries]
        if silent and all(placed.rule.status == "draft" for placed in rules):
            message = f"rule '{silent[0].rule.id}' is a draft, because it has no 'status': it does nothing"
            hint = "write 'status: draft' if that is meant, or 'status: shadow' to try it"
            yield silent[0].warn("silent-draft", silent[0].node.at, message, hint)


LINTS: Final[dict[str, Callable[[_Book], Iterable[Problem]]]] = {
    "contradiction": _contradictions,
    "outranked": _outranked,
    "same-customers": _same_customers,
    "short-history": _short_history,
    "unused-definition": _unused_definitions,
    "unprovided-attribute": _unprovided_attributes,
    "unfed-type": _unfed_types,
    "old-truth": _old_truths,
    "without-example": _without_examples,
    "short-pause": _short_pauses,
    "odd-pace": _odd_pace,
    "odd-hold-out": _odd_hold_out,
    "lonely-priority": _lonely_priority,
    "expires-in-quiet-hours": _expires_at_night,
    "silent-draft": _silent_drafts,
}
"""Every lint by its code."""
