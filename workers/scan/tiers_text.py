"""Writes measured thresholds into the text of a rule file, under `value`; every other line stays as it is. Pure."""

from decimal import Decimal
from itertools import takewhile
from typing import Any, Final

from schemas.value import Tiers
from workers.errors import StartupError
from workers.rule_files.yaml_nodes import Document, MapNode, Node, parse_yaml, plain_value, value_of

_VALUE: Final = "value"
_TIERS: Final = "tiers"


def files_with_value(texts: dict[str, str]) -> list[str]:
    """Return the names of the files that say what a customer is worth."""
    return [name for name, text in texts.items() if value_of(parse_yaml(name, text).root, _VALUE) is not None]


def with_tiers(name: str, text: str, tiers: Tiers) -> str:
    """Return the text of a rule file with these thresholds.

    Args:
        name: of the file.
        text: of it; it says what a customer is worth.
        tiers: the thresholds, which replace those that are there.

    Raises:
        StartupError: if what is under `value` does not stand on lines of its own.
    """
    lines = text.splitlines(keepends=True)
    ending = "\r\n" if lines and lines[0].endswith("\r\n") else "\n"
    keys = _keys_of(parse_yaml(name, text))
    column = keys[0][1] if keys else 0
    if not keys or column == 1 or any(lines[line - 1][: column - 1].strip() for line, column, _ in keys):
        message = "write what is under 'value' on lines of its own, and run this again; it will add"
        raise StartupError([f"{name}: {message}:\n{_indented(tiers)}"])
    block = "".join(" " * (column - 1) + line + ending for line in tiers_lines(tiers))
    at = next((line - 1 for line, _, key in keys if key == _TIERS), None)
    if at is None:
        last = keys[-1][0]  # behind the last entry, and what belongs to it
        at = last + _deeper(lines[last:], column)
        end = at
        if not lines[at - 1].endswith("\n"):
            block = ending + block
    else:
        end = at + 1 + _deeper(lines[at + 1 :], column)
    written = "".join([*lines[:at], block, *lines[end:]])
    if _without_tiers(name, written) != _without_tiers(name, text):
        raise StartupError([f"{name} cannot be changed by a program; write this under 'value':\n{_indented(tiers)}"])
    return written


def tiers_lines(tiers: Tiers) -> list[str]:
    """Return thresholds as lines of YAML, not indented."""
    thresholds = ", ".join(f"{share:f}%: {_number(amount)}" for share, amount in sorted(tiers.thresholds.items()))
    return [
        "tiers:  # measured by linger rules tune",
        f"  measured: {tiers.measured.isoformat()}",
        f"  customers: {tiers.customers}",
        f"  from: {tiers.from_}",
        f"  thresholds: {{{thresholds}}}",
    ]


def _number(amount: Decimal) -> str:
    return f"{amount.normalize():f}"


def _keys_of(document: Document) -> list[tuple[int, int, str]]:
    """Return the line and the column of every key under `value`."""
    node: Node | None = value_of(document.root, _VALUE)
    if not isinstance(node, MapNode):
        return []
    return [(key.at[0], key.at[1], name) for name, (key, _) in node.entries.items()]


def _deeper(lines: list[str], column: int) -> int:
    """Return how many lines belong to the entry above them, which begins in a column."""

    def belongs(line: str) -> bool:
        indent, rest = len(line) - len(line.lstrip()), line.strip()
        return not rest or indent >= column or (indent == column - 1 and rest.startswith("- "))

    found = list(takewhile(belongs, lines))
    while found and not found[-1].strip():
        found.pop()
    return len(found)


def _without_tiers(name: str, text: str) -> Any:
    """Return the content of a rule file without the thresholds."""
    root = parse_yaml(name, text).root
    content = None if root is None else plain_value(root)
    if isinstance(content, dict) and isinstance(content.get(_VALUE), dict):
        content[_VALUE] = {key: one for key, one in content[_VALUE].items() if key != _TIERS}
    return content


def _indented(tiers: Tiers) -> str:
    return "\n".join(f"  {line}" for line in tiers_lines(tiers))
