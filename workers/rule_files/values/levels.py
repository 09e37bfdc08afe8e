"""`change` of an attribute that is reported again and again: a score, seats, the size of a plan.

`change` adds up what the events of a window say. That is right for amounts: each event has a new one. A level is the
same thing reported again: three answers of 9 and then two would look like a fall from 27 to 18.

Nothing in an event says which of the two an attribute is. An attribute counts as an amount if it is called `amount`,
as Linger's own is, or if a `sum` in the same rule files adds it up: then someone has decided that it adds up.
"""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final

from workers.rule_files.problems import Explanation, Problem
from workers.rule_files.values.comparisons import Comparison
from workers.rule_files.values.impossible import all_comparisons
from workers.rule_files.yaml_nodes import Document

_AMOUNT: Final = "amount"
_MOST_REPORTED: Final = 200


def level_problems(documents: Sequence[Document]) -> Iterator[Problem]:
    """Yield a problem for every `change` of an attribute that is not known to be an amount; pure.

    Args:
        documents: all rule files.
    """
    comparisons = [(document, each) for document in documents for each in all_comparisons(document)]
    added_up = {each.reference for _, each in comparisons if each.way == "sum"}
    yield from islice(
        (
            _problem(document, each)
            for document, each in comparisons
            if each.way == "sums" and each.attribute != _AMOUNT and each.reference not in added_up
        ),
        _MOST_REPORTED,
    )


def _problem(document: Document, change: Comparison) -> Problem:
    name = change.reference
    message = (
        f"'change' adds up {name}: if events report it again and again, such as a score, three answers of 9 and "
        "then two would look like a fall"
    )
    hint = (
        f"write 'latest: {name}' with 'down by' or 'up by', and for example 'compared with: 90 days ago'; if each "
        f"event has a new amount of it, say so with a 'sum: {name}' in these files"
    )
    return Problem(document.file, *change.node.at, "change-of-level", message, hint)


EXPLANATIONS: Final[dict[str, Explanation]] = {
    "change-of-level": Explanation(
        "`change` of something that is reported again and again",
        "`change` adds up the attribute over two windows and compares the sums. That is right for amounts, such as "
        "money, pieces or minutes: each event has a new one. A level, such as a score, seats or the size of a plan, "
        "is the same thing reported again: three answers of 9 and then two would look like a fall from 27 to 18. "
        "Compare its latest value with an earlier one instead: with the value before, or with that of some days ago "
        "(`compared with`). An attribute counts as an amount if it is called `amount`, or if a `sum` in the same "
        "rule files adds it up.",
        "define:\n  unhappier: {change: login.score, down by: 20%, within: 90 days, from at least: 1}\n"
        "rules:\n  - {id: asked, title: Asked, when: {meets: unhappier}, action: at-risk, template: a, "
        "expires after: 1 day}\n",
        "define:\n  unhappier: {latest: login.score, down by: 20%, compared with: 90 days ago}\n"
        "rules:\n  - {id: asked, title: Asked, when: {meets: unhappier}, action: at-risk, template: a, "
        "expires after: 1 day}\n",
    ),
}
