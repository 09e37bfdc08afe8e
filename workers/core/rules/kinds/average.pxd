# Types for the compiler, for `average.py`.

cimport cython

from workers.core.conditions.condition cimport OfOneSeries
from workers.core.conditions.history cimport knows_ever, watched_from
from workers.core.customer.candidate cimport Evidence
from workers.core.customer.days cimport Days
from workers.core.customer.series cimport Series
from workers.core.text cimport Text

cdef long long DAY_MS, FOREVER_MS
cdef int FALSE, NOT_OBSERVABLE, TRUE

cdef class Mean(OfOneSeries):
    cdef readonly bint has_low, has_high, without_low, without_high
    cdef readonly object low, per_low, high, per_high
    cdef readonly long long days

    @cython.locals(
        series=Series, days=Days, window=cython.longlong, place=cython.longlong, first=cython.longlong,
        watched_ms=cython.longlong, now=cython.int, total=object, number=object
    )
    cpdef int look(self, long long at_ms) except -1
    @cython.locals(found=object, asked=object)
    cpdef int judge(self, object total, object number) except -1
    @cython.locals(total=object, number=object)
    cpdef note(self, Evidence evidence, long long at_ms)
    cpdef write_observed(self, Text text, Evidence evidence)
