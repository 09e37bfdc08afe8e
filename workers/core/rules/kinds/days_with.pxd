# Types for the compiler, for `days_with.py`.

cimport cython

from workers.core.conditions.amounts cimport Amount
from workers.core.conditions.history cimport counted_from, staged
from workers.core.customer.candidate cimport Evidence
from workers.core.customer.series cimport Series
from workers.core.text cimport Text

cdef long long DAY_MS, FOREVER_MS

cdef class ActiveDays(Amount):
    cdef readonly bytes one_more, more

    @cython.locals(
        series=Series, window=cython.longlong, number=cython.longlong, enough_until_ms=cython.longlong,
        too_many_until_ms=cython.longlong, watched_ms=cython.longlong, day=cython.p_longlong
    )
    cpdef int look(self, long long at_ms) except -1
    @cython.locals(series=Series, number=cython.longlong)
    cpdef note(self, Evidence evidence, long long at_ms)
    cpdef write_observed(self, Text text, Evidence evidence)
    @cython.locals(more=cython.longlong)
    cpdef write_prevented(self, Text text, Evidence evidence)
