# Types for the compiler, for `status.py`.

cimport cython

from workers.core.conditions.condition cimport Elementary
from workers.core.customer.candidate cimport Evidence
from workers.core.customer.series cimport Series
from workers.core.text cimport Text

cdef long long FOREVER_MS
cdef int FALSE, TRUE

cdef class Cancelled(Elementary):
    cdef readonly int wanted
    cdef readonly long long for_ms
    cdef readonly Series cancelled, purchased, reactivated

    @cython.locals(since_ms=cython.longlong)
    cpdef int look(self, long long at_ms) except -1
    @cython.locals(back=Series)
    cdef bint has_returned(self, long long cancelled_ms) except -1
    cpdef note(self, Evidence evidence, long long at_ms)
    cpdef write_observed(self, Text text, Evidence evidence)
    cpdef write_prevented(self, Text text, Evidence evidence)
