"""Lints about hold-outs: can they measure anything, and in what time."""

from collections.abc import Iterator
from decimal import Decimal
from math import ceil
from typing import Final

from schemas.outcomes import SMALLEST_DIFFERENCE, success_of
from schemas.rules import Rule, RuleBook
from schemas.value import Tiers
from workers.rule_files.problems import Problem
from workers.rule_lint.definition import Lint, warning
from workers.rule_lint.located_rules import LocatedRule, LocatedRules
from workers.verdict.needed import USUAL_BASE_RATE, needed_for

_FEWEST_HELD_OUT: Final = Decimal(1)
_YEAR: Final = 365
_MANY_A_DAY: Final = 100
"""A rule that begins to hold for more customers a day than this is none of most shops."""
_COMPARED: Final = {
    "success": "success",
    "variants": "variants",
    "as before": "as_before",
    "smallest difference": "smallest_difference",
    "count at most": "count_at_most",
}
_LARGER: Final = (10, 20, 30, 50)


def odd_hold_out(book: LocatedRules) -> Iterator[Problem]:
    """Yield hold-outs that measure nothing: too small, without a success, or whose rules differ."""
    every, value = book.book.for_every_rule, book.book.value
    shares: dict[str, LocatedRule] = {}
    for located_rule in book.rules:
        rule = located_rule.rule
        if rule.hold_out is None:
            continue
        if rule.hold_out < _FEWEST_HELD_OUT:
            message = f"{rule.hold_out:f}% of the customers is hardly enough to measure anything"
            yield located_rule.warn(
                "odd-hold-out", located_rule.at("hold out"), message, "10% to 50% can be measured"
            )
        if success_of(rule.action, rule.success or every.success) is None:
            message = f"nothing is compared: it is not said what counts as a success of '{rule.action}'"
            hint = "write for example 'success: purchase within 30 days'"
            yield located_rule.warn("odd-hold-out", located_rule.at("hold out"), message, hint)
        cap = rule.count_at_most or every.count_at_most
        if cap is not None and cap.currency is None and (value is None or value.currency is None):
            where = located_rule.at("hold out" if rule.count_at_most is None else "count at most")
            message = f"no money is compared: it is not said in which currency {cap.words()} is"
            hint = f"write 'count at most: {cap.words()} EUR', or the currency of 'value'"
            yield located_rule.warn("odd-hold-out", where, message, hint)
        if rule.experiment is None:
            continue
        other = shares.setdefault(rule.experiment, located_rule)
        if other.rule.hold_out != rule.hold_out:
            message = f"{other} holds out {other.rule.hold_out:f}% in the same experiment"
            hint = "give all rules of an experiment the same share, or it is unclear which customers got nothing"
            yield located_rule.warn("odd-hold-out", located_rule.at("hold out"), message, hint)
        elif (key := _said_otherwise(rule, other.rule)) is not None:
            message = f"{other} says something else under '{key}' in the same experiment"
            hint = "say the same in all rules of an experiment: otherwise they are compared apart"
            yield located_rule.warn("odd-hold-out", located_rule.at(key), message, hint)


def _said_otherwise(rule: Rule, other: Rule) -> str | None:
    """Return the first key of what two rules of an experiment say differently; None if they agree."""
    return next((key for key, field in _COMPARED.items() if getattr(rule, field) != getattr(other, field)), None)


ODD_HOLD_OUT: Final = Lint(
    "odd-hold-out",
    odd_hold_out,
    warning(
        "A hold-out that measures nothing",
        "Less than one in a hundred is too few for a comparison. An action that sources.yaml declares needs a "
        "`success`. And if rules of one experiment hold out different shares, it is unclear which customers got "
        "nothing at all; if they say different things of what is compared, they are compared apart. "
        "A `count at most` needs a currency, its own or that of `value`: amounts of two are never added up.",
        "hold out: 0.5%\n",
        "hold out: 10%\n",
    ),
)


def slow_hold_out(book: LocatedRules) -> Iterator[Problem]:
    """Yield hold-outs with which a comparison would take more than a year."""
    measured = _measured(book.book)
    for located_rule in book.rules:
        rule, hold_out = located_rule.rule, located_rule.rule.hold_out
        if hold_out is None or hold_out < _FEWEST_HELD_OUT:
            continue
        points = rule.smallest_difference or book.book.for_every_rule.smallest_difference or SMALLEST_DIFFERENCE
        customers = _needed(rule, hold_out, points)
        if measured is not None and customers > measured.customers:
            why = f"{measured.customers:,} customers were counted on {measured.measured}"
            message = f"a hold-out of {hold_out:f}% needs {customers:,} customers, but only {why}"
        elif measured is None and customers > _MANY_A_DAY * _YEAR:
            a_day = ceil(customers / _YEAR)
            message = (
                f"a hold-out of {hold_out:f}% needs {customers:,} customers: more than a year, unless the rule "
                f"begins to hold for {a_day:,} a day"
            )
        else:
            continue
        yield located_rule.warn(
            "slow-hold-out", located_rule.at("hold out"), message, _larger(rule, hold_out, points)
        )


SLOW_HOLD_OUT: Final = Lint(
    "slow-hold-out",
    slow_hold_out,
    warning(
        "A hold-out that takes more than a year to show anything",
        "The smaller the hold-out, the more customers a comparison needs: a hold-out of 5% needs more than five "
        "times as many as one of half. The warning is about 3 points of harm (or the rule's `smallest "
        "difference`) where 20% of the customers do it anyway. If `linger rules tune` has counted the customers, it "
        "compares with them. Otherwise it says how many customers a day are needed for an answer in a year. The "
        "number of days for your customers is in `linger rules preview`; docs/does-it-help.md has the tables.",
        "hold out: 5%\n",
        "hold out: 20%\n",
    ),
)


def _measured(book: RuleBook) -> Tiers | None:
    """Return how many customers there are, if it was measured."""
    return None if book.value is None else book.value.tiers


def _needed(rule: Rule, hold_out: Decimal, points: Decimal) -> int:
    """Return how many customers of both arms a comparison needs; those of an old campaign are in neither."""
    share = hold_out / (100 - (rule.as_before or 0))
    return needed_for(USUAL_BASE_RATE, float(points) / 100, float(share)).both


def _larger(rule: Rule, hold_out: Decimal, points: Decimal) -> str:
    """Return what larger hold-outs need."""
    larger = [share for share in _LARGER if share > hold_out]
    others = [f"{share}% needs {_needed(rule, Decimal(share), points):,}" for share in larger]
    return f"hold out more: {', '.join(others[:2])}" if others else "measure rules with more customers together"


LINTS: Final = (ODD_HOLD_OUT, SLOW_HOLD_OUT)
