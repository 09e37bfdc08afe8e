"""Rules and the codes of their warnings, which several of these tests use."""

from datetime import UTC, datetime

from schemas.sources import SourcesFile
from workers.rule_files.known_names import KnownNames
from workers.rule_lint.check import CheckResult, check_texts
from workers.rule_lint.lint import LINTS

NOW = datetime(2024, 6, 1, tzinfo=UTC)
ALL_BUT_EXAMPLES = frozenset(LINTS) - {"without-example"}
DECLARED = KnownNames(("purchase", "login", "cancellation", "cart", "complaint", "profile", "p", "q"))


def rule(rule_id: str = "a-rule", when: str = "{none: purchase, for: 45 days}", *more: str) -> str:
    usual = {
        "status": "shadow",
        "action": "at-risk",
        "template": "a",
        "again after": "90 days",
        "expires after": "14 days",
    }
    given = dict(line.split(": ", 1) for line in more)
    lines = [f"  - id: {rule_id}", "    title: A rule", f"    when: {when}"]
    lines += [f"    {key}: {value}" for key, value in {**usual, **given}.items()]
    return "\n".join(lines) + "\n"


def checked(*rules: str, sources: SourcesFile | None = None, more: str = "") -> CheckResult:
    text = more + "rules:\n" + "".join(rules)
    report = check_texts({"a.yaml": text}, sources, NOW, ALL_BUT_EXAMPLES, DECLARED if sources is None else None)
    assert [str(problem) for problem in report.mistakes] == []
    return report


def codes(*rules: str, sources: SourcesFile | None = None, more: str = "") -> list[str]:
    return [problem.code for problem in checked(*rules, sources=sources, more=more).warnings]


SOURCES = """\
event_types: {complaint: {}, profile: {}}
sources:
  - topic: logins
    event: login
    fields: {event_id: id, customer_id: who, occurred_at: at}
    max_silence: 1 day
    complete_since: 2024-01-01
  - topic: cancellations
    event: cancellation
    fields: {event_id: id, customer_id: who, occurred_at: at, what: what}
    max_silence: 1 day
  - topic: purchases
    format: canonical
    events: [purchase]
    max_silence: 1 day
    complete_since: 2020-01-01
"""
