# Types for the compiler, for `episode.py`.

cimport cython

@cython.final
cdef class Episode:
    cdef readonly long long place
    cdef public bint is_present, is_listed, holding
    cdef public long long start_ms, acted_ms, before_ms, open_until_ms, pending_ms, true_since_ms
    cdef public list held, stood
    cdef public Episode following

    cpdef clear(self)
