"""Rule files: every rule of a folder, or every problem that stands in the way, with its place.

Rule sets are all or nothing: the rules count only if there is no problem. What is here must not know how a rule
is evaluated.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final, NamedTuple

from schemas.conditions import MAX_CONDITIONS, MAX_NESTING, expanded
from schemas.rules import ForEveryRule, Rule, RuleBook, RuleFile
from workers.rule_files.known_names import KnownNames
from workers.rule_files.problems import Explanation, Problem, add_elsewhere, did_you_mean, in_order, shortened
from workers.rule_files.references import (
    Definition,
    conditions_of,
    definitions_in,
    meets_in,
    names_in,
    parts_of,
    rules_in,
    text_of,
)
from workers.rule_files.yaml_nodes import (
    Document,
    MapNode,
    Node,
    ScalarNode,
    items_of,
    parse_yaml,
    read_text,
    value_of,
)
from workers.rule_files.yaml_validation import validate

__all__ = ["ParsedRuleFiles", "expanded", "find_rule_files", "load_book", "read_book", "read_documents", "texts_of"]

_SUFFIXES: Final = (".yaml", ".yml")
_TESTS: Final = ("_test.yaml", "_test.yml")
_SHOWN_NAMES: Final = 20
_MOST_COMPARED: Final = 1_000
_MOST_TOLD: Final = 200
"""Whoever has more mistakes of one sort has made one mistake many times; and each takes time to compare."""


@dataclass(frozen=True, slots=True)
class ParsedRuleFiles:
    """Rule files as they were read.

    Attributes:
        book: what they say; if there are problems, it is what the files without problems say, and is good for
            nothing but further checks.
        problems: all of them, by file, line and column.
        documents: where everything is.
        places: where each rule of the book is.
    """

    book: RuleBook
    problems: tuple[Problem, ...]
    documents: tuple[Document, ...]
    places: tuple[tuple[Document, MapNode], ...]


def load_book(
    paths: Sequence[Path],
    known_types: Collection[str] | None = None,
    attributes: Mapping[str, Collection[str]] | None = None,
) -> tuple[RuleBook, list[Problem]]:
    """Read everything that some files and folders say.

    Args:
        paths: rule files, and folders of which every `*.yaml` and `*.yml` is read, by name; hidden ones and
            `*_test.yaml` are not.
        known_types: the event types there are; naming another one is a problem. None: not checked.
        attributes: by event type, every attribute its events can have; of other types nothing is checked.

    Returns:
        The book, with the rules in the order of the files, and all problems by file and line. If there are
        problems, the book is that of the files that have none, and is good for nothing but further checks.
    """
    texts, problems = read_texts(paths)
    book, found = read_book(texts, known_types, attributes)
    return book, in_order([*problems, *found])


def read_book(
    texts: Mapping[str, str],
    known_types: Collection[str] | None = None,
    attributes: Mapping[str, Collection[str]] | None = None,
) -> tuple[RuleBook, list[Problem]]:
    """Do the same for texts by the names of their files; pure."""
    parsed = read_documents(texts, KnownNames(known_types, attributes))
    return parsed.book, list(parsed.problems)


def read_documents(texts: Mapping[str, str], known: KnownNames) -> ParsedRuleFiles:
    """Do the same, and keep where everything is."""
    documents = tuple(parse_yaml(file, text) for file, text in texts.items())
    values: list[RuleFile] = []
    places: list[tuple[Document, MapNode]] = []
    problems: list[Problem] = []
    between = list(_between_files(documents, known))
    for document in documents:
        value, found = validate(document, RuleFile)
        problems += add_elsewhere(found, (problem for problem in between if problem.file == document.file))
        if value is not None:
            values.append(value)
            places += [(document, rule) for rule in rules_in(document)]
    rules: list[Rule] = []
    define: dict[str, Any] = {}
    every = ForEveryRule()
    for value in values:
        rules += value.rules
        define = {**value.define, **define}
        every = every if value.for_every_rule is None else value.for_every_rule
    return ParsedRuleFiles(RuleBook(tuple(rules), define, every), tuple(in_order(problems)), documents, tuple(places))


def read_texts(paths: Sequence[Path]) -> tuple[dict[str, str], list[Problem]]:
    """Read rule files: their texts by their names, and a problem for each that cannot be read."""
    files, problems = find_rule_files(paths)
    texts: dict[str, str] = {}
    for file in files:
        text, unread = read_text(file)
        problems += unread
        if text is not None:
            texts[str(file)] = text
    return texts, problems


def find_rule_files(paths: Iterable[Path]) -> tuple[list[Path], list[Problem]]:
    """Return the rule files that paths stand for, each once, and a problem for each path that stands for none."""
    files: dict[Path, Path] = {}
    problems = []
    for path in paths:
        found = _in_folder(path) if path.is_dir() else [path]
        if not found:
            problems.append(Problem(str(path), 1, 1, "no-files", "there are no *.yaml files in this folder"))
        for file in found:
            if not file.name.endswith(_TESTS):
                files.setdefault(file.resolve(), file)
    return list(files.values()), problems


def _in_folder(folder: Path) -> list[Path]:
    return sorted(
        path
        for path in folder.iterdir()
        if path.suffix in _SUFFIXES and path.name[0] != "." and not path.name.endswith(_TESTS) and path.is_file()
    )


def texts_of(problems: Iterable[Problem]) -> dict[str, str]:
    """Read again the files that problems name, to show their lines; unreadable ones are left out."""
    texts = {file: read_text(Path(file))[0] for file in {problem.file for problem in problems}}
    return {file: text for file, text in texts.items() if text is not None}


# --- what a single model cannot see -----------------------------------------------------------------------------


def _between_files(documents: Sequence[Document], known: KnownNames) -> Iterator[Problem]:
    """Yield what is wrong with names: those of types, attributes, rules and definitions."""
    yield from islice(_repeated_ids(documents), _MOST_TOLD)
    yield from islice(_unknown_rules(documents), _MOST_TOLD)
    yield from islice(_repeated_for_every_rule(documents), _MOST_TOLD)
    yield from _definitions(documents)
    if known.types is not None:
        for document in documents:
            yield from islice(_unknown_names(document, known.types, known.attributes or {}), _MOST_TOLD)


def _unknown_names(
    document: Document, types: Collection[str], attributes: Mapping[str, Collection[str]]
) -> Iterator[Problem]:
    for name, attribute, node, is_beside in names_in(document):
        if name not in types:
            if is_beside:
                continue  # the type is told where it stands
            message = f"there is no event type '{name}'"
            yield Problem(document.file, *node.at, "unknown-type", message, _meant(name, types))
        elif attribute is not None and name in attributes and attribute not in attributes[name]:
            message = f"no source gives a {name} the attribute '{attribute}'"
            hint = _meant(attribute, attributes[name], "others are added to a source in sources.yaml first; it has")
            yield Problem(document.file, *node.at, "unknown-attribute", message, hint)


def _meant(name: str, known: Collection[str], otherwise: str = "known are") -> str:
    if (suggested := did_you_mean(name, islice(known, _MOST_COMPARED))) is not None:
        return f"did you mean '{suggested}'?"
    shown = sorted(known)
    return f"{otherwise} {', '.join(shown[:_SHOWN_NAMES]) or 'none'}{', …' if len(shown) > _SHOWN_NAMES else ''}"


def _repeated_ids(documents: Iterable[Document]) -> Iterator[Problem]:
    """Name both places of every id that is there twice, in whichever files."""
    first: dict[str, str] = {}
    for document in documents:
        for rule in rules_in(document):
            if (node := text_of(rule, "id")) is None:
                continue
            if (other := first.setdefault(node.text, _place(document, node))) != _place(document, node):
                message = f"the id '{node.text}' is taken already, at {other}"
                hint = "an id names one rule for ever: choose another one"
                yield Problem(document.file, *node.at, "repeated-id", message, hint)


def _place(document: Document, node: Node) -> str:
    return f"{document.file}:{node.at.line}:{node.at.column}"


def _unknown_rules(documents: Sequence[Document]) -> Iterator[Problem]:
    ids = {name.text for document in documents for rule in rules_in(document) if (name := text_of(rule, "id"))}
    for document in documents:
        for rule in rules_in(document):
            named: list[Node] = list(items_of(value_of(rule, "instead of")))
            for example in items_of(value_of(rule, "examples")):
                named += [one for item in items_of(value_of(example, "expect")) if (one := text_of(item, "rule"))]
            for node in named:
                if isinstance(node, ScalarNode) and isinstance(node.value, str) and node.text not in ids:
                    message = f"there is no rule '{node.text}'"
                    yield Problem(document.file, *node.at, "unknown-rule", message, _meant(node.text, ids))


def _repeated_for_every_rule(documents: Iterable[Document]) -> Iterator[Problem]:
    first: str | None = None
    for document in documents:
        every = value_of(document.root, "for every rule")
        if every is None:
            continue
        if first is not None:
            message = f"'for every rule' stands in {first} already"
            hint = "it holds for the rules of all files: keep it in one of them"
            yield Problem(document.file, *every.at, "repeated-for-every-rule", message, hint)
        first = first or _place(document, every)


# --- named conditions -------------------------------------------------------------------------------------------


def _definitions(documents: Sequence[Document]) -> Iterator[Problem]:
    defined: dict[str, Definition] = {}
    for document in documents:
        for definition in definitions_in(document):
            if (first := defined.setdefault(definition.name, definition)) is not definition:
                message = f"'{definition.name}' is defined already, at {_place(first.document, first.key)}"
                hint = "all files share their definitions: choose another name, or delete one"
                yield Problem(document.file, *definition.key.at, "repeated-definition", message, hint)
    yield from islice(_unknown_definitions(documents, defined), _MOST_TOLD)
    ordered, circles = _from_the_bottom(defined)
    yield from circles
    if not circles:
        yield from _too_large(documents, ordered)


def _unknown_definitions(documents: Sequence[Document], defined: Mapping[str, Definition]) -> Iterator[Problem]:
    for document in documents:
        conditions = [definition.condition for definition in definitions_in(document)]
        conditions += [condition for rule in rules_in(document) for condition in conditions_of(rule)]
        for condition in conditions:
            for node in meets_in(condition):
                if node.text not in defined:
                    hint = _meant(node.text, defined) if defined else "give it a name under 'define'"
                    message = f"nothing is called '{shortened(node.text)}' under 'define'"
                    yield Problem(document.file, *node.at, "unknown-definition", message, hint)


def _from_the_bottom(defined: Mapping[str, Definition]) -> tuple[list[Definition], list[Problem]]:
    """Order definitions so that each comes after those it uses; and tell of every circle where it closes."""
    ordered: dict[str, Definition] = {}
    circles: list[Problem] = []
    for beginning in defined:
        # A stack of our own: a chain of names may be longer than Python's.
        way = {} if beginning in ordered else {beginning: meets_in(defined[beginning].condition)}
        while way:
            name = next(reversed(way))
            node = next((node for node in way[name] if node.text in defined and node.text not in ordered), None)
            if node is None:
                ordered[name] = defined[name]
                del way[name]
            elif node.text in way:
                names = list(way)
                circles.append(_circle(defined[name], node, names[names.index(node.text) :]))
            else:
                way[node.text] = meets_in(defined[node.text].condition)
    return list(ordered.values()), circles


def _circle(definition: Definition, node: ScalarNode, names: list[str]) -> Problem:
    shown = names if len(names) < 7 else [*names[:3], "…", *names[-2:]]
    message = f"'{node.text}' means itself: {' → '.join([*shown, node.text])}"
    return Problem(definition.document.file, *node.at, "definition-of-itself", message, "write one of them out")


def _too_large(documents: Sequence[Document], ordered: Sequence[Definition]) -> Iterator[Problem]:
    """Yield what is too large once every name is written out; there are no circles."""
    sizes: dict[str, _Size] = {}
    for definition in ordered:
        size = sizes[definition.name] = _size(definition.condition, sizes)
        if size.is_too_large() and not _has_too_large(definition.condition, sizes):
            yield _large(definition.document, definition.key, size)
    for document in documents:
        for rule in rules_in(document):
            conditions = conditions_of(rule)
            parts = [_size(condition, sizes) for condition in conditions]
            # Without names the model tells; with one that is too large itself, that is told.
            if not any(any(meets_in(part)) for part in conditions) or any(
                _has_too_large(c, sizes) for c in conditions
            ):
                continue
            size = _Size(sum(part.number for part in parts), max(part.depth for part in parts))
            if size.is_too_large():
                yield _large(document, conditions[0], size)


class _Size(NamedTuple):
    number: int
    depth: int

    def is_too_large(self) -> bool:
        return self.number > MAX_CONDITIONS or self.depth > MAX_NESTING


def _size(condition: Node, sizes: Mapping[str, _Size]) -> _Size:
    if (name := text_of(condition, "meets")) is not None:
        return sizes.get(name.text, _Size(1, 1))
    parts = [_size(part, sizes) for part in parts_of(condition)]
    return _Size(sum(part.number for part in parts), 1 + max(part.depth for part in parts)) if parts else _Size(1, 1)


def _has_too_large(condition: Node, sizes: Mapping[str, _Size]) -> bool:
    return any(node.text in sizes and sizes[node.text].is_too_large() for node in meets_in(condition))


def _large(document: Document, node: Node, size: _Size) -> Problem:
    if size.number > MAX_CONDITIONS:
        number = str(size.number) if size.number < 1_000_000 else "more than a million"
        message = f"has {number} conditions once every name is written out, at most {MAX_CONDITIONS}"
    else:
        message = f"is nested {size.depth} deep once every name is written out, at most {MAX_NESTING}"
    return Problem(document.file, *node.at, "too-large-condition", message, "split it into several rules")


# --- codes ------------------------------------------------------------------------------------------------------

EXPLANATIONS: Final[dict[str, Explanation]] = {
    "no-files": Explanation(
        "The folder has no rule files",
        "Linger reads rules from files that end in `.yaml` or `.yml`, except `*_test.yaml` and files whose name "
        "begins with a dot. Give another folder, or the files.",
    ),
    "unknown-type": Explanation(
        "There is no such event type",
        "Linger knows `purchase`, `login`, `cancellation`, and the types that sources.yaml declares under "
        "`event_types`. Give the path of that file with `--sources`.",
        "when:\n  none: puchase\n  for: 45 days\n",
        "when:\n  none: purchase\n  for: 45 days\n",
    ),
    "unknown-attribute": Explanation(
        "Events of this type have no such attribute",
        "No source in sources.yaml provides it, under `fields` or `attributes`, so no event would ever have it. "
        "Correct the spelling, or add it to a source first.",
    ),
    "unknown-rule": Explanation(
        "There is no such rule",
        "`instead of` and examples name rules by their id. No rule has this id.",
        "instead of: [no-such-rule]\n",
        "priority: 10\n",
    ),
    "unknown-definition": Explanation(
        "There is no such named condition",
        "`meets` needs a condition that one of the checked files defines under `define`.",
        "when:\n  meets: regular customer\n",
        "define:\n  regular customer: {count: purchase, at least: 3}\n"
        "rules:\n  - id: regulars\n    title: A regular\n    when: {meets: regular customer}\n    action: at-risk\n"
        "    template: thank-you\n    expires after: 14 days\n",
    ),
    "repeated-id": Explanation(
        "Two rules have the same id",
        "An id permanently names one rule, across all files: Linger remembers by it what was sent. Choose another "
        "id.",
        "rules:\n"
        "  - {id: same, title: One, when: {status: cancelled}, action: win-back, template: a, expires after: 1 day}\n"
        "  - {id: same, title: Two, when: {status: active}, action: at-risk, template: b, expires after: 1 day}\n",
        "rules:\n"
        "  - {id: one, title: One, when: {status: cancelled}, action: win-back, template: a, expires after: 1 day}\n"
        "  - {id: two, title: Two, when: {status: active}, action: at-risk, template: b, expires after: 1 day}\n",
    ),
    "repeated-definition": Explanation(
        "Two conditions have the same name",
        "All files share their definitions, so a name can mean one thing only. Choose another name, or delete one.",
    ),
    "repeated-for-every-rule": Explanation(
        "Two files have `for every rule`",
        "It applies to the rules of all files. Keep it in one file, so that there is one place to look.",
    ),
    "definition-of-itself": Explanation(
        "A named condition refers to itself",
        "It `meets` a condition that, directly or through others, meets it in turn, so it has no meaning. Write one "
        "of them out.",
        "define:\n  good customer: {meets: regular customer}\n  regular customer: {meets: good customer}\n",
        "define:\n  good customer: {meets: regular customer}\n  regular customer: {count: purchase, at least: 3}\n",
    ),
    "too-large-condition": Explanation(
        "Too many conditions for one rule",
        "With all names written out, there are more than 32 conditions, or they are nested more than 6 levels deep. "
        "Split the rule into several.",
        "define:\n  three: {any: [{status: active}, {status: cancelled}, {status: active}]}\n"
        "  nine: {any: [{meets: three}, {meets: three}, {meets: three}]}\n"
        "  many: {any: [{meets: nine}, {meets: nine}, {meets: nine}, {meets: nine}]}\n",
        "define:\n  three: {any: [{status: active}, {status: cancelled}, {status: active}]}\n"
        "  nine: {any: [{meets: three}, {meets: three}, {meets: three}]}\n",
    ),
}
