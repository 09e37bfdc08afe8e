# Types for the compiler, for `episode.py`.

cimport cython

from workers.core.customer.binary cimport Reader, Writer, within

cdef long long FARTHEST_MS, MAX_STORED
cdef long long _HOLDS, _BEGAN, _ACTED, _ACTED_AT_START, _ACTED_BEFORE, _IS_OPEN, _WAITS, _STRETCHES, _IS_PENDING, _IS_TRUE, _REPEATS

@cython.final
cdef class Episode:
    cdef readonly long long place
    cdef public bint is_present, is_listed, holding, is_silent
    cdef public long long start_ms, acted_ms, before_ms, open_until_ms, pending_ms, true_since_ms, asked
    cdef public list held, stood
    cdef public Episode following

    cpdef clear(self)
    cdef int read(self, Reader given) except -1
    cdef int read_waits(self, Reader given) except -1
    cdef int write(self, Writer out) except -1
    cdef int write_waits(self, Writer out) except -1
