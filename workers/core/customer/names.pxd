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
    cdef Numbers _memory, _more_memory
    cdef long long *codes
    cdef long long *versions
    cdef readonly Customer customer
    cdef readonly long long generation, number
    cdef readonly list rules, ordered, series, groups
    cdef readonly dict by_id
    cdef readonly Places by_code, by_version
