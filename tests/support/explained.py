"""A customer as decide() stored it, and the explanation of its state."""

from typing import Any, Final

from tests.support.builders import day, watched
from workers.core.coverage import Coverage
from workers.core.decisions.decide import decide
from workers.core.events.decoding import DecodedEvent
from workers.core.rules.rule_set import RuleSet
from workers.explain.snapshot import CustomerSnapshot
from workers.explain.why import explain_customer
from workers.explain.why_report import ConditionReport, RuleReport, WhyReport

LAYOUT: Final = 4
QUIET = {"all": [{"count": "purchase", "at least": 2, "within": "60 days"}, {"none": "purchase", "for": "9 days"}]}


def known(ruleset: RuleSet, *events: DecodedEvent, observed: Coverage | None = None, upto_day: float = 0) -> bytes:
    """Return what is stored of ada after these events, and after timers up to a day."""
    upto_ms = day(upto_day) if upto_day else 0
    stored = decide("ada", None, events, ruleset, observed or watched(ruleset), upto_ms, LAYOUT).stored
    assert stored is not None
    return stored


def why(
    ruleset: RuleSet,
    stored: bytes,
    at_day: float,
    *,
    observed: Coverage | None = None,
    now_day: float | None = None,
    titles: dict[str, str] | None = None,
    **more: Any,
) -> WhyReport:
    now_ms = day(at_day if now_day is None else now_day)
    snapshot = CustomerSnapshot("ada", stored, ruleset, observed or watched(ruleset), now_ms, **more)
    return explain_customer(snapshot, day(at_day), titles)


def since(ruleset: RuleSet, since_day: float, whole: bool = False) -> Coverage:
    return watched(ruleset, since_day, whole)


def only(report: WhyReport, rule_id: str = "a-rule") -> RuleReport:
    (rule,) = [rule for rule in report.rules if rule.id == rule_id]
    return rule


def leaf(report: WhyReport, rule_id: str = "a-rule") -> ConditionReport:
    (condition,) = only(report, rule_id).condition.leaves()
    return condition


def states(report: WhyReport, rule_id: str = "a-rule") -> list[str]:
    return [state.kind for state in only(report, rule_id).states]


def state_text(report: WhyReport, kind: str, rule_id: str = "a-rule") -> str:
    (text,) = [state.text for state in only(report, rule_id).states if state.kind == kind]
    return text
