# Types for the compiler, for `distinct.py`.

cimport cython

from workers.core.conditions.amounts cimport Amount
from workers.core.conditions.history cimport counted_from, knows_ever, staged
from workers.core.customer.candidate cimport Evidence
from workers.core.customer.series cimport Series
from workers.core.text cimport Text

cdef long long DAY_MS, FOREVER_MS

cdef class Different(Amount):
    @cython.locals(
        series=Series, window=cython.longlong, number=cython.longlong, is_enough=cython.bint,
        is_too_many=cython.bint, enough_until_ms=cython.longlong, too_many_until_ms=cython.longlong,
        watched_ms=cython.longlong, day=cython.p_longlong
    )
    cpdef int look(self, long long at_ms) except -1
    cpdef note(self, Evidence evidence, long long at_ms)
    cpdef write_observed(self, Text text, Evidence evidence)
