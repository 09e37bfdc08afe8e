# Types for the compiler, for `count.py`.

cimport cython

from workers.core.conditions.amounts cimport Amount
from workers.core.conditions.history cimport counted_from, knows_ever, staged
from workers.core.customer.candidate cimport Evidence
from workers.core.customer.days cimport Days
from workers.core.customer.series cimport Series
from workers.core.text cimport Text

cdef long long DAY_MS, FOREVER_MS, OUT_OF_REACH
cdef int TRUE

cdef class Counted(Amount):
    cdef readonly long long enough, too_many, enough_until_ms, too_many_until_ms
    cdef readonly bytes one_more, more

    @cython.locals(
        series=Series, days=Days, window=cython.longlong, place=cython.longlong, number=cython.longlong,
        enough=cython.longlong, too_many=cython.longlong, enough_until_ms=cython.longlong,
        too_many_until_ms=cython.longlong, leaves_ms=cython.longlong, watched_ms=cython.longlong,
        day=cython.p_longlong, count=cython.p_longlong
    )
    cpdef int look(self, long long at_ms) except -1
    @cython.locals(series=Series, days=Days, place=cython.longlong, number=cython.longlong)
    cpdef note(self, Evidence evidence, long long at_ms)
    cpdef write_observed(self, Text text, Evidence evidence)
    cpdef write_prevented(self, Text text, Evidence evidence)
