# Types for the compiler, for `known_for.py`.

cimport cython

from workers.core.conditions.condition cimport Elementary
from workers.core.customer.candidate cimport Evidence
from workers.core.customer.customer cimport Customer
from workers.core.text cimport Text

cdef long long FOREVER_MS
cdef int FALSE, NOT_OBSERVABLE, TRUE

cdef class Tenure(Elementary):
    cdef readonly long long for_ms

    @cython.locals(customer=Customer, enough_ms=cython.longlong)
    cpdef int look(self, long long at_ms) except -1
    cpdef note(self, Evidence evidence, long long at_ms)
    cpdef write_observed(self, Text text, Evidence evidence)
