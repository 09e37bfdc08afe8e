# Types for the compiler, for `last.py`.

cimport cython

from workers.core.conditions.ages cimport Age
from workers.core.conditions.history cimport knows_ever
from workers.core.customer.candidate cimport Evidence
from workers.core.customer.series cimport Series
from workers.core.text cimport Text

cdef long long FOREVER_MS
cdef int FALSE, NOT_OBSERVABLE, TRUE

cdef class Recency(Age):
    @cython.locals(series=Series, last_ms=cython.longlong)
    cpdef int look(self, long long at_ms) except -1
    @cython.locals(from_ms=cython.longlong, too_old_ms=cython.longlong)
    cdef int _never(self, long long at_ms) except -1
    @cython.locals(
        least_ms=cython.longlong, most_ms=cython.longlong, becomes_ms=cython.longlong, is_old_enough=cython.bint
    )
    cdef int _unwatched(self, long long at_ms, long long last_ms, long long since_ms) except -1
    cpdef note(self, Evidence evidence, long long at_ms)
    cpdef write_observed(self, Text text, Evidence evidence)
    cpdef write_prevented(self, Text text, Evidence evidence)
