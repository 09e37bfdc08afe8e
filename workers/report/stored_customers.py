"""The customers of a scan as what they bought, and the stages on which they stand."""

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from schemas.durations import DAY_MS
from workers.core.conditions.condition import NOT_OBSERVABLE, TRUE
from workers.core.coverage import Coverage
from workers.core.customer.customer import Customer
from workers.core.customer.stored import OtherLayout
from workers.core.decisions.decide import decider_of
from workers.core.decisions.program import Program
from workers.core.rules.rule_set import RuleSet
from workers.errors import LingerError
from workers.report.present import YEAR_DAYS, Bought, Counting
from workers.report.present_state import PresentState, StageNow
from workers.scan.lines import PartitionLine, StoredCustomer

NO_CURRENCY: Final = "-"
"""Stands for a currency that no file says."""
_SHOWN_EVERY: Final = 1_000
Advance = Callable[[int], None]
"""Called with how many customers were counted."""


def count_stored(
    customers: Iterable[tuple[PartitionLine, StoredCustomer]],
    rules: RuleSet,
    purchases: Sequence[str],
    counting: Counting,
    advance: Advance = lambda _: None,
) -> PresentState:
    """Count all customers of a scan, and return the sums.

    Args:
        customers: of the scan.
        rules: as they are loaded; nothing else may decide by them meanwhile.
        purchases: the event types that are purchases.
        counting: sums them up; nothing is counted yet.
        advance: called now and then.

    Raises:
        LingerError: if another release wrote a customer, so this one can read none.
    """
    decider = decider_of(rules)
    reader = CustomerReader(decider.program, purchases, counting.state)
    partition = None
    for number, (line, stored) in enumerate(customers, 1):
        try:
            known = decider.read(stored.stored)
        except OtherLayout as error:
            raise LingerError(str(error)) from error
        except ValueError:
            counting.state.unreadable += 1
            continue
        if line is not partition:
            partition, coverage = line, line.as_if_seen()
        reader.stand(known, coverage)
        counting.add(reader.bought(known))
        if number % _SHOWN_EVERY == 0:
            advance(number)
    return counting.finish()


class CustomerReader:
    """Reads the customer of a rule set, one after the other."""

    def __init__(self, program: Program, purchases: Sequence[str], state: PresentState) -> None:
        """Prepare to read.

        Args:
            program: the rule set, bound to the customer.
            purchases: the event types that are purchases.
            state: the moment is read; what is known of all of them, and stages, are noted there.
        """
        self._program = program
        self._state = state
        self._at_ms = state.at_ms
        self._today = state.at_ms // DAY_MS
        self._series = [program.customer.by_key[name] for name in purchases if name in program.customer.by_key]
        self._bought = Bought()
        self._worth = program.worth
        self._currency = NO_CURRENCY
        valuation = program.rule_set.value
        if valuation is not None:
            self._currency = valuation.currency or NO_CURRENCY
            state.currency_of_worth = self._currency
        part = None if self._worth is None else self._worth.first
        while part is not None:
            state.year_is_known &= part.series.keep_days >= YEAR_DAYS
            part = part.following
        ladder = program.rule_set.ladder
        if ladder is not None:
            state.stages = [StageNow(name) for name in ladder.stages]

    @property
    def kept_days(self) -> int:
        """For how long days with purchases are kept."""
        return min((series.keep_days for series in self._series), default=0)

    def stand(self, customer: Customer, coverage: Coverage) -> None:
        """Count the stage on which a customer stands."""
        ladder = self._program.ladder
        if ladder is None:
            return
        self._program.observe(coverage)
        at_ms = max(self._at_ms, customer.at_ms)
        place = len(ladder.steps)
        for number, step in enumerate(ladder.steps):
            truth = step.look(at_ms)
            if truth == NOT_OBSERVABLE:
                self._state.unknown_stage += 1
                return
            if truth == TRUE:
                place = number
                break
        stage = self._state.stages[place]
        stage.customers += 1
        if self._worth is not None:
            self._worth.begin(at_ms)
            stage.worth += self._worth.amount()

    def bought(self, customer: Customer) -> Bought:
        """Return what a customer bought; valid until the next one is read."""
        bought = self._bought
        bought.latest = customer.at_ms // DAY_MS
        bought.purchases, bought.days, bought.counts, bought.gone = 0, (), (), 0
        for series in self._series:
            if not series.is_present:
                continue
            first, last = series.first_ms // DAY_MS, series.last_ms // DAY_MS
            days = [(day, count) for day, count, _ in series.days.read()]
            if not bought.purchases:
                bought.first, bought.last = first, last
            else:
                bought.first, bought.last = min(bought.first, first), max(bought.last, last)
                days = _together([*zip(bought.days, bought.counts, strict=True), *days])
            bought.days = [day[0] for day in days]
            bought.counts = [day[1] for day in days]
            bought.purchases += series.total
            bought.gone = max(bought.gone, series.gone_day)
        if self._worth is not None:
            bought.so_far = {self._currency: self._worth.of_lifetime()}
            bought.year = {self._currency: self._of_year()}
        return bought

    def _of_year(self) -> int:
        """Return what the customer brought in the last 365 days, as far as it is kept."""
        amount = 0
        part = None if self._worth is None else self._worth.first
        while part is not None:
            if part.series.is_present:
                since = self._today - YEAR_DAYS
                amount += part.worth(sum(added for day, _, added in part.series.days.read() if day > since))
            part = part.following
        return amount


def _together(days: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return days, ascending, each once with all that was counted on it."""
    both: dict[int, int] = {}
    for day, count in days:
        both[day] = both.get(day, 0) + count
    return sorted(both.items())
