# What the compiler may know of `series.py`.

cimport cython

cdef class Series:
    cdef public long long first_ms, last_ms, total, active_days, gone_day
    cdef public object total_sum
    cdef public list values, value_days
    cdef object _packed
    cdef list _days, _counts, _sums

    cdef _unpack(self)
    cpdef list days(self)
    cpdef list counts(self)
    cpdef list sums(self)
    @cython.locals(days=list, at=cython.Py_ssize_t)
    cpdef add(self, long long day, object amount, object most)
    cpdef drop_oldest(self, Py_ssize_t number)
    cpdef bytes packed(self)
    cpdef list _told(self)

cdef long long _HUNDRED, _HEAD_BYTES, _BYTE, _SMALL_SUMS, _LARGE_SUMS, _ANY_SUMS, _SMALL_SUM, _LARGE_SUM

@cython.locals(
    day=cython.longlong, before=cython.longlong, count=cython.longlong, amount=cython.longlong,
    number=cython.Py_ssize_t, wide_days=cython.longlong, wide_counts=cython.longlong, kind=cython.longlong,
    flags=cython.Py_ssize_t, made=bytearray, at=cython.Py_ssize_t, width=cython.longlong,
)
cpdef bytes pack(list days, list counts, list sums)
@cython.locals(amount=cython.longlong, kind=cython.longlong)
cdef long long _kind_of(list sums) except? -1
@cython.locals(end=cython.Py_ssize_t)
cpdef put_number(bytearray made, Py_ssize_t at, long long value, long long width)
@cython.locals(number=cython.Py_ssize_t, place=cython.Py_ssize_t, at=cython.Py_ssize_t, end=cython.Py_ssize_t, day=cython.longlong, width=cython.longlong, days=list, sums=list)
cpdef tuple unpack(bytes packed)
cpdef long long number_at(bytes packed, Py_ssize_t at, long long width) except? -1
@cython.locals(flags=cython.longlong, size=cython.Py_ssize_t, width=cython.Py_ssize_t)
cpdef tuple check_packed(bytes packed)
