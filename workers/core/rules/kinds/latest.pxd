# Types for the compiler, for `latest.py`.

cimport cython

from workers.core.conditions.condition cimport Elementary
from workers.core.customer.candidate cimport Evidence
from workers.core.customer.customer cimport Customer
from workers.core.events.attribute_types cimport convert
from workers.core.text cimport Text

cdef long long FOREVER_MS, NUMBERS_EACH
cdef int FALSE, NOT_OBSERVABLE, TRUE

cdef class Told(Elementary):
    cdef readonly Customer customer
    cdef readonly str attribute
    cdef readonly object passes, kind, tested
    cdef readonly int truth

    @cython.locals(known=tuple)
    cpdef int look(self, long long at_ms) except -1
    @cython.locals(known=tuple, value=object)
    cpdef note(self, Evidence evidence, long long at_ms)
    cpdef word(self, Text text, Evidence evidence)
