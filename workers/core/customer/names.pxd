# Types for the compiler, for `names.py`.

cimport cython

from workers.core.customer.customer cimport Customer
from workers.core.memory cimport Numbers

@cython.final
cdef class Places:
    cdef Numbers _memory
    cdef long long *table
    cdef long long mask

    @cython.locals(at=cython.longlong, known=cython.longlong)
    cpdef long long of(self, long long number) noexcept

@cython.final
cdef class Names:
    cdef Numbers _memory
    cdef long long *codes
    cdef readonly Customer customer
    cdef readonly long long generation
    cdef readonly list rules, ordered, series, groups
    cdef readonly dict by_id, by_version
    cdef readonly Places by_code
