# Types for the compiler, for `none.py`.

cimport cython

from workers.core.conditions.condition cimport OfOneSeries
from workers.core.customer.candidate cimport Evidence
from workers.core.customer.series cimport Series
from workers.core.text cimport Text

cdef long long FOREVER_MS
cdef int FALSE, NOT_OBSERVABLE, TRUE

cdef class Absence(OfOneSeries):
    cdef readonly long long for_ms

    @cython.locals(series=Series, from_ms=cython.longlong, enough_ms=cython.longlong)
    cpdef int look(self, long long at_ms) except -1
    cpdef note(self, Evidence evidence, long long at_ms)
    cpdef write_observed(self, Text text, Evidence evidence)
    cpdef write_prevented(self, Text text, Evidence evidence)
