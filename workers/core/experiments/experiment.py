"""Experiment: rules whose customers are compared, what counts as a success, and what makes it another experiment."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, Final

from schemas.conditions.value import RATE_DIGITS, Measured
from schemas.durations import duration_ms
from schemas.experiments import EVERY_RULE, ExperimentEntry, SuccessEntry
from schemas.outcomes import IN_30_DAYS, SMALLEST_DIFFERENCE, Cap, Success, success_of
from schemas.rules import ForEveryRule, Rule
from workers.core.customer.specs import digest_of
from workers.core.experiments.arms import Arms

_HUNDREDTHS: Final = 100
_ONE: Final = 10**RATE_DIGITS


@dataclass(frozen=True)
class Experiment:
    """One experiment.

    Attributes:
        key: names its figures; made when it begins.
        name: that its rules give it, or the id of its only rule; `EVERY_RULE` for that over all rules.
        arms: how customers are divided.
        success: what counts as a success.
        smallest_difference: the least that matters, in points.
        cap: the most that counts of one customer's money, in hundredths; None if money is not compared.
        rates: by currency, what one unit counts in that of the money, in millionths; other currencies do not count.
        currency: of the money; None if money is not compared.
        rules: ids of its rules.
        design: hash of everything that must not change while it goes on.
        since_ms: when it began: whom a rule meant before does not enter.
    """

    key: str
    name: str
    arms: Arms
    success: Success
    smallest_difference: Decimal
    cap: int | None
    rules: tuple[str, ...]
    design: str
    since_ms: int = 0
    currency: str | None = None
    rates: Mapping[str, int] = field(default_factory=dict)

    @property
    def within_ms(self) -> int:
        """How long after a customer's start a success counts."""
        return duration_ms(self.success.within)

    def begun(self, key: str, salt: str, since_ms: int) -> "Experiment":
        """Return it with its key, and with the salt by which it has divided customers since it began."""
        return replace(self, key=key, arms=replace(self.arms, salt=salt), since_ms=since_ms)

    def entry(self) -> ExperimentEntry:
        """Return what is kept of it beside its figures."""
        return ExperimentEntry(
            name=self.arms.salt,
            rules=self.rules,
            begun_at=self.since_ms,
            success=_entry(self.success),
            smallest_difference=float(self.smallest_difference),
            hold_out=float(self.arms.share),
            as_before=float(self.arms.as_before),
            variants={name: float(share) for name, share in self.arms.variants},
            cap=self.cap,
            currency=self.currency,
            design=self.design,
        )


def arms_of(rule: Rule, key: bytes) -> Arms | None:
    """Return how a rule divides customers; None if it does not."""
    if rule.hold_out is None:
        return None
    variants = () if rule.variants is None else tuple(rule.variants.items())
    return Arms(rule.experiment or rule.id, rule.hold_out, key, rule.as_before or Decimal(0), variants)


def arms_of_all(policy: ForEveryRule, key: bytes) -> Arms | None:
    """Return how all rules together divide customers; None if they do not."""
    return None if policy.hold_out is None else Arms(EVERY_RULE, policy.hold_out, key)


def experiments_of(
    rules: Iterable[Rule],
    policy: ForEveryRule,
    meant: Mapping[str, str],
    key: bytes,
    value: Measured | None = None,
) -> tuple[Experiment, ...]:
    """Return the experiments of the rules that act, in the order of their names and contents.

    Rules of one name that say different things of shares, success, smallest difference or cap are experiments of
    their own, in which the same customers are held out.

    Args:
        rules: that are evaluated.
        policy: for every rule.
        meant: by rule, the hash of everything that says which customers it means.
        key: of the hash that divides customers.
        value: how the value of a customer is measured, with its currency and rates; None if it is not said.
    """
    found: dict[tuple[str, str], Experiment] = {}
    acting = [rule for rule in rules if rule.status in ("live", "paused")]
    for rule in acting:
        arms, success = arms_of(rule, key), success_of(rule.action, rule.success or policy.success)
        if arms is None or success is None:
            continue
        difference = rule.smallest_difference or policy.smallest_difference or SMALLEST_DIFFERENCE
        money = _money(rule.count_at_most or policy.count_at_most, value)
        one = _experiment(arms, success, difference, money)
        same = found.get((one.name, one.design), one)
        found[one.name, one.design] = replace(same, rules=(*same.rules, rule.id))
    experiments = [_with_meant(one, [meant[rule] for rule in one.rules]) for _, one in sorted(found.items())]
    of_all = arms_of_all(policy, key)
    if of_all is not None and acting:
        difference, money = policy.smallest_difference or SMALLEST_DIFFERENCE, _money(policy.count_at_most, value)
        one = _experiment(of_all, policy.success or IN_30_DAYS, difference, money)
        # Rules come and go. What all of them bring is one question, so it does not depend on which ones there are.
        experiments.append(_with_meant(replace(one, rules=tuple(rule.id for rule in acting)), []))
    return tuple(experiments)


@dataclass(frozen=True)
class _Money:
    """How the money of customers is counted; see `Experiment`."""

    cap: int | None = None
    currency: str | None = None
    rates: Mapping[str, int] = field(default_factory=dict)


def _money(cap: Cap | None, value: Measured | None) -> _Money:
    """Return in one currency what is counted: amounts of two are never added up without a rate."""
    measured_in = None if value is None else value.currency
    currency = measured_in if cap is None or cap.currency is None else cap.currency
    if cap is None or currency is None:
        return _Money()
    rates = {currency: _ONE}
    if value is not None and currency == measured_in:
        rates |= {name: int(rate * _ONE) for name, rate in value.rates.items()}
    return _Money(int(cap.amount * _HUNDREDTHS), currency, rates)


def _experiment(arms: Arms, success: Success, difference: Decimal, money: _Money) -> Experiment:
    """Return an experiment without rules; its design does not say which customers it means."""
    shares = [f"{share.normalize():f}" for share in (arms.share, arms.as_before, difference)]
    variants = [[variant, f"{share.normalize():f}"] for variant, share in arms.variants]
    counted: Any = success.model_dump(mode="json", by_alias=True, exclude_none=True)
    said = [money.cap, *([money.currency, sorted(money.rates.items())] if money.currency else [])]
    design = digest_of([shares, variants, counted, *said])
    one = Experiment("", arms.salt, arms, success, difference, money.cap, (), design)
    return replace(one, currency=money.currency, rates=money.rates)


def _with_meant(experiment: Experiment, meant: list[str]) -> Experiment:
    """Return an experiment that means the customers of some conditions, given by their hashes."""
    design = digest_of([sorted(meant), experiment.design])
    return replace(experiment, design=design, key=digest_of([experiment.name, design]))


def _entry(success: Success) -> SuccessEntry:
    where: Any = success.model_dump(mode="json", by_alias=True, exclude_none=True).get("where")
    words = None if where is None else ", ".join(f"{name}: {value}" for name, value in where.items())
    return SuccessEntry(event=success.event, within_ms=duration_ms(success.within), where=words)
