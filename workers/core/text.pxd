# Types for the compiler, for `text.py`.

cimport cython

cdef long long _DAY_MS, _END_OF_CALENDAR, _EXACT

@cython.final
cdef class Text:
    cdef bytearray room
    cdef readonly Py_ssize_t size, at

    cpdef clear(self)
    @cython.locals(characters=cython.p_const_char)
    cpdef bytes made(self)
    @cython.locals(room=bytearray)
    cpdef need(self, Py_ssize_t number)
    cpdef byte(self, int value)
    @cython.locals(room=cython.p_uchar, size=cython.Py_ssize_t, at=cython.Py_ssize_t, place=cython.Py_ssize_t)
    cpdef copy(self, bytes raw)
    cpdef two(self, long long value)
    @cython.locals(size=cython.Py_ssize_t, rest=cython.longlong, at=cython.Py_ssize_t)
    cpdef decimal(self, long long value)
    cpdef day(self, long long at_ms)
    cpdef moment(self, long long at_ms)
    cpdef instant(self, long long at_ms)
    cpdef amount(self, long long value)
