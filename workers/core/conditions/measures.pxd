# Types for the compiler, for `measures.py`.

cimport cython

from workers.core.conditions.history cimport counted_from, knows_ever, watched_from
from workers.core.customer.customer cimport Customer
from workers.core.customer.days cimport Days
from workers.core.customer.series cimport Series
from workers.core.events.attribute_types cimport convert
from workers.core.events.filters cimport scaled_number

cdef long long DAY_MS, FOREVER_MS

cdef class Measure:
    cdef readonly object value, parts
    cdef readonly int certainty
    cdef readonly long long next_ms

    cpdef begin(self, long long at_ms)
    cpdef pass_to(self, long long at_ms)

cdef class LatestNumber(Measure):
    cdef readonly Customer customer
    cdef readonly str attribute
    cdef readonly object kind

    @cython.locals(known=tuple)
    cpdef begin(self, long long at_ms)
    cpdef pass_to(self, long long at_ms)

cdef class OverDays(Measure):
    cdef readonly Customer customer
    cdef readonly Series series
    cdef readonly long long window
    cdef readonly object number
    cdef long long _place, _end, _watched_ms

    @cython.locals(series=Series, days=Days, place=cython.longlong)
    cpdef begin(self, long long at_ms)
    @cython.locals(days=Days)
    cpdef pass_to(self, long long at_ms)
    @cython.locals(days=Days, leaves_ms=cython.longlong)
    cpdef settle(self, long long at_ms)
    cpdef Days days(self)
    cpdef object amount(self, long long place)
    cpdef object ever(self)
    cpdef bint is_whole(self) except -1
    cpdef long long watched_ms(self) except? -1
    cpdef set_number(self, bint is_certain)

cdef class TotalOf(OverDays):
    cpdef object amount(self, long long place)
    cpdef object ever(self)
    cpdef set_number(self, bint is_certain)

cdef class MeanOf(TotalOf):
    cdef readonly object events

    cpdef long long watched_ms(self) except? -1
    @cython.locals(series=Series, place=cython.longlong)
    cpdef set_number(self, bint is_certain)

cdef class DaysWith(OverDays):
    cpdef object amount(self, long long place)

cdef class DifferentValues(OverDays):
    cpdef Days days(self)
    cpdef object amount(self, long long place)
    cpdef object ever(self)
    cpdef bint is_whole(self) except -1
    cpdef set_number(self, bint is_certain)
