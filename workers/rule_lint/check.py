"""`linger rules check` without a terminal: all mistakes and warnings of rule files.

Pure: this module must never know files, clocks and terminals.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from schemas.events import BUILT_IN
from schemas.sources import SourcesFile
from workers.rule_files.known_names import KnownNames, event_types, known_names
from workers.rule_files.problems import Problem, add_elsewhere, in_order
from workers.rule_files.rules import ParsedRuleFiles, read_documents
from workers.rule_files.values.unseen import Seen
from workers.rule_lint.lint import LINTS, lint
from workers.rule_tests.proof import proof_problems


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The result of a check.

    Attributes:
        parsed: the rule files.
        mistakes: problems that keep the rules from becoming active, by file and line.
        warnings: problems that keep nothing, by file and line.
    """

    parsed: ParsedRuleFiles
    mistakes: tuple[Problem, ...]
    warnings: tuple[Problem, ...]


def check_texts(
    texts: Mapping[str, str],
    sources: SourcesFile | None = None,
    now: datetime | None = None,
    lints: Collection[str] = tuple(LINTS),
    names: KnownNames | None = None,
    seen: Seen | None = None,
    beside: Mapping[str, str] = MappingProxyType({}),
) -> CheckResult:
    """Check rule files.

    Args:
        texts: by file name.
        sources: the content of `sources.yaml`. None: only the built-in event types exist.
        now: the time from which windows reach back. None: windows are not compared with the history.
        lints: the codes of the warnings to return.
        names: the names that rules can use, if they are not those of `sources`.
        seen: what a history has, to name what rules wait for and it has not. None: without a history.
        beside: the files beside these, by name; see `read_documents`.
    """
    names = names or known_names(sources)
    parsed = read_documents(texts, names, beside)
    mistakes = list(parsed.problems)
    if not mistakes and names.types is not None:
        mistakes = proof_problems(parsed, list(BUILT_IN) if sources is None else event_types(sources))
    warnings = [problem for problem in lint(parsed, sources, now, seen) if problem.code in lints]
    warnings = add_elsewhere(mistakes, warnings)[len(mistakes) :]
    return CheckResult(parsed, tuple(in_order(mistakes)), tuple(in_order(warnings)))
