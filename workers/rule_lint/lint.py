"""Lints: what is possible in rule files, but hardly what somebody meant. Each is a warning with a documented code.

Pure functions over rule files as they were read; what is here must know no files and no clock.
"""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Final

from schemas.sources import SourcesFile
from workers.rule_files.problems import Problem
from workers.rule_files.rules import ParsedRuleFiles
from workers.rule_lint import actions, conditions
from workers.rule_lint.located_rules import LocatedRules, located_rules

LINTS: Final[dict[str, Callable[[LocatedRules], Iterable[Problem]]]] = {
    "contradiction": conditions.contradictions,
    "outranked": conditions.outranked,
    "same-customers": conditions.same_customers,
    "short-history": conditions.short_history,
    "unused-definition": conditions.unused_definitions,
    "unprovided-attribute": conditions.unprovided_attributes,
    "unfed-type": conditions.unfed_types,
    "old-truth": conditions.old_truths,
    "without-example": actions.without_examples,
    "short-pause": actions.short_pauses,
    "odd-pace": actions.odd_pace,
    "odd-hold-out": actions.odd_hold_out,
    "lonely-priority": actions.lonely_priority,
    "expires-in-quiet-hours": actions.expires_at_night,
    "silent-draft": actions.silent_drafts,
    "instead-of-each-other": actions.rules_instead_of_each_other,
}
"""Every lint by its code."""


def lint(parsed: ParsedRuleFiles, sources: SourcesFile | None = None, now: datetime | None = None) -> list[Problem]:
    """Return every warning there is about rule files.

    Args:
        parsed: as read; of files with problems, only what can be told of single rules.
        sources: what `sources.yaml` says; None if it is not known.
        now: to tell how far a history reaches; None: not told.
    """
    book = located_rules(parsed, sources, now or datetime.min.replace(tzinfo=UTC))
    return [problem for look in LINTS.values() for problem in look(book)]
