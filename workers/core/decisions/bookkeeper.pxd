# Types for the compiler, for `bookkeeper.py`.

cimport cython

from workers.core.book.tally cimport Tally
from workers.core.customer.customer cimport Customer
from workers.core.customer.series cimport Series
from workers.core.decisions.moves cimport Moves
from workers.core.decisions.program cimport EventType, Program
from workers.core.decisions.stage_records cimport StageRow
from workers.core.events.decoding cimport DecodedEvent
from workers.core.events.filters cimport scaled_number
from workers.core.events.plain cimport PlainEvent
from workers.core.memory cimport Numbers
from workers.core.months cimport month_at, month_from, month_number
from workers.core.rules.value cimport Worth

cdef long long DAY_MS, UNIT, MOST, NO_MOVE
cdef long long _PURCHASE, _CANCELLATION, _FAILED_RENEWAL, _COMPLAINT, _RECOMMENDS, _CONTRACT, _REVENUE, _REFUNDS
cdef long long _LEAVES, _MONEY, _CLASSIFIED
cdef long long _NEW, _FIRST, _SECOND, _SECOND_AFTER, _BACK, _VOLUNTARY, _INVOLUNTARY, _BEGUN, _ENDED, _ENDED_YOUNG
cdef long long _REMEMBERED, _BACK_YOUNG, _NPS, _SCORES, _LONGEST_SCORE, _NPS_AGAIN, _BUYERS, _AGES, _AMOUNTS, _CURRENCIES, _TYPES

@cython.final
cdef class Bookkeeper:
    cdef readonly Tally tally
    cdef readonly Customer customer
    cdef readonly Worth worth
    cdef readonly object meant
    cdef readonly long long number
    cdef Numbers _roles, _currencies
    cdef long long *roles
    cdef long long *currencies
    cdef dict money, said, buyers
    cdef list purchases, named
    cdef long long first_move, stages
    cdef long long break_ms, known_currencies, month_ms, month_end_ms, month, other_ms, other_end_ms, other

    cpdef begin(self)
    @cython.locals(roles=cython.longlong, is_late=cython.bint)
    cpdef note_plain(self, EventType kind, PlainEvent event, bint is_new)
    @cython.locals(roles=cython.longlong, is_late=cython.bint, currency=cython.longlong, is_less=cython.bint)
    cpdef note(self, EventType kind, DecodedEvent event, bint is_new)
    @cython.locals(day=cython.longlong, column=cython.longlong, is_late=cython.bint)
    cdef bint note_event(self, long long place, long long at_ms, bint is_new) except -1
    cdef note_unknown(self, DecodedEvent event, bint is_new)
    @cython.locals(is_by_new=cython.bint, day=cython.longlong, slot=cython.longlong, column=cython.longlong)
    cdef note_amount(
        self, long long at_ms, long long amount, long long currency, bint is_less, bint is_late, long long roles
    )
    @cython.locals(slot=cython.longlong, column=cython.longlong)
    cdef long long slot_of(self, long long currency) except? 1000003
    @cython.locals(first_ms=cython.longlong)
    cdef bint is_by_new(self, long long at_ms, long long roles) except -1

    cdef classify(self, long long roles, long long at_ms, DecodedEvent event)
    @cython.locals(
        tally=Tally, day=cython.longlong, first_ms=cython.longlong, last_ms=cython.longlong, total=cython.longlong,
        series=Series, born=cython.longlong, age=cython.longlong,
    )
    cdef purchase(self, long long at_ms)
    @cython.locals(first_ms=cython.longlong, series=Series)
    cdef long long first_purchase_ms(self) except? 1000003
    cdef find_month(self, long long at_ms)
    @cython.locals(day=cython.longlong, amount=object, words=tuple)
    cdef value(self, long long at_ms, DecodedEvent event, str attribute, str name, str valued)
    @cython.locals(text=str, words=tuple)
    cdef tuple words_of(self, object said, str name, str valued)
    @cython.locals(day=cython.longlong, begun_ms=cython.longlong, known=tuple)
    cdef go_on(self, long long at_ms)
    @cython.locals(known=tuple)
    cdef end(self, long long at_ms)
    @cython.locals(day=cython.longlong, known=tuple, score=cython.longlong, is_text=cython.bint, number=object)
    cdef answer(self, long long at_ms, object said)

    @cython.locals(place_of=dict, row=StageRow, before=cython.longlong, column=cython.longlong)
    cpdef keep(self, Moves moves)
    @cython.locals(
        tally=Tally, found=list, at=cython.longlong, place=cython.longlong, day=cython.longlong,
        row=cython.longlong, column=cython.longlong, number=cython.longlong,
    )
    cpdef list take(self)
    @cython.locals(name=str)
    cdef str buyers_named(self, long long month)

@cython.locals(place=cython.longlong, days=cython.longlong)
cdef long long _place_after(long long after_ms) except? 1000003
