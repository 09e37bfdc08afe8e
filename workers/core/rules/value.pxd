# Types for the compiler, for `value.py`. Sums are Python's integers.

cimport cython

from workers.core.conditions.history cimport counted_from, knows_ever
from workers.core.customer.customer cimport Customer
from workers.core.customer.days cimport Days
from workers.core.customer.series cimport Series

cdef long long DAY_MS, FOREVER_MS
cdef object _ONE

@cython.final
cdef class PartOfValue:
    cdef readonly Series series
    cdef readonly object rate
    cdef readonly bint is_less
    cdef public object total
    cdef public long long place, known_ms
    cdef public PartOfValue following

    @cython.locals(converted=object)
    cpdef object worth(self, object total)

@cython.final
cdef class Worth:
    cdef readonly Customer customer
    cdef readonly long long days
    cdef readonly PartOfValue first
    cdef readonly bint is_revenue_known, is_less_known
    cdef readonly long long at_ms

    @cython.locals(part=PartOfValue, series=Series, days=Days)
    cpdef begin(self, long long at_ms)
    @cython.locals(part=PartOfValue)
    cpdef note_known(self, long long at_ms)
    @cython.locals(part=PartOfValue, next_ms=cython.longlong, leaves_ms=cython.longlong)
    cpdef long long next_ms(self) except *
    @cython.locals(part=PartOfValue, days=Days)
    cpdef move(self, long long at_ms)
    @cython.locals(part=PartOfValue, series=Series, days=Days, amount=object, first_day=cython.longlong)
    cpdef object amount_at(self, long long at_ms)
    @cython.locals(part=PartOfValue, amount=object)
    cpdef object amount(self)
    @cython.locals(part=PartOfValue, amount=object)
    cpdef object of_lifetime(self)
