"""Lints: what is possible in rule files, but hardly what somebody meant. Each is a warning with a documented code.

Pure functions over rule files as they were read; what is here must know no files and no clock.
"""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Final

from schemas.sources import SourcesFile
from workers.checks import action_lints, condition_lints
from workers.checks.placed_rules import PlacedBook, placed_book
from workers.rule_files.problems import Problem
from workers.rule_files.rules import Reading

LINTS: Final[dict[str, Callable[[PlacedBook], Iterable[Problem]]]] = {
    "contradiction": condition_lints.contradictions,
    "outranked": condition_lints.outranked,
    "same-customers": condition_lints.same_customers,
    "short-history": condition_lints.short_history,
    "unused-definition": condition_lints.unused_definitions,
    "unprovided-attribute": condition_lints.unprovided_attributes,
    "unfed-type": condition_lints.unfed_types,
    "old-truth": condition_lints.old_truths,
    "without-example": action_lints.without_examples,
    "short-pause": action_lints.short_pauses,
    "odd-pace": action_lints.odd_pace,
    "odd-hold-out": action_lints.odd_hold_out,
    "lonely-priority": action_lints.lonely_priority,
    "expires-in-quiet-hours": action_lints.expires_at_night,
    "silent-draft": action_lints.silent_drafts,
    "instead-of-each-other": action_lints.rules_instead_of_each_other,
}
"""Every lint by its code."""


def lint(reading: Reading, sources: SourcesFile | None = None, now: datetime | None = None) -> list[Problem]:
    """Return every warning there is about rule files.

    Args:
        reading: as read; of files with problems, only what can be told of single rules.
        sources: what `sources.yaml` says; None if it is not known.
        now: to tell how far a history reaches; None: not told.
    """
    book = placed_book(reading, sources, now or datetime.min.replace(tzinfo=UTC))
    return [problem for look in LINTS.values() for problem in look(book)]
