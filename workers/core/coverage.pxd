# Types for the compiler, for `coverage.py`: numbers are 64 bits wide, and what is a dict is one.

cdef class Coverage:
    cdef readonly dict since
    cdef readonly dict until
    cdef readonly frozenset complete
    cdef readonly dict meant
    cdef readonly bint all_remembered
    cdef readonly long long settled_ms, earliest_ms

    cpdef long long since_ms(self, str series) except? -1
    cpdef bint was_decided(self, frozenset types, long long at_ms) except -1
    cpdef object unseen(self, frozenset types, long long at_ms)
