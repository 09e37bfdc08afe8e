"""Rule files: every rule of a folder, or every problem that keeps the rules from being used.

Rule sets are all or nothing: no rule counts while any file has a problem. This module must never know how a rule
is evaluated.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from schemas.bookkeeping import Bookkeeping
from schemas.conditions import expanded
from schemas.ladders import Ladder
from schemas.rules import ForEveryRule, Rule, RuleBook, RuleFile, measured
from schemas.value import Valuation, with_value
from workers.rule_files.attribute_types import attribute_type_problems
from workers.rule_files.cross_references import reference_problems
from workers.rule_files.files import read_texts
from workers.rule_files.hints.repairs import kept
from workers.rule_files.known_names import KnownNames
from workers.rule_files.problems import Problem, add_elsewhere, in_order
from workers.rule_files.references import ids_in, lent_documents, rules_in
from workers.rule_files.values.impossible import value_problems
from workers.rule_files.values.ladders import ladder_problems
from workers.rule_files.values.levels import level_problems
from workers.rule_files.values.worth import worth_problems
from workers.rule_files.yaml_nodes import Document, MapNode, parse_yaml
from workers.rule_files.yaml_validation import validate

__all__ = ["ParsedRuleFiles", "expanded", "load_book", "read_book", "read_documents", "read_rules"]


@dataclass(frozen=True, slots=True)
class ParsedRuleFiles:
    """Rule files as they were read.

    Attributes:
        book: their content. If there are problems, it covers only the files that have none, and serves only further
            checks.
        problems: all problems, by file, line and column.
        documents: the files as nodes with positions; of files beside them, what they lend.
        rule_nodes: for each rule of the book, in the same order, its file and its node.
    """

    book: RuleBook
    problems: tuple[Problem, ...]
    documents: tuple[Document, ...]
    rule_nodes: tuple[tuple[Document, MapNode], ...]


def load_book(paths: Sequence[Path], names: KnownNames | None = None) -> tuple[RuleBook, list[Problem]]:
    """Read all rules of some files and folders.

    Args:
        paths: rule files and folders, as `files.find_rule_files` understands them.
        names: what the rules can use; any other name is a problem. None: names are not checked.

    Returns:
        The book, with the rules in the order of the files, and all problems by file and line. If there are
        problems, the book covers only the files that have none, and serves only further checks.
    """
    parsed = read_rules(paths, names or KnownNames())
    return parsed.book, list(parsed.problems)


def read_rules(paths: Sequence[Path], names: KnownNames, *, with_rules_beside: bool = False) -> ParsedRuleFiles:
    """Read all rules of some files and folders, as `load_book`, keeping the position of every node.

    Args:
        paths: rule files and folders.
        names: what the rules can use.
        with_rules_beside: as in `read_documents`.
    """
    texts = read_texts(paths)
    parsed = read_documents(texts.own, names, texts.beside, with_rules_beside=with_rules_beside)
    return replace(parsed, problems=tuple(in_order([*texts.problems, *parsed.problems])))


def read_book(texts: Mapping[str, str], names: KnownNames | None = None) -> tuple[RuleBook, list[Problem]]:
    """Read all rules of some texts, given by file name; pure. Arguments and result as in `load_book`."""
    parsed = read_documents(texts, names or KnownNames())
    return parsed.book, list(parsed.problems)


def read_documents(
    texts: Mapping[str, str],
    names: KnownNames,
    beside: Mapping[str, str] = MappingProxyType({}),
    *,
    with_rules_beside: bool = False,
) -> ParsedRuleFiles:
    """Parse rule files, keeping the position of every node; pure.

    Args:
        texts: by file name.
        names: the event types and attributes that rules may use.
        beside: the files beside these, by name: they lend names (`references.lent_documents`).
        with_rules_beside: whether they lend their rules, too.
    """
    known = {file: parse_yaml(file, text) for file, text in beside.items()}

    def read(changed: Mapping[str, str]) -> ParsedRuleFiles:
        others = [
            document if changed[file] == beside[file] else parse_yaml(file, changed[file])
            for file, document in known.items()
        ]
        return _read({file: changed[file] for file in texts}, names, others, with_rules=with_rules_beside)

    parsed = read({**beside, **texts})
    problems = kept(parsed.problems, {**beside, **texts}, lambda changed: read(changed).problems)
    return replace(parsed, problems=tuple(problems))


def _read(
    texts: Mapping[str, str], names: KnownNames, beside: Sequence[Document], *, with_rules: bool
) -> ParsedRuleFiles:
    own = [parse_yaml(file, text) for file, text in texts.items()]
    documents = (*own, *lent_documents(own, beside, with_rules=with_rules))
    values: list[RuleFile] = []
    rule_nodes: list[tuple[Document, MapNode]] = []
    problems: list[Problem] = []
    between_files = [
        *reference_problems(documents, names, ids_in(beside)),
        *value_problems(documents, names),
        *level_problems(documents),
        *ladder_problems(documents),
        *worth_problems(documents, names),
    ]
    for document in documents:
        value, file_problems = validate(document, RuleFile)
        problems += add_elsewhere(
            file_problems, (problem for problem in between_files if problem.file == document.file)
        )
        if value is not None:
            values.append(value)
            rule_nodes += [(document, rule) for rule in rules_in(document)]
    book = _merged(values, names)
    problems = add_elsewhere(problems, attribute_type_problems(book, documents, rule_nodes, is_whole=not problems))
    return ParsedRuleFiles(book, tuple(in_order(problems)), documents, tuple(rule_nodes))


def _merged(files: Iterable[RuleFile], names: KnownNames) -> RuleBook:
    """Return the rules of all files; the first definition of a name and the last settings count."""
    rules: list[Rule] = []
    define: dict[str, Any] = {}
    every = ForEveryRule()
    ladders: list[Ladder] = []
    value: Valuation | None = None
    book: Bookkeeping | None = None
    for file in files:
        rules += file.rules
        define = {**file.define, **define}
        if file.stages is not None:
            ladders.append(file.stages)
        every = every if file.for_every_rule is None else file.for_every_rule
        value = value if file.value is None else file.value
        book = book if file.book is None else file.book
    return RuleBook(
        rules=tuple(measured(rule, value) for rule in rules),
        define={name: with_value(condition, value) for name, condition in define.items()},
        for_every_rule=every,
        ladders=tuple(one.changed(lambda when: with_value(when, value)) for one in ladders),
        attribute_types=names.attribute_types,
        signs_of_life=names.signs_of_life,
        personal=names.personal,
        forget_after=names.forget_after,
        value=value,
        book=book,
    )
