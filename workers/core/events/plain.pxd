# Types for the compiler, for `plain.py`.

cimport cython

@cython.final
cdef class PlainEvent:
    cdef readonly long long type_place, at_ms, amount, fingerprint, currency
    cdef readonly bytes event_id

    cpdef long long fingerprint_of_0_1(self) except *
