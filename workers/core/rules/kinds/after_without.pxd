# Types for the compiler, for `after_without.py`.

cimport cython

from workers.core.conditions.condition cimport OfTwoSeries
from workers.core.conditions.history cimport knows_ever
from workers.core.customer.candidate cimport Evidence
from workers.core.customer.series cimport Series
from workers.core.text cimport Text

cdef long long FOREVER_MS
cdef int FALSE, NOT_OBSERVABLE, TRUE

cdef class Unanswered(OfTwoSeries):
    cdef readonly long long for_ms

    @cython.locals(
        first=Series, then=Series, first_ms=cython.longlong, since_ms=cython.longlong, enough_ms=cython.longlong,
        was_followed=cython.bint
    )
    cpdef int look(self, long long at_ms) except -1
    cpdef note(self, Evidence evidence, long long at_ms)
    cpdef write_observed(self, Text text, Evidence evidence)
    cpdef write_prevented(self, Text text, Evidence evidence)
