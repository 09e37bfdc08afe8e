"""Small builders: the shortest way to an event, a rule set, a moment."""

from datetime import UTC, datetime
from typing import Any

from schemas.ladders import Ladder
from schemas.rules import ForEveryRule, Rule, RuleBook, measured
from schemas.value import Valuation
from workers.core.coverage import Coverage
from workers.core.events.decoding import DecodedEvent
from workers.core.rules.rule_compiler import compile_rules
from workers.core.rules.rule_set import RuleSet

DAY = 86_400_000
TYPES = ("purchase", "login", "cancellation")
START = int(datetime(2024, 1, 1, tzinfo=UTC).timestamp() * 1000)
"""Day 0 of the tests, a midnight."""
VALUE = Valuation.model_validate(
    {
        "revenue": ["purchase.amount"],
        "less": ["refund.amount"],
        "currency": "EUR",
        "rates": {"USD": "0.5"},
        "within": "365 days",
        "cost of winning": 60,
        "tiers": {
            "measured": "2024-01-01",
            "customers": 1000,
            "from": "history",
            "thresholds": {"5%": 900, "20%": 260},
        },
    }
)
"""By which conditions on the value of a customer are measured in tests."""


def day(number: float) -> int:
    """Return the moment this many days after day 0, in epoch milliseconds."""
    return START + round(number * DAY)


_serial = iter(range(1, 1 << 62))


def event(
    kind: str,
    at_day: float,
    customer: str = "ada",
    event_id: str | None = None,
    history_until: float = 0,
    **attributes: Any,
) -> DecodedEvent:
    """Build an event of a type at a day; `history_until` is a day, too, and makes it history."""
    if kind == "purchase":
        attributes = {"amount": 20, "currency": "EUR", **attributes}
    until_ms = day(history_until) if history_until else 0
    return DecodedEvent(event_id or f"e{next(_serial)}", kind, customer, day(at_day), attributes, until_ms)


def rule(rule_id: str = "a-rule", **content: Any) -> Rule:
    """Build a live rule; keyword `when` and others as in a rule file, with underscores for spaces."""
    written = {name.rstrip("_").replace("_", " "): value for name, value in content.items()}
    written.setdefault("when", {"none": "purchase", "for": "45 days"})
    built = Rule.model_validate(
        {
            "id": rule_id,
            "title": rule_id,
            "status": "live",
            "action": "at-risk",
            "template": "t",
            "expires after": "14 days",
            "again after": "1 day",
            **written,
        }
    )
    return measured(built, VALUE)


def rules(
    *content: Rule,
    types: tuple[str, ...] = TYPES,
    worth: Valuation | None = None,
    ladder: Ladder | None = None,
    **for_every_rule: Any,
) -> RuleSet:
    """Compile rules; keywords as under `for every rule`, with underscores for spaces.

    Args:
        content: the rules.
        types: all event types.
        worth: what a customer is worth, if that is declared.
        ladder: the live one, if there is one.
        for_every_rule: the settings.
    """
    policy = {name.replace("_", " "): value for name, value in for_every_rule.items()}
    ladders = () if ladder is None else (ladder,)
    book = RuleBook(content, {}, ForEveryRule.model_validate(policy), value=worth, ladders=ladders)
    return compile_rules(book, types)


def watched(ruleset: RuleSet, since_day: float = 0, whole: bool = True, **until_day: float) -> Coverage:
    """Everything watched since a day; `until_day` by type, without a limit if left out."""
    keys = [spec.key for spec in ruleset.specs()]
    return Coverage(
        since={key: day(since_day) for key in keys},
        until={name: day(at) for name, at in until_day.items()},
        complete=frozenset(keys) if whole else frozenset(),
    )
