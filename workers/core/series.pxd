# What the compiler may know of `series.py`.

cimport cython

cdef class Series:
    cdef public long long first_ms, last_ms, total, active_days, gone_day
    cdef public object total_sum
    cdef public list values, value_days
    cdef object _packed
    cdef list _days, _counts, _sums

    cdef _unpack(self)
    @cython.locals(days=list, at=cython.Py_ssize_t)
    cpdef add(self, long long day, object amount, object most)
    cpdef bytes packed(self)
    cpdef list _told(self)

cpdef bytes pack(list days, list counts, list sums)
@cython.locals(number=cython.Py_ssize_t, at=cython.Py_ssize_t, end=cython.Py_ssize_t, sums=list, steps=list)
cpdef tuple unpack(bytes packed)
@cython.locals(flags=cython.longlong, size=cython.Py_ssize_t, width=cython.Py_ssize_t)
cpdef tuple check_packed(bytes packed)
