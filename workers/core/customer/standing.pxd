# Types for the compiler, for `standing.py`.

cimport cython

@cython.final
cdef class Standing:
    cdef readonly bint is_suppressed
    cdef readonly long long opted_out_ms
