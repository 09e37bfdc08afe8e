"""Outcomes: who enters an experiment, and who succeeds.

A customer enters once, at the first moment at which a rule of the experiment acts or would have acted, in the arm
that the hash gives. A success counts if it happens in time after that. It is counted when its event is folded, for
the day on which the customer entered. While an action waits to be admitted, its successes are kept with it, so what
is counted does not depend on how long it waits; nor does it on which of two actions is admitted first.
"""

from collections.abc import Mapping
from typing import Final

from schemas.conditions.value import RATE_DIGITS
from schemas.durations import DAY_MS
from schemas.experiments import (
    AMOUNT,
    ASSIGNED,
    EVERY_RULE,
    HELD_OUT,
    LATER,
    PAYERS,
    SQUARE,
    SQUARE_HIGH,
    SQUARES_LOW,
    WON,
)
from workers.core.customer.candidate import Candidate
from workers.core.customer.customer import Entry
from workers.core.decisions.program import ActiveRule, EventType, Program
from workers.core.events.decoding import MAX_STORED, UNIT, DecodedEvent
from workers.core.events.filters import Matcher, matcher_of, scaled_number
from workers.core.events.plain import currency_number
from workers.core.experiments.arms import Arms, division, gets_nothing
from workers.core.experiments.experiment import Experiment

_HUNDREDTH: Final = UNIT // 100
_ONE: Final = 10**RATE_DIGITS


class Watch:
    """An experiment, and which events of one type are its successes.

    Attributes:
        key: of the experiment.
        within_ms: how long after a customer's start.
        matches: which events of the type; None for every one.
        rates: by the number of a currency, what one unit counts, in millionths; empty if money is not compared.
        rules: places of its rules.
    """

    def __init__(self, experiment: Experiment, rules: frozenset[int]) -> None:
        self.key = experiment.key
        self.within_ms = experiment.within_ms
        self.matches: Matcher | None = matcher_of(experiment.success.where)
        self.rules = rules
        self.rates: dict[int, int] = {currency_number(name): rate for name, rate in experiment.rates.items()}

    def counted(self, amount: int, currency: int) -> int:
        """Return what an amount counts in the currency of the experiment: nothing if it has no rate."""
        brought = amount * self.rates.get(currency, 0) // _ONE
        return max(-MAX_STORED, min(MAX_STORED, brought))


class Outcomes:
    """Follows the experiments of the customer who is looked at.

    Attributes:
        customer_id: whose; the arm depends on it.
        counts: what is to be added to the figures, by the name of the figure.
    """

    def __init__(self, program: Program) -> None:
        rule_set, self.customer = program.rule_set, program.customer
        self.experiments: dict[str, Experiment] = {one.key: one for one in rule_set.experiments}
        self.own: dict[int, Experiment] = {}
        self.of_all: Experiment | None = None
        self.watches: dict[str, list[Watch]] = {}
        self.counts: dict[str, int] = {}
        self.customer_id = ""
        for one in rule_set.experiments:
            places = frozenset(program.by_id[name].place for name in one.rules)
            self.watches.setdefault(one.success.event, []).append(Watch(one, places))
            if one.name == EVERY_RULE:
                self.of_all = one
            else:
                self.own.update(dict.fromkeys(places, one))

    def begin(self, customer_id: str) -> None:
        """Begin with another customer."""
        self.customer_id = customer_id
        if self.counts:
            self.counts = {}

    def adopt(self) -> None:
        """Forget the experiments that have ended."""
        if self.customer.experiments:
            kept = {key: entry for key, entry in self.customer.experiments.items() if key in self.experiments}
            self.customer.experiments = kept

    # -- who enters ----------------------------------------------------------------------------------------

    def division(self, rule: ActiveRule) -> tuple[Arms | None, str]:
        """Return by what it is decided whether the customer gets something from a rule, and the customer's arm."""
        return division(rule.rule.programme, rule.rule.hold_out, self.customer_id)

    def is_left_out(self, rule: ActiveRule) -> bool:
        """Return whether the customer gets nothing from a rule."""
        return gets_nothing(self.division(rule)[1])

    def enter(self, rule: ActiveRule, candidate: Candidate) -> None:
        """Let the customer enter the experiments of a rule that acts, or would if the customer were not left out."""
        arms = rule.rule.programme
        if arms is not None:
            arm = arms.of(self.customer_id)
            if self.of_all is not None:
                self.enter_one(self.of_all, arm, candidate)
            if arm == HELD_OUT:
                return
        arms, own = rule.rule.hold_out, self.own.get(rule.place)
        if arms is not None and own is not None:
            self.enter_one(own, arms.of(self.customer_id), candidate)

    def enter_one(self, experiment: Experiment, arm: str, candidate: Candidate) -> None:
        """Let the customer enter an experiment, or count a later episode of one who is in it.

        An earlier episode may be admitted later, because it waited. Then the customer entered with that one.
        """
        start_ms = candidate.start_ms
        if start_ms < experiment.since_ms:
            return
        known: Entry | None = self.customer.experiments.get(experiment.key)
        if known is not None:
            self.add(f"{experiment.key}|{arm}|{LATER}", 1)
            if known[0] <= start_ms:
                return
            self.count(experiment, known, -1)
        tally = candidate.tally or {}
        brought = tally.get(experiment.key)
        entry = start_ms, arm, 0 if brought is None else 1, brought or 0
        self.customer.experiments[experiment.key] = entry
        self.count(experiment, entry, 1)

    def count(self, experiment: Experiment, entry: Entry, times: int) -> None:
        """Add a customer to the figures of an experiment with everything so far, or take one out."""
        cohort = _cohort(experiment.key, entry)
        self.add(cohort + ASSIGNED, times)
        self.add(cohort + WON, times * entry[2])
        for name, number in _money(entry[3], experiment.cap).items():
            self.add(cohort + name, times * number)

    # -- who succeeds --------------------------------------------------------------------------------------

    def fold(self, kind: EventType, event: DecodedEvent) -> None:
        """Count an event that was just folded."""
        amount = scaled_number(event.attributes.get("amount")) or 0
        said = event.attributes.get("currency")
        currency = currency_number(said) if said.__class__ is str else 0
        watch: Watch
        for watch in self.watches.get(kind.name, ()):
            if watch.matches is None or watch.matches(event):
                self.succeed(watch, event.at_ms, watch.counted(amount, currency))

    def fold_plain(self, kind: EventType, at_ms: int, amount: int, currency: int) -> None:
        """Count an event that was just folded as numbers: no success of its type asks for more."""
        watch: Watch
        for watch in self.watches.get(kind.name, ()):
            self.succeed(watch, at_ms, watch.counted(amount, currency))

    def succeed(self, watch: Watch, at_ms: int, amount: int) -> None:
        """Count a success, if it is in time."""
        known: Entry | None = self.customer.experiments.get(watch.key)
        if known is not None and known[0] < at_ms <= known[0] + watch.within_ms:
            experiment = self.experiments[watch.key]
            entry = known[0], known[1], 1, _within_bounds(known[3] + amount)
            self.customer.experiments[watch.key] = entry
            cohort, before = _cohort(watch.key, entry), _money(known[3], experiment.cap)
            self.add(cohort + WON, 1 - known[2])
            for name, number in _money(entry[3], experiment.cap).items():
                self.add(cohort + name, number - before[name])
        for place in range(self.customer.waiting):
            candidate: Candidate = self.customer.candidates[place]
            if candidate.rule in watch.rules and candidate.start_ms < at_ms <= candidate.start_ms + watch.within_ms:
                tally = candidate.tally or {}
                candidate.tally = {**tally, watch.key: _within_bounds(tally.get(watch.key, 0) + amount)}

    def add(self, name: str, number: int) -> None:
        """Add a number to a figure."""
        if number:
            self.counts[name] = self.counts.get(name, 0) + number


def _cohort(key: str, entry: Entry) -> str:
    """Return what the names of the figures of a customer's arm and day begin with."""
    return f"{key}|{entry[1]}|{entry[0] // DAY_MS}|"


def _money(brought: int, cap: int | None) -> Mapping[str, int]:
    """Return the figures of what one customer has brought, in hundredths."""
    counted = max(0, min(brought // _HUNDREDTH, cap or 0))
    high, low = divmod(counted * counted, SQUARES_LOW)
    return {AMOUNT: counted, SQUARE: low, SQUARE_HIGH: high, PAYERS: int(counted > 0)}


def _within_bounds(amount: int) -> int:
    return max(-MAX_STORED, min(MAX_STORED, amount))
