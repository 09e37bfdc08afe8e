# Types for the compiler, for `episode.py`.

cimport cython

@cython.final
cdef class Episode:
    cdef public bint is_present, holding
    cdef public long long start_ms, acted_ms, before_ms, open_until_ms, pending_ms, true_since_ms
    cdef public list held, stood
    cdef public Episode following

    cpdef clear(self)
    cpdef open(self)
