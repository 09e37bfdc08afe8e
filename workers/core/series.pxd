# What the compiler may know of `series.py`.

cdef class Series:
    cdef public long long first_ms, last_ms, total, active_days, gone_day
    cdef public object total_sum
    cdef public list values, value_days
    cdef object _packed
    cdef list _days, _counts, _sums

    cdef _unpack(self)
    cpdef add(self, long long day, object amount, object most)
    cpdef list stored(self)
