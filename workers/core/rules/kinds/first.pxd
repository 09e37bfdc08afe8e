# Types for the compiler, for `first.py`.

cimport cython

from workers.core.conditions.ages cimport Age
from workers.core.conditions.history cimport knows_ever
from workers.core.customer.candidate cimport Evidence
from workers.core.customer.series cimport Series
from workers.core.text cimport Text

cdef long long FOREVER_MS
cdef int FALSE, NOT_OBSERVABLE, TRUE

cdef class Beginning(Age):
    @cython.locals(series=Series, first_ms=cython.longlong)
    cpdef int look(self, long long at_ms) except -1
    @cython.locals(enough_ms=cython.longlong)
    cdef int _uncertain_old(self, long long at_ms) except -1
    @cython.locals(
        series=Series, since_ms=cython.longlong, latest_ms=cython.longlong, too_old_ms=cython.longlong,
        enough_ms=cython.longlong, unseen_too_old_ms=cython.longlong
    )
    cdef int _uncertain(self, long long at_ms) except -1
    cpdef note(self, Evidence evidence, long long at_ms)
    cpdef write_observed(self, Text text, Evidence evidence)
