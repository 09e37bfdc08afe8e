"""Rules with the positions of their conditions: what lints check.

Pure: this module must never know files and clocks.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from schemas import conditions as model
from schemas.rules import Rule, RuleBook
from schemas.sources import SourcesFile
from workers.rule_files.known_names import event_attributes
from workers.rule_files.positions import Position
from workers.rule_files.problems import Problem
from workers.rule_files.references import Definition, conditions_of, definitions_in, meets_in
from workers.rule_files.rules import ParsedRuleFiles
from workers.rule_files.values.unseen import Seen
from workers.rule_files.yaml_nodes import Document, MapNode, Node, items_of, value_of
from workers.rule_lint.logic import Literal, Tree, alternatives


@dataclass(frozen=True, slots=True)
class LocatedRule:
    """A rule and its position.

    Attributes:
        rule: the rule.
        document: its file.
        node: its node in the file.
    """

    rule: Rule
    document: Document
    node: MapNode

    def at(self, *keys: str) -> Position:
        """Return the position of a value, or of the closest node around it if there is no such key."""
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
class LocatedRules:
    """Everything that lints check.

    Attributes:
        book: the content of the rule files.
        documents: the files.
        rules: the rules of files without problems whose names can be written out.
        definitions: the named conditions, by name.
        is_whole: no file has a problem, so that a lint can say that something is missing.
        sources: the content of `sources.yaml`; None if it is unknown.
        now: the time from which windows reach back.
        seen: what a history has; None without one.
        alternatives: the results of `alternatives_of`, by file and position of the rule.
    """

    book: RuleBook
    documents: tuple[Document, ...]
    rules: tuple[LocatedRule, ...]
    definitions: Mapping[str, Definition]
    is_whole: bool
    sources: SourcesFile | None
    now: datetime
    seen: Seen | None = None
    alternatives: dict[tuple[str, Position], list[list[Literal]] | None] = field(default_factory=dict)

    @cached_property
    def provided(self) -> Mapping[str, frozenset[str]]:
        """Return the attributes that sources fill, by event type, as far as they are known."""
        return {} if self.sources is None else event_attributes(self.sources)

    def alternatives_of(self, located_rule: LocatedRule) -> list[list[Literal]] | None:
        """Return the alternatives in which a rule is true; None if there are too many."""
        key = (located_rule.document.file, located_rule.node.at)
        if key not in self.alternatives:
            self.alternatives[key] = alternatives(("all", list(self._trees(located_rule))))
        return self.alternatives[key]

    def _trees(self, located_rule: LocatedRule) -> Iterator[Tree]:
        for key, condition, holds in (
            ("when", located_rule.rule.when, True),
            ("unless", located_rule.rule.unless, False),
        ):
            node = value_of(located_rule.node, key)
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


def located_rules(
    parsed: ParsedRuleFiles, sources: SourcesFile | None, now: datetime, seen: Seen | None = None
) -> LocatedRules:
    """Pair rules and definitions with their positions."""
    definitions = {
        definition.name: definition for document in parsed.documents for definition in definitions_in(document)
    }
    is_whole = not any(problem.severity == "error" for problem in parsed.problems)
    rules = tuple(
        LocatedRule(rule, document, node)
        for rule, (document, node) in zip(parsed.book.rules, parsed.rule_nodes, strict=True)
        if is_whole or not any(meets for part in conditions_of(node) for meets in meets_in(part))
    )
    return LocatedRules(parsed.book, parsed.documents, rules, definitions, is_whole, sources, now, seen)
