"""Rule files: every rule of a folder, or every problem that stands in the way, with its place.

Rule sets are all or nothing: the rules count only if there is no problem. What is here must not know how a rule
is evaluated.
"""

import unicodedata
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from schemas.rules import Rule, RuleFile
from workers.yaml_files import (
    Document,
    MapNode,
    Node,
    Problem,
    ScalarNode,
    add_elsewhere,
    did_you_mean,
    in_order,
    items_of,
    parse_yaml,
    printable,
    read_text,
    validate,
    value_of,
)

__all__ = ["find_rule_files", "load_rules", "read_rules", "render_problems", "texts_of"]

_SUFFIXES: Final = (".yaml", ".yml")
_SHOWN_COLUMNS: Final = 120


def load_rules(paths: Sequence[Path], known_types: Collection[str] | None = None) -> tuple[list[Rule], list[Problem]]:
    """Read all rules of some files and folders.

    Args:
        paths: rule files, and folders of which every `*.yaml` and `*.yml` is read, by name, hidden ones excepted.
        known_types: the event types there are; a rule that names another one is a problem. None: not checked.

    Returns:
        The rules in the order of the files, and all problems by file and line. If there are problems, the rules
        are those of the files that have none, and are good for nothing but further checks.
    """
    files, problems = find_rule_files(paths)
    texts: dict[str, str] = {}
    for file in files:
        text, unread = read_text(file)
        problems += unread
        if text is not None:
            texts[str(file)] = text
    rules, found = read_rules(texts, known_types)
    return rules, in_order([*problems, *found])


def read_rules(
    texts: Mapping[str, str], known_types: Collection[str] | None = None
) -> tuple[list[Rule], list[Problem]]:
    """Do the same for texts by the names of their files; pure."""
    rules: list[Rule] = []
    problems: list[Problem] = []
    documents = [parse_yaml(file, text) for file, text in texts.items()]
    for document in documents:
        value, found = validate(document, RuleFile)
        if known_types is not None:
            found = add_elsewhere(found, _unknown_types(document, known_types))
        problems += found
        if value is not None and not found:
            rules += value.rules
    return rules, in_order([*problems, *_repeated_ids(documents)])


def find_rule_files(paths: Iterable[Path]) -> tuple[list[Path], list[Problem]]:
    """Return the rule files that paths stand for, each once, and a problem for each path that stands for none."""
    files: dict[Path, Path] = {}
    problems = []
    for path in paths:
        found = _in_folder(path) if path.is_dir() else [path]
        if not found:
            problems.append(Problem(str(path), 1, 1, "no-files", "there are no *.yaml files in this folder"))
        for file in found:
            files.setdefault(file.resolve(), file)
    return list(files.values()), problems


def _in_folder(folder: Path) -> list[Path]:
    return sorted(
        path for path in folder.iterdir() if path.suffix in _SUFFIXES and path.name[0] != "." and path.is_file()
    )


# --- what a single model cannot see -----------------------------------------------------------------------------


class _NamedType(NamedTuple):
    type: str
    node: ScalarNode


def _unknown_types(document: Document, known_types: Collection[str]) -> Iterator[Problem]:
    for rule in _rules_in(document):
        for name, node in _types_in(rule):
            if name not in known_types:
                suggested = did_you_mean(name, known_types)
                hint = f"did you mean '{suggested}'?" if suggested else f"known are {', '.join(sorted(known_types))}"
                yield Problem(document.file, *node.at, "unknown-type", f"there is no event type '{name}'", hint)


def _rules_in(document: Document) -> Iterator[MapNode]:
    for rule in items_of(value_of(document.root, "rules")):
        if isinstance(rule, MapNode):
            yield rule


def _types_in(rule: MapNode) -> Iterator[_NamedType]:
    """Yield the event types that a rule names, whether or not the rest of it is in order."""
    yield from _types_in_condition(value_of(rule, "when"))
    variables = value_of(rule, "variables")
    for _, reference in variables.entries.values() if isinstance(variables, MapNode) else ():
        yield from _type_of(reference)


def _types_in_condition(condition: Node | None) -> Iterator[_NamedType]:
    for key in ("count", "none", "sum"):
        yield from _type_of(value_of(condition, key))
    for key in ("all", "any"):
        for part in items_of(value_of(condition, key)):
            yield from _types_in_condition(part)
    if (negated := value_of(condition, "not")) is not None:
        yield from _types_in_condition(negated)


def _type_of(node: Node | None) -> Iterator[_NamedType]:
    """Yield the type in `purchase` and in `purchase.amount`."""
    if isinstance(node, ScalarNode) and isinstance(node.value, str):
        yield _NamedType(node.value.partition(".")[0], node)


def _repeated_ids(documents: Iterable[Document]) -> Iterator[Problem]:
    """Name both places of every id that is there twice, in whichever files."""
    first: dict[str, tuple[str, ScalarNode]] = {}
    for document in documents:
        for rule in _rules_in(document):
            node = value_of(rule, "id")
            if not isinstance(node, ScalarNode) or not isinstance(node.value, str):
                continue
            if node.value not in first:
                first[node.value] = (document.file, node)
                continue
            file, other = first[node.value]
            where = f"{file}:{other.at.line}:{other.at.column}"
            message = f"the id '{node.value}' is taken already, at {where}"
            hint = "an id names one rule for ever: choose another one"
            yield Problem(document.file, *node.at, "repeated-id", message, hint)


# --- for people -------------------------------------------------------------------------------------------------


def texts_of(problems: Iterable[Problem]) -> dict[str, str]:
    """Read again the files that problems name, for `render_problems`; unreadable ones are left out."""
    texts = {file: read_text(Path(file))[0] for file in {problem.file for problem in problems}}
    return {file: text for file, text in texts.items() if text is not None}


def render_problems(problems: Iterable[Problem], texts: Mapping[str, str]) -> str:
    """Write problems as plain text, each with its line and a caret under the column.

    Args:
        problems: in the order in which they are to be shown.
        texts: the files' texts by the names that the problems use; without one, the line is left out.
    """
    lines = {file: _lines(text) for file, text in texts.items()}
    return "\n".join(_rendered(problem, lines.get(problem.file, [])) for problem in problems)


def _lines(text: str) -> list[str]:
    # Not splitlines(): that takes form feeds and other separators for line ends, which editors do not count.
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def _rendered(problem: Problem, lines: list[str]) -> str:
    if problem.line > len(lines):
        return f"{problem}\n"
    line = lines[problem.line - 1]
    # A long line is shown from a little before the column, so that the caret stays on the screen.
    skipped = max(0, problem.column - 1 - _SHOWN_COLUMNS // 2) if len(line) > _SHOWN_COLUMNS else 0
    shown = printable(line[skipped : skipped + _SHOWN_COLUMNS])
    caret = " " * sum(map(_width, shown[: problem.column - 1 - skipped])) + "^"
    head = f"{problem.file}:{problem.line}:{problem.column}: {problem.message}"
    under = f"{caret} {problem.hint}" if problem.hint else caret
    return f"{printable(head)}\n{problem.line:5} | {shown}\n      | {printable(under)}\n"


def _width(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
