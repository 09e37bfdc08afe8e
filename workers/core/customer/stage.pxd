# Types for the compiler, for `stage.py`.

cimport cython

from workers.core.customer.binary cimport Reader, Writer, within

cdef long long FARTHEST_MS, _CODE_BYTES, _DOWN
cdef long long _DIRECTION, _BY_TIME, _CAME_FROM, _IS_TOLD, _TOLD_OTHERWISE, _FLAGS, _NUMBERS

@cython.final
cdef class Stage:
    cdef public long long code, since_ms, from_code, direction, published_code, published_since_ms
    cdef public bint by_time

    cpdef clear(self)
    cpdef note_published(self, long long code, long long since_ms)
    cpdef bint is_present(self) noexcept
    cpdef bint is_published(self) noexcept
    @cython.locals(flags=cython.longlong)
    cdef int read(self, Reader given) except -1
    @cython.locals(flags=cython.longlong)
    cdef int write(self, Writer out) except -1
    cpdef list numbers(self)
    cpdef take(self, list numbers)
