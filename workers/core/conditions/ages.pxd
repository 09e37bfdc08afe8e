# Types for the compiler, for `ages.py`.

from workers.core.conditions.condition cimport OfOneSeries

cdef class Age(OfOneSeries):
    cdef readonly long long least_ms, most_ms
