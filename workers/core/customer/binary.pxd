# Types for the compiler, for `binary.py`. An error differs from a number by a value that is seldom one.

cimport cython

from workers.core.memory cimport Characters, Numbers

cdef long long DAY_MS, _FARTHEST_APART_MS, _FIRST_ROOM, _LONGEST, _LARGEST, _ONE_OF_3, _ONE, _MANY, _TWO_END
cdef long long _TIMES, _TIME_BITS, _TIME_BYTES, _FARTHEST_APART

cdef class Form:
    cdef bint is_of_3
    cdef long long one, two_end, many, at_ms, at_day, known, next
    cdef Numbers _times
    cdef long long *times

    @cython.final
    cdef int refer_to(self, long long at_ms) except -1
    @cython.final
    cdef int note(self, long long time_ms) except -1

@cython.final
cdef class Reader(Form):
    cdef bytes raw
    cdef const unsigned char *given
    cdef Py_ssize_t at, end

    cdef int begin(self, bytes raw) except -1
    cdef long long byte(self) except? 1000003
    @cython.locals(value=cython.longlong)
    cdef long long little(self, long long size) except? 1000003
    @cython.locals(value=cython.longlong)
    cdef long long code(self) except? 1000003
    cdef long long number(self) except? 1000003
    @cython.locals(value=cython.longlong)
    cdef long long larger_number(self) except? 1000003
    cdef long long integer(self) except? 1000003
    cdef long long moment(self) except? 1000003
    cdef list moments(self)
    cdef list stretches(self)
    cdef long long bounded(self, long long number, long long size) except? 1000003
    @cython.locals(characters=cython.p_const_char)
    cdef bytes take(self, long long size)
    cdef str text(self)

@cython.final
cdef class Writer(Form):
    cdef Characters _memory
    cdef unsigned char *put
    cdef Py_ssize_t size, at

    cdef int begin(self, long long layout) except -1
    cdef bytes made(self)
    cdef int need(self, long long number) except -1
    cdef int byte(self, long long value) except -1
    cdef int little(self, long long value, long long size) except -1
    cdef int code(self, long long value) except -1
    cdef int number(self, long long value) except -1
    cdef int larger_number(self, long long value) except -1
    cdef int integer(self, long long value) except -1
    cdef int moment(self, long long at_ms) except -1
    cdef int day_and_time(self, long long at_ms) except -1
    @cython.locals(at_ms=cython.longlong)
    cdef int moments(self, list several) except -1
    cdef int copy(self, bytes raw) except -1
    cdef int text(self, bytes raw) except -1

cpdef long long zigzag(long long value) noexcept
cpdef long long from_zigzag(long long value) noexcept
cpdef long long within(long long value, long long most) except? 1000003
