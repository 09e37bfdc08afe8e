"""A lint about personal attributes: values of them that stand in a rule file.

This module must never know files: what is personal is an argument.
"""

from collections.abc import Iterator
from typing import Final

from workers.rule_files.problems import Problem
from workers.rule_files.references import conditions_in, definitions_in
from workers.rule_files.values.comparisons import comparisons_in
from workers.rule_files.yaml_nodes import Document, Node
from workers.rule_lint.definition import Lint, warning
from workers.rule_lint.located_rules import LocatedRules


def personal_values(book: LocatedRules) -> Iterator[Problem]:
    """Yield each attribute that is personal, where a condition names values of it."""
    personal = book.book.personal
    for document in book.documents if personal else ():
        for condition in _conditions_in(document):
            for comparison in comparisons_in(condition):
                if comparison.reference not in personal or not comparison.values:
                    continue
                message = f"'{comparison.reference}' is personal, and its value is written here"
                hint = "let a source say what the rule asks for, such as whether there is an e-mail address"
                yield Problem(document.file, *comparison.values[0].at, "personal-value", message, hint, "warning")


def _conditions_in(document: Document) -> Iterator[Node]:
    yield from conditions_in(document)
    for definition in definitions_in(document):
        yield definition.condition


PERSONAL_VALUE: Final = Lint(
    "personal-value",
    personal_values,
    warning(
        "A value of a personal attribute",
        "sources.yaml calls the attribute personal, so its values stay out of logs, previews and `why`. A rule file "
        "is read by others, is kept in its history, and `linger rules explain` prints it. In `why`, `(personal)` "
        "stands in place of the value. Bounds are no value of a customer, and cause no warning.",
    ),
)

LINTS: Final = (PERSONAL_VALUE,)
