"""A lint about a history: what rules name, and no event of the history has.

This module must never know files: the history is an argument, counted before.
"""

from collections.abc import Iterator
from typing import Final

from workers.rule_files.problems import Problem
from workers.rule_files.values.unseen import unseen_in
from workers.rule_lint.definition import Lint, warning
from workers.rule_lint.located_rules import LocatedRules


def unseen_values(book: LocatedRules) -> Iterator[Problem]:
    """Yield event types, attributes, values and bounds that no event of the history has or reaches."""
    if book.seen is None or not book.is_whole:
        return
    for unseen in unseen_in(book.documents, book.seen):
        hint = "correct it, or keep it if such events are still to come"
        yield Problem(unseen.file, *unseen.at, "unseen-value", unseen.message, hint, "warning")


UNSEEN_VALUE: Final = Lint(
    "unseen-value",
    unseen_values,
    warning(
        "Something that no event of the history has",
        "`--history` names a history, and none of its events has this type, this attribute, this value, or a number "
        "within these bounds. Values are compared exactly: `Gold` is not `gold`, and the text `9` is not the number "
        "9. What comes nearest is named with the number of events that have it, and then what is most frequent. Of "
        "each attribute, at most 1,000 different values are compared.",
    ),
)

LINTS: Final = (UNSEEN_VALUE,)
