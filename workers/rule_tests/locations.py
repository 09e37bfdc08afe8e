"""Locations of examples and tests in parsed files.

This module must never know how an example is run.
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from workers.rule_files.references import rules_in, text_of
from workers.rule_files.yaml_nodes import Document, Node, items_of, value_of
from workers.rule_tests.playback import Path


class SourceLocation(NamedTuple):
    """A position in a file.

    Attributes:
        file: the name of the file; "" for a rule that does not come from a file.
        line: counted from 1.
        column: counted from 1.
    """

    file: str = ""
    line: int = 1
    column: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


Locate = Callable[[str, int, Path], SourceLocation]
"""`locate(owner, index, path)` returns the location of a part of an example; see `SourceLocations.locate`."""


def nowhere(owner: str, index: int, path: Path) -> SourceLocation:
    """Return the location of rules that do not come from files."""
    return SourceLocation()


class SourceLocations:
    """Finds examples and tests in parsed files; its `locate` is the `Locate` of `run_examples` and `run_tests`."""

    def __init__(self, documents: Iterable[Document]) -> None:
        self._owners: dict[str, tuple[str, Node, str]] = {}
        for document in documents:
            if document.root is not None:
                self._owners.setdefault(document.file, (document.file, document.root, "tests"))
            for rule in rules_in(document):
                if (rule_id := text_of(rule, "id")) is not None:
                    self._owners.setdefault(rule_id.text, (document.file, rule, "examples"))

    def locate(self, owner: str, index: int, path: Path) -> SourceLocation:
        """Return the location of a part of an example, or of the closest node around it.

        Args:
            owner: the id of a rule, or the name of a test file.
            index: the index of the example or test; -1 for the rule or file itself.
            path: keys and indices inside it.
        """
        if owner not in self._owners:
            return SourceLocation()
        file, node, key = self._owners[owner]
        for step in ((key, index) if index >= 0 else ()) + path:
            inner = _inside(node, step)
            if inner is None:
                break
            node = inner
        return SourceLocation(file, *node.at)

    def file_of(self, rule_id: str) -> str:
        """Return the file of a rule; "" for an unknown one."""
        return self._owners[rule_id][0] if rule_id in self._owners else ""


def _inside(node: Node, step: str | int) -> Node | None:
    if isinstance(step, int):
        items = items_of(node)
        return items[step] if step < len(items) else None
    return value_of(node, step)
