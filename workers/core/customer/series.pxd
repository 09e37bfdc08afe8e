# Types for the compiler, for `series.py`.

cimport cython

from workers.core.customer.days cimport Days, bounded

cdef long long DAY_MS, FOREVER_MS, MAX_TOLD_APART

@cython.final
cdef class Series:
    cdef readonly str key, type
    cdef public bint has_sum
    cdef public long long keep_days, since_ms
    cdef public bint is_complete, is_present, is_sign_of_life
    cdef public long long first_ms, last_ms, total, total_sum, active_days, gone_day
    cdef readonly Days days, values
    cdef public list seen

    cpdef clear(self)
    @cython.locals(day=cython.longlong, oldest=cython.longlong)
    cpdef add(self, long long at_ms, long long amount, long long latest_day)
    @cython.locals(day=cython.longlong, days=Days, time=cython.longlong, place=cython.longlong, oldest=cython.longlong)
    cpdef add_level(self, long long at_ms, long long level, long long latest_day)
    @cython.locals(day=cython.longlong, values=Days, place=cython.longlong)
    cpdef add_value(self, long long at_ms, long long value, long long former)
    @cython.locals(day=cython.longlong)
    cpdef add_seen(self, long long at_ms, object value)
    cdef count(self, long long at_ms, long long day)
    @cython.locals(place=cython.longlong)
    cpdef long long place_of(self, long long value) noexcept
    @cython.locals(newest=cython.longlong)
    cpdef drop_oldest(self, long long number)
