# Types for the compiler, for `fingerprint.pyx`.

cimport cython

@cython.final
cdef class Fingerprint:
    cdef object _hashed
    cdef unsigned long long _head[16]
    cdef long long _head_size

    cpdef long long of(self, bytes raw, long long at, long long size) except *
