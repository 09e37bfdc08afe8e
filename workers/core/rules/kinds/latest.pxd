# Types for the compiler, for `latest.py`.

cimport cython

from workers.core.conditions.condition cimport Elementary
from workers.core.customer.candidate cimport Evidence
from workers.core.events.attribute_types cimport convert
from workers.core.text cimport Text

cdef long long FOREVER_MS
cdef int FALSE, NOT_OBSERVABLE, TRUE

cdef class LatestValue(Elementary):
    cdef readonly str attribute
    cdef readonly object passes, kind, tested
    cdef readonly int truth

    @cython.locals(known=tuple)
    cpdef int look(self, long long at_ms) except -1
    cpdef note(self, Evidence evidence, long long at_ms)
    cpdef write_observed(self, Text text, Evidence evidence)
