# Types for the compiler, for `change.py`.

cimport cython

from workers.core.conditions.condition cimport OfOneSeries
from workers.core.conditions.history cimport watched_from
from workers.core.customer.candidate cimport Evidence
from workers.core.customer.days cimport Days
from workers.core.customer.series cimport Series
from workers.core.text cimport Text

cdef long long DAY_MS, FOREVER_MS
cdef int FALSE, NOT_OBSERVABLE, TRUE

cdef class Changed(OfOneSeries):
    cdef readonly bint is_sum, is_rise
    cdef readonly long long share
    cdef readonly object least
    cdef readonly long long days

    @cython.locals(
        series=Series, days=Days, window=cython.longlong, place=cython.longlong, end=cython.longlong,
        leaves=cython.longlong, passes=cython.longlong, next_day=cython.longlong, watched_ms=cython.longlong,
        now=cython.int, day=cython.p_longlong, amounts=cython.p_longlong, before=object, latest=object
    )
    cpdef int look(self, long long at_ms) except -1
    cpdef int judge(self, object before, object latest) except -1
    @cython.locals(before=object, latest=object)
    cpdef note(self, Evidence evidence, long long at_ms)
    cpdef write_observed(self, Text text, Evidence evidence)
    cdef _write_amount(self, Text text, long long amount)
