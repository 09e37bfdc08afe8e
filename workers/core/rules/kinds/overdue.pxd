# Types for the compiler, for `overdue.py`.

cimport cython

from workers.core.conditions.condition cimport OfOneSeries
from workers.core.conditions.history cimport knows_ever
from workers.core.customer.candidate cimport Evidence
from workers.core.customer.series cimport Series
from workers.core.text cimport Text

cdef long long FOREVER_MS
cdef int FALSE, NOT_OBSERVABLE, TRUE

cdef class Lateness(OfOneSeries):
    cdef readonly long long times, usual_gap_ms, least_ms

    @cython.locals(series=Series, patience_ms=cython.longlong)
    cpdef int look(self, long long at_ms) except -1
    @cython.locals(series=Series, days=cython.longlong, usual=cython.longlong, patience_ms=cython.longlong)
    cdef long long _patience_ms(self) except? -1
    cpdef note(self, Evidence evidence, long long at_ms)
    cpdef write_observed(self, Text text, Evidence evidence)
    cpdef write_prevented(self, Text text, Evidence evidence)
