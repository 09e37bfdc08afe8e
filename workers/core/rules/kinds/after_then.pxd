# Types for the compiler, for `after_then.py`.

cimport cython

from workers.core.conditions.condition cimport OfTwoSeries
from workers.core.conditions.history cimport knows_ever
from workers.core.customer.candidate cimport Evidence
from workers.core.customer.series cimport Series
from workers.core.text cimport Text

cdef long long FOREVER_MS
cdef int FALSE, NOT_OBSERVABLE, TRUE

cdef class Answered(OfTwoSeries):
    cdef readonly str pair
    cdef readonly long long within_ms
    cdef readonly bytes followed

    @cython.locals(first=Series, truth=cython.int)
    cpdef int look(self, long long at_ms) except -1
    @cython.locals(
        then=Series, from_ms=cython.longlong, until_ms=cython.longlong, state=list, paired_ms=cython.longlong,
        followed_ms=cython.longlong
    )
    cdef int _was_followed(self, long long first_ms) except -1
    cpdef note(self, Evidence evidence, long long at_ms)
    cpdef write_observed(self, Text text, Evidence evidence)
