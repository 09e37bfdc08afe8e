"""Measures from which value on a customer is among the top of all: on a scan, or on a history."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import chain
from pathlib import Path
from typing import Literal

from schemas.rules import RuleBook, measured
from schemas.value import SHARES, Tiers, Valuation, shares_in, with_value
from workers.core.coverage import Coverage
from workers.core.decisions.decide import decider_of
from workers.core.decisions.replay import Events, Replay, until
from workers.core.events.decoding import UNIT
from workers.core.rules.rule_compiler import compile_rules
from workers.core.rules.rule_set import RuleSet
from workers.core.rules.value import Worth
from workers.scan.reading import read_each
from workers.scan.scan_file import Advance, opened


@dataclass(slots=True)
class Amounts:
    """What customers are worth.

    Attributes:
        day: up to which it was measured (UTC).
        amounts: in ten-thousandths, of all customers for whom it is known.
        unknown: how many customers there are besides, about whom something may be missing.
    """

    day: date
    amounts: list[int] = field(default_factory=list)
    unknown: int = 0

    def note(self, worth: Worth, at_ms: int) -> None:
        """Note the value of the customer who is looked at."""
        worth.begin(at_ms)
        if worth.is_revenue_known and worth.is_less_known:
            self.amounts.append(worth.amount())
        else:
            self.unknown += 1


def of_scan(path: Path, book: RuleBook, types: Sequence[str], advance: Advance = lambda _, __: None) -> Amounts:
    """Measure the customers of a scan, at its moment.

    Args:
        path: of the scan.
        book: the rules; one file says what a customer is worth.
        types: all event types.
        advance: called now and then.

    Raises:
        StartupError: if the file is no scan, or was cut or changed.
        LingerError: if another release wrote a customer.
    """
    rules = _measuring(book, types)
    decider, worth = decider_of(rules), _worth_of(rules)
    with opened(path) as scan:
        found = Amounts(_day(scan.head.at))
        for _, coverage, known in read_each(decider, chain.from_iterable(scan.parts(advance))):
            if known is None:
                found.unknown += 1
                continue
            decider.program.observe(coverage)
            found.note(worth, max(scan.head.at, known.at_ms))
    return found


def of_history(
    customers: Iterable[tuple[str, Events]], book: RuleBook, types: Sequence[str], start_ms: int, end_ms: int
) -> Amounts:
    """Measure the customers of a history at its end; it counts as complete.

    Args:
        customers: with all events by time, once each.
        book: the rules; one file says what a customer is worth.
        types: all event types; plain events have places among them.
        start_ms: of the history.
        end_ms: of the history.
    """
    rules = _measuring(replace(book, rules=()), types)
    keys = [spec.key for spec in rules.specs()]
    replay, worth = (
        Replay(rules, types, Coverage(dict.fromkeys(keys, start_ms), {}, frozenset(keys))),
        _worth_of(rules),
    )
    found = Amounts(_day(end_ms))
    for customer_id, all_events in customers:
        if events := until(all_events, end_ms):
            replay.decide(customer_id, events, end_ms)
            found.note(worth, max(end_ms, events[-1].at_ms))
    return found


def shares_of(book: RuleBook) -> list[Decimal]:
    """Return the shares of customers whose thresholds are measured: the usual ones, and those that rules name."""
    named = {share for rule in book.rules for share in (*shares_in(rule.when), *shares_in(rule.unless))}
    named |= {share for condition in book.define.values() for share in shares_in(condition)}
    return sorted({*SHARES, *named})


def tiers_of(found: Amounts, shares: Iterable[Decimal], source: Literal["scan", "history"]) -> Tiers | None:
    """Return the thresholds: of everyone, the share that is worth the most is worth this much or more.

    A share that takes in customers who are worth nothing has none.

    Args:
        found: what customers are worth.
        shares: of the customers, in percent.
        source: from what it was measured.

    Returns:
        None if no share has a threshold.
    """
    amounts = sorted(found.amounts, reverse=True)
    thresholds = {}
    for share in shares:
        place = max(1, int(len(amounts) * share / 100)) - 1
        if place < len(amounts) and amounts[place] > 0:
            thresholds[share] = Decimal(amounts[place]) / UNIT
    if not thresholds:
        return None
    return Tiers(measured=found.day, customers=len(amounts), from_=source, thresholds=thresholds)


def _measuring(book: RuleBook, types: Sequence[str]) -> RuleSet:
    """Compile rules to read what is stored as workers do; what is not measured yet is 0 meanwhile."""
    assert book.value is not None
    nothing = Tiers(
        measured=date(1970, 1, 1),
        customers=0,
        from_="scan",
        thresholds=dict.fromkeys(shares_of(book), Decimal(0)),
    )
    value: Valuation = book.value.model_copy(update={"tiers": nothing})
    rules = tuple(measured(rule, value) for rule in book.rules)
    define = {name: with_value(condition, value) for name, condition in book.define.items()}
    return compile_rules(replace(book, rules=rules, define=define, value=value), types)


def _worth_of(rules: RuleSet) -> Worth:
    worth = decider_of(rules).program.worth
    assert worth is not None
    return worth


def _day(at_ms: int) -> date:
    return datetime.fromtimestamp(at_ms / 1000, UTC).date()
