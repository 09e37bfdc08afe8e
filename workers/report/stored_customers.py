"""The customers of a scan as what they bought, and the stages on which they stand."""

from collections.abc import Iterable, Sequence
from typing import Final

from schemas.durations import DAY_MS
from workers.core.conditions.condition import NOT_OBSERVABLE, TRUE
from workers.core.coverage import Coverage
from workers.core.customer.customer import Customer
from workers.core.decisions.decide import decider_of
from workers.core.decisions.program import Program
from workers.core.rules.rule_set import RuleSet
from workers.report.document import Period
from workers.report.present import YEAR_DAYS, Bought, Counting
from workers.report.present_state import PresentState, StageNow
from workers.scan.reading import read_each
from workers.scan.scan_file import Found

NO_CURRENCY: Final = "-"
"""Stands for a currency that no file says."""
_FIRST_AND_LAST: Final = 2


class StoredCustomers:
    """Counts the customers of a scan, some at a time."""

    def __init__(self, rules: RuleSet, asked: tuple[int, Period, int]) -> None:
        """Begin.

        Args:
            rules: as they are loaded; nothing else may decide by them during `count`.
            asked: the moment, the period in which customers lapse, and after how many days without a purchase they
                do.
        """
        self._decider = decider_of(rules)
        self._reader = CustomerReader(self._decider.program, rules.meant.purchases, asked[0])
        self._counting = Counting(*asked, self._reader.kept_days)
        self._reader.note_what_is_known(self._counting.state)

    def count(self, customers: Iterable[Found]) -> None:
        """Count more customers.

        Raises:
            LingerError: if another release wrote a customer, so this one can read none.
        """
        reader, counting = self._reader, self._counting
        for _, coverage, known in read_each(self._decider, customers):
            if known is None:
                counting.state.unreadable += 1
                continue
            reader.stand(known, coverage, counting.state)
            counting.add(reader.bought(known))

    def finish(self) -> PresentState:
        """Return the sums, when all customers are counted."""
        return self._counting.finish()


class CustomerReader:
    """Reads the customer of a rule set, one after the other."""

    def __init__(self, program: Program, purchases: Sequence[str], at_ms: int) -> None:
        """Prepare to read.

        Args:
            program: the rule set, bound to the customer.
            purchases: the event types that are purchases.
            at_ms: the moment.
        """
        self._program = program
        self._at_ms = at_ms
        self._since_day = at_ms // DAY_MS - YEAR_DAYS + 1
        self._since_ms = self._since_day * DAY_MS
        self._series = [program.customer.by_key[name] for name in purchases if name in program.customer.by_key]
        self._bought = Bought()
        self._worth = program.worth
        valuation = program.rule_set.value
        self._currency = NO_CURRENCY if valuation is None else valuation.currency or NO_CURRENCY

    def note_what_is_known(self, state: PresentState) -> None:
        """Note which stages there are, and what is kept of all customers."""
        if self._worth is not None:
            state.currency_of_worth = self._currency
        part = None if self._worth is None else self._worth.first
        while part is not None:
            state.year_is_known &= part.series.keep_days >= YEAR_DAYS
            part = part.following
        ladder = self._program.rule_set.ladder
        if ladder is not None:
            state.stages = [StageNow(name) for name in ladder.stages]

    @property
    def kept_days(self) -> int:
        """For how long days with purchases are kept."""
        return min((series.keep_days for series in self._series), default=0)

    def stand(self, customer: Customer, coverage: Coverage, state: PresentState) -> None:
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
                state.unknown_stage += 1
                return
            if truth == TRUE:
                place = number
                break
        stage = state.stages[place]
        stage.customers += 1
        if self._worth is not None:
            self._worth.begin(at_ms)
            stage.worth += self._worth.amount()

    def bought(self, customer: Customer) -> Bought:
        """Return what a customer bought; valid until the next one is read."""
        bought = self._bought
        bought.latest = customer.at_ms // DAY_MS
        bought.purchases, bought.days, bought.counts, bought.gone = 0, (), (), 0
        present = [series for series in self._series if series.is_present]
        for series in present:
            first, last = series.first_ms // DAY_MS, series.last_ms // DAY_MS
            is_first = not bought.purchases
            bought.first = first if is_first else min(bought.first, first)
            bought.last = last if is_first else max(bought.last, last)
            bought.purchases += series.total
            bought.gone = max(bought.gone, series.gone_day)
        # Of one or two purchases, the first and the last are all.
        if bought.purchases > _FIRST_AND_LAST:
            days = _together([day for series in present for day in series.days.read()])
            bought.days, bought.counts = list(days), list(days.values())
        if self._worth is not None:
            bought.so_far = {self._currency: self._worth.of_lifetime()}
            bought.year = {self._currency: self._of_year()}
        return bought

    def _of_year(self) -> int:
        """Return what the customer brought in the last 365 days, as far as it is kept."""
        amount = 0
        part = None if self._worth is None else self._worth.first
        while part is not None:
            series = part.series
            if series.is_present and series.last_ms >= self._since_ms:
                if series.first_ms >= self._since_ms:
                    total = series.total_sum
                else:
                    total = sum(added for day, _, added in series.days.read() if day >= self._since_day)
                amount += part.worth(total)
            part = part.following
        return amount


def _together(kept: Iterable[tuple[int, int, int]]) -> dict[int, int]:
    """Return days, ascending, each once with all that was counted on it."""
    days: dict[int, int] = {}
    for day, count, _ in kept:
        days[day] = days.get(day, 0) + count
    return dict(sorted(days.items()))
