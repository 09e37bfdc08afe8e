"""`linger rules check` without a terminal: everything that is wrong or odd about rule files; pure."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from schemas.events import BUILT_IN
from schemas.sources import SourcesFile
from workers.rule_files.known_names import KnownNames, event_types, known_names
from workers.rule_files.problems import Problem, add_elsewhere, in_order
from workers.rule_files.rules import ParsedRuleFiles, read_documents
from workers.rule_lint.lint import LINTS, lint
from workers.rule_tests.proof import proof_problems


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What came out: mistakes, which keep the rules from counting, and warnings, which keep nothing."""

    parsed: ParsedRuleFiles
    mistakes: tuple[Problem, ...]
    warnings: tuple[Problem, ...]


def check_texts(
    texts: Mapping[str, str],
    sources: SourcesFile | None = None,
    now: datetime | None = None,
    lints: Collection[str] = tuple(LINTS),
    known: KnownNames | None = None,
) -> CheckResult:
    """Check rule files.

    Args:
        texts: by the names of the files.
        sources: what `sources.yaml` says; None: there are the built-in event types only.
        now: to tell how far a history reaches; None: not told.
        lints: codes of the warnings that are wanted.
        known: what rules can name, if not what `sources` says.
    """
    known = known or known_names(sources)
    parsed = read_documents(texts, known)
    mistakes = list(parsed.problems)
    if not mistakes and known.types is not None:
        mistakes = proof_problems(parsed, list(BUILT_IN) if sources is None else event_types(sources))
    wanted = [problem for problem in lint(parsed, sources, now) if problem.code in lints]
    warnings = add_elsewhere(mistakes, wanted)[len(mistakes) :]
    return CheckResult(parsed, tuple(in_order(mistakes)), tuple(in_order(warnings)))
