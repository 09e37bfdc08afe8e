# Types for the compiler, for `amounts.py`.

from workers.core.conditions.condition cimport OfOneSeries

cdef int FALSE, NOT_OBSERVABLE, TRUE

cdef class Amount(OfOneSeries):
    cdef readonly bint has_low, has_high
    cdef readonly long long low, high, least, most, days

    cdef int judge_whole(self, long long value) noexcept
    cpdef int judge(self, long long value, bint observable) except -1
