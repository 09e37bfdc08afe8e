# Types for the compiler, for `series.py`.

cimport cython

from workers.core.customer.days cimport Days

cdef long long FOREVER_MS

@cython.final
cdef class Series:
    cdef readonly str key, type
    cdef public bint has_sum
    cdef public long long keep_days, since_ms
    cdef public bint is_complete, is_present
    cdef public long long first_ms, last_ms, total, total_sum, active_days, gone_day
    cdef readonly Days days, values

    cpdef clear(self)
