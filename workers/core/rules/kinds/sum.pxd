# Types for the compiler, for `sum.py`.

cimport cython

from workers.core.conditions.amounts cimport Amount
from workers.core.conditions.history cimport counted_from, knows_ever
from workers.core.customer.candidate cimport Evidence
from workers.core.customer.days cimport Days
from workers.core.customer.series cimport Series
from workers.core.text cimport Text

cdef long long DAY_MS, FOREVER_MS, MAX_STORED

cdef class Summed(Amount):
    @cython.locals(
        series=Series, days=Days, window=cython.longlong, place=cython.longlong, value=cython.longlong,
        watched_ms=cython.longlong, from_ms=cython.longlong, observable=cython.bint, truth=cython.int,
        before=cython.int, day=cython.p_longlong, sums=cython.p_longlong
    )
    cpdef int look(self, long long at_ms) except -1
    @cython.locals(series=Series, days=Days, first=cython.longlong, place=cython.longlong, value=cython.longlong)
    cpdef note(self, Evidence evidence, long long at_ms)
    cpdef write_observed(self, Text text, Evidence evidence)
