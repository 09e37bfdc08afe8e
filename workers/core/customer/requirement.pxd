# Types for the compiler, for `requirement.py`.

cimport cython

from workers.core.customer.series cimport Series
from workers.core.memory cimport Numbers

@cython.final
cdef class Requirement:
    cdef Numbers _memory
    cdef list _series
    cdef long long *bounds
    cdef readonly long long number

    @cython.locals(place=cython.longlong, series=Series, total=cython.longlong)
    cpdef bint is_met(self) except -1
