# Types for the compiler, for `binary.py`. An error differs from a number by a value that is seldom one.

cimport cython

cdef long long _FARTHEST_APART_MS, _FIRST_ROOM, _LONGEST, _LARGEST, _ONE_OF_3, _ONE, _MANY, _TWO_END

@cython.final
cdef class Reader:
    cdef bytes raw
    cdef const unsigned char *given
    cdef Py_ssize_t at, end
    cdef long long base_ms

    cpdef begin(self, bytes raw)
    cpdef long long byte(self) except? 1000003
    @cython.locals(at=cython.Py_ssize_t, value=cython.longlong, given=cython.p_const_uchar)
    cpdef long long little(self, long long size) except? 1000003
    @cython.locals(value=cython.longlong, at=cython.Py_ssize_t, given=cython.p_const_uchar)
    cpdef long long code(self) except? 1000003
    @cython.locals(value=cython.longlong)
    cpdef long long number_of_3(self) except? 1000003
    @cython.locals(value=cython.longlong, at=cython.Py_ssize_t, end=cython.Py_ssize_t)
    cpdef long long number(self) except? 1000003
    @cython.locals(value=cython.longlong)
    cpdef long long integer_of_3(self) except? 1000003
    @cython.locals(value=cython.longlong)
    cpdef long long integer(self) except? 1000003
    @cython.locals(apart=cython.longlong)
    cpdef long long moment_of_3(self) except? 1000003
    cpdef list moments_of_3(self)
    cpdef long long bounded(self, long long number, long long size) except? 1000003
    @cython.locals(at=cython.Py_ssize_t, place=cython.longlong)
    cdef column(self, long long *into, long long number, long long size, long long times)
    @cython.locals(start=cython.Py_ssize_t, characters=cython.p_const_char)
    cpdef bytes take(self, long long size)
    cpdef bytes rest(self)

@cython.final
cdef class Writer:
    cdef bytearray room
    cdef unsigned char *put
    cdef Py_ssize_t size, at
    cdef long long base_ms

    cpdef begin(self)
    @cython.locals(characters=cython.p_const_char)
    cpdef bytes made(self)
    @cython.locals(room=bytearray)
    cpdef int need(self, long long number) except -1
    cpdef int byte(self, long long value) except -1
    @cython.locals(at=cython.Py_ssize_t, place=cython.Py_ssize_t, put=cython.p_uchar)
    cpdef int little(self, long long value, long long size) except -1
    @cython.locals(at=cython.Py_ssize_t, put=cython.p_uchar)
    cpdef int code(self, long long value) except -1
    cpdef int number_of_3(self, long long value) except -1
    @cython.locals(at=cython.Py_ssize_t, put=cython.p_uchar)
    cpdef int number(self, long long value) except -1
    @cython.locals(at=cython.Py_ssize_t, put=cython.p_uchar)
    cpdef int many(self, long long value, long long head) except -1
    cpdef int integer_of_3(self, long long value) except -1
    cpdef int integer(self, long long value) except -1
    cpdef int moment_of_3(self, long long at_ms) except -1
    @cython.locals(at_ms=cython.longlong)
    cpdef int moments_of_3(self, list several) except -1
    @cython.locals(size=cython.Py_ssize_t, place=cython.Py_ssize_t, raw=bytes)
    cpdef int copy(self, bytes raw) except -1
