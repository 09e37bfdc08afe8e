"""Where examples and tests stand in parsed files.

What is here must not know how an example is run.
"""

from collections.abc import Iterable

from workers.rule_files.references import rules_in, text_of
from workers.rule_files.yaml_nodes import Document, Node, items_of, value_of
from workers.rule_tests.playback import Path
from workers.rule_tests.runner import SourceLocation


class SourceLocations:
    """Finds examples and tests in parsed files; `places.locate` is what `run_examples` and `run_tests` ask."""

    def __init__(self, documents: Iterable[Document]) -> None:
        self._owners: dict[str, tuple[str, Node, str]] = {}
        for document in documents:
            if document.root is not None:
                self._owners.setdefault(document.file, (document.file, document.root, "tests"))
            for rule in rules_in(document):
                if (rule_id := text_of(rule, "id")) is not None:
                    self._owners.setdefault(rule_id.text, (document.file, rule, "examples"))

    def locate(self, owner: str, number: int, path: Path) -> SourceLocation:
        """Return where something stands, or the nearest thing around it.

        Args:
            owner: a rule's id, or the name of a test file.
            number: of the example or test; -1 for the rule or file itself.
            path: keys and indices inside of that.
        """
        if owner not in self._owners:
            return SourceLocation()
        file, node, key = self._owners[owner]
        at = node.at
        for step in ((key, number) if number >= 0 else ()) + path:
            inner = _inside(node, step)
            if inner is None:
                break
            node, at = inner, inner.at
        return SourceLocation(file, *at)

    def file_of(self, owner: str) -> str:
        """Return the file in which a rule stands; nothing for an unknown one."""
        return self._owners[owner][0] if owner in self._owners else ""


def _inside(node: Node, step: str | int) -> Node | None:
    if isinstance(step, int):
        items = items_of(node)
        return items[step] if step < len(items) else None
    return value_of(node, step)
