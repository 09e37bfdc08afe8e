"""Bookkeeper: classifies each event once, when it is folded, and counts it in the book.

What it counts is a function of the order of the customer's events. An event that is older than the customer's latest
one is late: it counts as an event and with its amounts on its own day, and is classified no further. It is asked
right before the event becomes part of what is known.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from schemas.durations import DAY_MS
from workers.core.book import fields
from workers.core.book.fields import field
from workers.core.book.meant import Meant
from workers.core.book.tally import MOST, Tally
from workers.core.customer.customer import Customer
from workers.core.customer.stage import NO_MOVE
from workers.core.decisions.moves import Moves
from workers.core.decisions.program import EventType, Program
from workers.core.events.decoding import UNIT, DecodedEvent
from workers.core.events.filters import scaled_number
from workers.core.events.plain import PlainEvent, currency_named, currency_number
from workers.core.memory import Numbers
from workers.core.months import month_at, month_from, month_named, month_number

Line = tuple[int, str, int]
"""A day, a field of the book, and by how much it grows."""

# What a type means, each a bit.
_PURCHASE: Final = 1
_CANCELLATION: Final = 2
_FAILED_RENEWAL: Final = 4
_COMPLAINT: Final = 8
_RECOMMENDS: Final = 16
_CONTRACT: Final = 32
_REVENUE: Final = 64
_REFUNDS: Final = 128
_LEAVES: Final = _CANCELLATION | _FAILED_RENEWAL
_MONEY: Final = _REVENUE | _REFUNDS
_CLASSIFIED: Final = ~_MONEY

# The columns of a day.
_NEW: Final = 0
_FIRST: Final = 1
_SECOND: Final = 2
_SECOND_AFTER: Final = 3  # four of them
_BACK: Final = 7
_VOLUNTARY: Final = 8
_INVOLUNTARY: Final = 9
_BEGUN: Final = 10
_ENDED: Final = 11
_ENDED_YOUNG: Final = 12
_BACK_YOUNG: Final = 13
_NPS: Final = 14  # for each score
_SCORES: Final = 11
_LONGEST_SCORE: Final = 2
_NPS_AGAIN: Final = _NPS + _SCORES
_BUYERS: Final = _NPS_AGAIN + _SCORES  # for each age of a customer in months, from 0
_AGES: Final = 36
_AMOUNTS: Final = _BUYERS + _AGES  # for each currency, three
_CURRENCIES: Final = 8
_TYPES: Final = _AMOUNTS + 3 * _CURRENCIES  # for each type, two
_AMOUNTS_OF_A_CURRENCY: Final = (fields.REVENUE, fields.REFUNDS, fields.REVENUE_NEW)
_REMEMBERED: Final = 1_000
"""How many values of events are remembered with what they are called in the book."""

_CONTRACT_KEY: Final = "*contract"
"""In `Customer.attributes`: when the customer's contract began, or, below 0, when it ended."""
_NPS_KEY: Final = "*nps"
"""In `Customer.attributes`: the latest score that was counted."""


class Bookkeeper:
    """Counts the events of one customer after the other; made once for a rule set.

    Attributes:
        tally: what is counted.
        customer: the customer.
    """

    def __init__(self, program: Program) -> None:
        meant: Meant = program.rule_set.meant
        types = list(program.types.values())
        self.customer: Customer = program.customer
        self.worth = program.worth
        self.meant = meant
        self.number = len(types)
        stages: list[str] = [] if program.ladder is None else program.ladder.names
        self.first_move = _TYPES + 2 * self.number  # for each stage before, or none, and each stage
        self.stages = len(stages)
        self.tally = Tally(self.first_move + (self.stages + 1) * self.stages)
        self._roles = Numbers(self.number + 1)
        self.roles = self._roles.numbers()
        for kind in types:
            self.roles[kind.place] = _roles_of(kind.name, meant)
        self.money: dict[str, list[tuple[str, bool]]] = {}
        for is_less, references in ((False, meant.revenue), (True, meant.refunds)):
            for name, attribute in references:
                self.money.setdefault(name, []).append((attribute, is_less))
        self.purchases = [
            series for name in meant.purchases if (series := self.customer.by_key.get(name)) is not None
        ]
        self.break_ms = meant.break_ms
        self._currencies = Numbers(_CURRENCIES)
        self.currencies = self._currencies.numbers()
        self.known_currencies = 0
        self.month_ms = self.month_end_ms = self.month = 0
        self.other_ms = self.other_end_ms = self.other = 0
        self.named = _words_of(types, stages)
        self.slot_of(0)  # the first place is that of a currency that is not said
        self.said: dict[tuple[str, str], tuple[str, str]] = {}
        self.buyers: dict[int, str] = {}

    # -- events ------------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Begin another turn."""
        self.tally.begin()

    def note_plain(self, kind: EventType, event: PlainEvent, is_new: bool) -> None:
        """Count an event that is about to be folded as numbers; `Customer.at_ms` is not before it.

        Args:
            kind: its type.
            event: the event.
            is_new: whether it is the customer's first.
        """
        roles = self.roles[kind.place]
        is_late = self.note_event(kind.place, event.at_ms, is_new)
        if roles & _REVENUE:
            self.note_amount(event.at_ms, min(MOST, event.amount), event.currency, False, is_late, roles)
        if roles & _REFUNDS:
            self.note_amount(event.at_ms, min(MOST, event.amount), event.currency, True, is_late, roles)
        if roles & _CLASSIFIED and not is_late:
            self.classify(roles, event.at_ms, None)

    def note(self, kind: EventType, event: DecodedEvent, is_new: bool) -> None:
        """Count an event that is about to be folded; `Customer.at_ms` is not before it."""
        if kind.place == self.number:
            self.note_unknown(event, is_new)
            return
        roles = self.roles[kind.place]
        is_late = self.note_event(kind.place, event.at_ms, is_new)
        if roles & _MONEY:
            said = event.attributes.get("currency")
            currency = currency_number(said) if said.__class__ is str else 0
            for attribute, is_less in self.money[kind.name]:
                amount = scaled_number(event.attributes.get(attribute))
                if amount is not None:
                    amount = max(-MOST, min(MOST, amount))
                    self.note_amount(event.at_ms, amount, currency, is_less, is_late, roles)
        if roles & _CLASSIFIED and not is_late:
            self.classify(roles, event.at_ms, event)

    def note_event(self, place: int, at_ms: int, is_new: bool) -> bool:
        """Count an event of a type, by the place of the type; return whether it is late."""
        day, column = at_ms // DAY_MS, _TYPES + 2 * place
        self.tally.count(day, column, 1)
        is_late = at_ms < self.customer.at_ms
        if is_late:
            self.tally.count(day, column + 1, 1)
        elif is_new:
            self.tally.count(day, _NEW, 1)
        return is_late

    def note_unknown(self, event: DecodedEvent, is_new: bool) -> None:
        """Count an event of a type that the rule set does not know."""
        day = event.at_ms // DAY_MS
        self.tally.note(day, field(fields.EVENTS, event.type), 1)
        if event.at_ms < self.customer.at_ms:
            self.tally.note(day, field(fields.LATE, event.type), 1)
        elif is_new:
            self.tally.count(day, _NEW, 1)

    def note_amount(self, at_ms: int, amount: int, currency: int, is_less: bool, is_late: bool, roles: int) -> None:
        """Count an amount of money in its currency, revenue or less."""
        if not amount:
            return
        is_by_new = not is_less and not is_late and self.is_by_new(at_ms, roles)
        day, slot = at_ms // DAY_MS, self.slot_of(currency)
        if slot < 0:
            said = currency_named(currency)
            self.tally.note(day, field(fields.REFUNDS if is_less else fields.REVENUE, said), amount)
            if is_by_new:
                self.tally.note(day, field(fields.REVENUE_NEW, said), amount)
            return
        column = _AMOUNTS + 3 * slot
        self.tally.count(day, column + (1 if is_less else 0), amount)
        if is_by_new:
            self.tally.count(day, column + 2, amount)

    def slot_of(self, currency: int) -> int:
        """Return the place of a currency; -1 if there is no room for a further one."""
        for slot in range(self.known_currencies):
            if self.currencies[slot] == currency:
                return slot
        if self.known_currencies == _CURRENCIES:
            return -1
        slot = self.known_currencies
        self.currencies[slot] = currency
        self.known_currencies += 1
        said, column = currency_named(currency) if currency else fields.NO_CURRENCY, _AMOUNTS + 3 * slot
        self.named[column : column + 3] = [field(name, said) for name in _AMOUNTS_OF_A_CURRENCY]
        return slot

    def is_by_new(self, at_ms: int, roles: int) -> bool:
        """Return whether the customer's first purchase is in the month of an event, which may be it itself."""
        self.find_month(at_ms)
        first_ms = self.first_purchase_ms()
        return roles & _PURCHASE != 0 if first_ms < 0 else first_ms >= self.month_ms

    # -- what an event means -------------------------------------------------------------------------------------

    def classify(self, roles: int, at_ms: int, event: DecodedEvent | None) -> None:
        """Count what an event means that is not late; None stands for one without attributes that are read."""
        if roles & _PURCHASE:
            self.purchase(at_ms)
        if roles & _CONTRACT:
            self.go_on(at_ms)
        if roles & _CANCELLATION:
            self.tally.count(at_ms // DAY_MS, _VOLUNTARY, 1)
            self.value(at_ms, event, self.meant.reason, fields.REASON, fields.REASON_VALUE)
        if roles & _FAILED_RENEWAL:
            self.tally.count(at_ms // DAY_MS, _INVOLUNTARY, 1)
        if roles & _LEAVES:
            self.end(at_ms)
        if roles & _COMPLAINT:
            self.value(at_ms, event, self.meant.subject, fields.COMPLAINT, fields.COMPLAINT_VALUE)
        if roles & _RECOMMENDS and event is not None and self.meant.recommends is not None:
            self.answer(at_ms, event.attributes.get(self.meant.recommends[1]))

    def purchase(self, at_ms: int) -> None:
        """Count a purchase among those of its customer."""
        tally, day = self.tally, at_ms // DAY_MS
        self.find_month(at_ms)
        first_ms, last_ms, total = self.first_purchase_ms(), -1, 0
        for series in self.purchases:
            if series.is_present:
                total += series.total
                if series.last_ms > last_ms:
                    last_ms = series.last_ms
        if total == 0:
            tally.count(day, _FIRST, 1)
            tally.count(day, _BUYERS, 1)
            return
        if total == 1:
            tally.count(day, _SECOND, 1)
            tally.count(day, _SECOND_AFTER + _place_after(at_ms - first_ms), 1)
        if at_ms - last_ms >= self.break_ms:
            tally.count(day, _BACK, 1)
        if last_ms < self.month_ms:
            born = month_number(first_ms)
            age = self.month - born
            if age < _AGES:
                tally.count(day, _BUYERS + age, 1)
            else:
                tally.note(day, self.buyers_named(born), 1)

    def first_purchase_ms(self) -> int:
        """Return when the customer's first purchase was; -1 if there is none."""
        first_ms = -1
        for series in self.purchases:
            if series.is_present and (first_ms < 0 or series.first_ms < first_ms):
                first_ms = series.first_ms
        return first_ms

    def find_month(self, at_ms: int) -> None:
        """Find out in which month a moment lies. A batch is often around the end of one, so two are remembered."""
        if self.month_ms <= at_ms < self.month_end_ms:
            return
        self.month_ms, self.other_ms = self.other_ms, self.month_ms
        self.month_end_ms, self.other_end_ms = self.other_end_ms, self.month_end_ms
        self.month, self.other = self.other, self.month
        if not self.month_ms <= at_ms < self.month_end_ms:
            self.month_ms = month_at(at_ms)
            self.month_end_ms = month_from(at_ms + 1)
            self.month = month_number(at_ms)

    def value(self, at_ms: int, event: DecodedEvent | None, attribute: str | None, name: str, valued: str) -> None:
        """Count what an event says, and what its customer is worth at that moment, if a rule file says what that is.

        Without it, purchases in several currencies would be added up.
        """
        said = None if event is None or attribute is None else event.attributes.get(attribute)
        words = self.words_of(said, name, valued)
        day = at_ms // DAY_MS
        self.tally.note(day, words[0], 1)
        if self.worth is None:
            return
        self.worth.begin(at_ms)
        amount = self.worth.amount()
        if amount:
            self.tally.note(day, words[1], amount)

    def words_of(self, said: Any, name: str, valued: str) -> tuple[str, str]:
        """Return the fields of what an event says and of the value that goes with it; events say the same few."""
        text = fields.NO_LABEL if said is None else said if said.__class__ is str else str(said)
        words = self.said.get((name, text))
        if words is None:
            label = fields.said_label(text)
            words = field(name, label), field(valued, label, self.meant.currency or fields.NO_CURRENCY)
            if len(self.said) < _REMEMBERED and len(text) <= fields.LONGEST_LABEL:
                self.said[name, text] = words
        return words

    def go_on(self, at_ms: int) -> None:
        """Count an event that begins a contract or goes on with it."""
        day, known = at_ms // DAY_MS, self.customer.attributes.get(_CONTRACT_KEY)
        if known is not None and known[0] >= 0:
            return
        self.find_month(at_ms)
        self.tally.count(day, _BEGUN, 1)
        begun_ms = at_ms
        if known is not None and -known[0] >= self.month_ms:
            self.tally.count(day, _BACK_YOUNG, 1)
            begun_ms = self.month_ms - 1  # it goes on with one from before the month: its end is no young one
        self.customer.attributes[_CONTRACT_KEY] = (begun_ms, at_ms)

    def end(self, at_ms: int) -> None:
        """Count the end of a contract, if there is one."""
        known = self.customer.attributes.get(_CONTRACT_KEY)
        if known is None or known[0] < 0:
            return
        self.find_month(at_ms)
        self.tally.count(at_ms // DAY_MS, _ENDED, 1)
        if known[0] >= self.month_ms:
            self.tally.count(at_ms // DAY_MS, _ENDED_YOUNG, 1)
            del self.customer.attributes[_CONTRACT_KEY]  # who goes on in the same month has not come back
            return
        self.customer.attributes[_CONTRACT_KEY] = (-at_ms, at_ms)

    def answer(self, at_ms: int, said: Any) -> None:
        """Count an answer from 0 to 10, and the one of the same month that it replaces; another answer is none."""
        # No rule may read it, so it has no type; sources write scores as texts, too.
        is_text = said.__class__ is str and said.isascii() and said.isdigit() and len(said) <= _LONGEST_SCORE
        number = scaled_number(int(said) if is_text else said)
        if number is None or number < 0 or number >= _SCORES * UNIT or number % UNIT:
            return
        score = number // UNIT
        self.find_month(at_ms)
        day, known = at_ms // DAY_MS, self.customer.attributes.get(_NPS_KEY)
        if known is not None and known[1] >= self.month_ms:
            self.tally.count(day, _NPS_AGAIN + known[0], 1)
        self.tally.count(day, _NPS + score, 1)
        self.customer.attributes[_NPS_KEY] = (score, at_ms)

    # -- what was counted ----------------------------------------------------------------------------------------

    def keep(self, moves: Moves | None) -> None:
        """Keep what the turn has counted, and the moves among what it publishes of the customer's stage."""
        if moves is not None and moves.number:
            place_of: dict[int, int] = moves.ladder.place_of
            for row in moves.rows():
                if row.code and row.direction != NO_MOVE:
                    before = place_of.get(row.from_code, -1) + 1
                    column = self.first_move + before * self.stages + place_of[row.code]
                    self.tally.count(row.since_ms // DAY_MS, column, 1)
        self.tally.keep()

    def take(self) -> list[Line]:
        """Return everything that was kept since the last call in words, each field of a day once."""
        tally = self.tally
        found: list[Line] = []
        for at in range(tally.touches):
            place = tally.touched[at]
            number = tally.row[place]
            if number:
                tally.row[place] = 0  # it may have been touched twice
                row = place // tally.columns
                column, day = place - row * tally.columns, tally.row_day[row]
                name = self.named[column] or self.buyers_named(month_number(day * DAY_MS) - (column - _BUYERS))
                found.append((day, name, number))
        notes: dict[tuple[int, str], int] = tally.notes
        if notes:
            found += [(day, name, number) for (day, name), number in notes.items() if number]
        tally.clear()
        return found

    def buyers_named(self, month: int) -> str:
        """Return the field of buyers whose first purchases were in a month."""
        name = self.buyers.get(month)
        if name is None:
            name = self.buyers[month] = field(fields.BUYERS, month_named(month))
        return name


def _roles_of(name: str, meant: Meant) -> int:
    roles = 0
    for role, names in (
        (_PURCHASE, meant.purchases),
        (_CANCELLATION, (meant.cancellation,)),
        (_FAILED_RENEWAL, (meant.failed_renewal,)),
        (_COMPLAINT, (meant.complaint,)),
        (_RECOMMENDS, (None if meant.recommends is None else meant.recommends[0],)),
        (_CONTRACT, meant.contract),
        (_REVENUE, [own for own, _ in meant.revenue]),
        (_REFUNDS, [own for own, _ in meant.refunds]),
    ):
        if name in names:
            roles |= role
    return roles


def _words_of(types: Iterable[EventType], stages: Sequence[str]) -> list[str]:
    """Return the fields of the columns; those of buyers and of currencies that are not known yet are empty."""
    named: list[str] = [
        fields.NEW,
        fields.FIRST,
        fields.SECOND,
        *(field(fields.SECOND_AFTER, after) for after in (*fields.SECOND_WITHIN, fields.MORE)),
        fields.BACK,
        field(fields.CANCELLED, fields.VOLUNTARY),
        field(fields.CANCELLED, fields.INVOLUNTARY),
        fields.CONTRACT_BEGUN,
        fields.CONTRACT_ENDED,
        fields.CONTRACT_ENDED_YOUNG,
        fields.CONTRACT_BACK_YOUNG,
        *(field(fields.NPS, score) for score in range(_SCORES)),
        *(field(fields.NPS_AGAIN, score) for score in range(_SCORES)),
        *("" for _ in range(_BUYERS, _TYPES)),
    ]
    for kind in types:
        named += [field(fields.EVENTS, kind.name), field(fields.LATE, kind.name)]
    return named + [field(fields.MOVE, before, stage) for before in (fields.NO_LABEL, *stages) for stage in stages]


def _place_after(after_ms: int) -> int:
    """Return which label of `SECOND_AFTER` a time between two purchases has."""
    place = 0
    for days in fields.SECOND_WITHIN:
        if after_ms <= days * DAY_MS:
            return place
        place += 1
    return place
