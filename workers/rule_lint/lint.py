"""All lints. Each warns about rules that work, but probably not as intended, with an explained code.

Pure functions over parsed rule files: this module must never know files and clocks.
"""

from datetime import UTC, datetime
from typing import Final

from schemas.sources import SourcesFile
from workers.rule_files.problems import Problem
from workers.rule_files.rules import ParsedRuleFiles
from workers.rule_files.values.unseen import Seen
from workers.rule_lint import (
    actions,
    conditions,
    hold_outs,
    names,
    newcomers,
    personal,
    reasons,
    unknown_values,
    unseen,
)
from workers.rule_lint.definition import Lint
from workers.rule_lint.located_rules import located_rules

LINTS: Final[dict[str, Lint]] = {
    lint.code: lint
    for lint in (
        *conditions.LINTS,
        *names.LINTS,
        *newcomers.LINTS,
        *unseen.LINTS,
        *unknown_values.LINTS,
        *personal.LINTS,
        *actions.LINTS,
        *hold_outs.LINTS,
        *reasons.LINTS,
    )
}
"""Every lint by its code."""


def lint(
    parsed: ParsedRuleFiles,
    sources: SourcesFile | None = None,
    now: datetime | None = None,
    seen: Seen | None = None,
) -> list[Problem]:
    """Return all warnings about rule files.

    Args:
        parsed: the rule files. If they have problems, only lints of single rules apply.
        sources: the content of `sources.yaml`; None if it is unknown.
        now: the time from which windows reach back. None: windows are not compared with the history.
        seen: what a history has. None: values are not compared with a history.
    """
    rules = located_rules(parsed, sources, now or datetime.min.replace(tzinfo=UTC), seen)
    return [problem for each in LINTS.values() for problem in each.check(rules)]
