# Types for the compiler, for `variables.py`.

cimport cython

from workers.core.conditions.history cimport counted_from, knows_ever
from workers.core.customer.customer cimport Customer
from workers.core.customer.days cimport Days
from workers.core.customer.series cimport Series

cdef long long DAY_MS
cdef int UNIT

cdef class Variable:
    cdef readonly str name
    cdef readonly object otherwise

    cpdef object value(self, long long at_ms)
    cpdef object read(self, long long at_ms)

cdef class OfLatestEvent(Variable):
    cdef Customer customer
    cdef str reference

    cpdef object read(self, long long at_ms)

cdef class LastKnown(Variable):
    cdef Customer customer
    cdef str reference

    cpdef object read(self, long long at_ms)

cdef class OfSeries(Variable):
    cdef Customer customer
    cdef Series series
    cdef long long days

    cdef bint is_known(self, long long at_ms) except -1

cdef class Summed(OfSeries):
    cdef bint is_mean

    @cython.locals(series=Series, days=Days, place=cython.longlong, total=object, number=object)
    cpdef object read(self, long long at_ms)

cdef class Counted(OfSeries):
    @cython.locals(series=Series, days=Days, place=cython.longlong, number=cython.longlong)
    cpdef object read(self, long long at_ms)

cdef class DaysSince(OfSeries):
    cpdef object read(self, long long at_ms)

cdef class FirstDay(OfSeries):
    cpdef object read(self, long long at_ms)

cdef class LastDay(OfSeries):
    cpdef object read(self, long long at_ms)

cdef class MostSeen(OfSeries):
    cpdef object read(self, long long at_ms)
