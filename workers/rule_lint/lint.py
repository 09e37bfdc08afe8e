"""Lints: what is possible in rule files, but hardly what somebody meant. Each is a warning with a documented code.

Pure functions over rule files as they were read; what is here must know no files and no clock.
"""

from datetime import UTC, datetime
from typing import Final

from schemas.sources import SourcesFile
from workers.rule_files.problems import Problem
from workers.rule_files.rules import ParsedRuleFiles
from workers.rule_lint import actions, conditions
from workers.rule_lint.definition import Lint
from workers.rule_lint.located_rules import located_rules

LINTS: Final[dict[str, Lint]] = {lint.code: lint for lint in (*conditions.LINTS, *actions.LINTS)}
"""Every lint by its code."""


def lint(parsed: ParsedRuleFiles, sources: SourcesFile | None = None, now: datetime | None = None) -> list[Problem]:
    """Return every warning there is about rule files.

    Args:
        parsed: as read; of files with problems, only what can be told of single rules.
        sources: what `sources.yaml` says; None if it is not known.
        now: to tell how far a history reaches; None: not told.
    """
    book = located_rules(parsed, sources, now or datetime.min.replace(tzinfo=UTC))
    return [problem for each in LINTS.values() for problem in each.check(book)]
