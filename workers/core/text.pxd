# Types for the compiler, for `text.py`.

cimport cython

from workers.core.memory cimport Characters

cdef long long _DAY_MS, _END_OF_CALENDAR, _EXACT, _LONGEST_EXACT_DAYS, _SIX_DIGITS

@cython.final
cdef class Text:
    cdef Characters _memory
    cdef unsigned char *room
    cdef readonly Py_ssize_t size, at

    cpdef int clear(self) except -1
    cpdef bytes made(self)
    cpdef bytes part(self, Py_ssize_t from_, Py_ssize_t size)
    cpdef int need(self, Py_ssize_t number) except -1
    cpdef int byte(self, int value) except -1
    @cython.locals(at=cython.Py_ssize_t, size=cython.Py_ssize_t)
    cpdef int copy(self, bytes raw) except -1
    cpdef int again(self, Py_ssize_t from_, Py_ssize_t size) except -1
    cdef int _check(self, Py_ssize_t from_, Py_ssize_t size) except -1
    @cython.locals(
        room=cython.p_uchar, at=cython.Py_ssize_t, place=cython.Py_ssize_t, size=cython.Py_ssize_t, rest=cython.longlong
    )
    cpdef int decimal(self, long long value) except -1
    cpdef int day(self, long long at_ms) except -1
    @cython.locals(room=cython.p_uchar, at=cython.Py_ssize_t, minutes=cython.longlong)
    cpdef int moment(self, long long at_ms) except -1
    @cython.locals(room=cython.p_uchar, at=cython.Py_ssize_t)
    cpdef int instant(self, long long at_ms) except -1
    @cython.locals(at=cython.Py_ssize_t)
    cpdef int spaced_instant(self, long long at_ms) except -1
    cpdef int amount(self, long long value) except -1
    cpdef int short_amount(self, long long value) except -1
    cpdef int short_number(self, long long value) except -1
    @cython.locals(
        room=cython.p_uchar,
        at=cython.Py_ssize_t,
        given=cython.p_const_uchar,
        place=cython.int,
        value=cython.int,
        high=cython.int,
        low=cython.int,
    )
    cpdef int uuid(self, bytes digest) except -1
    @cython.locals(tenths=cython.longlong, rest=cython.longlong)
    cpdef int in_days(self, long long span_ms) except -1
    cdef void _two(self, Py_ssize_t at, long long value) noexcept
    @cython.locals(
        room=cython.p_uchar,
        at=cython.Py_ssize_t,
        days=cython.longlong,
        era=cython.longlong,
        of_era=cython.longlong,
        year_of_era=cython.longlong,
        of_year=cython.longlong,
        shifted=cython.longlong,
        month=cython.longlong,
        year=cython.longlong,
    )
    cdef int _day(self, long long at_ms) except -1
    @cython.locals(seconds=cython.longlong)
    cdef void _time(self, Py_ssize_t at, long long at_ms) noexcept
    @cython.locals(room=cython.p_uchar)
    cdef Py_ssize_t _thousandths(self, Py_ssize_t at, long long rest) noexcept
    @cython.locals(room=cython.p_uchar, at=cython.Py_ssize_t)
    cdef int _ten_thousandths(self, long long value) except -1
