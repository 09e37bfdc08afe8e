# Types for the compiler, for `date.py`.

cimport cython

from workers.core.conditions.condition cimport Elementary
from workers.core.customer.candidate cimport Evidence
from workers.core.events.attribute_types cimport convert, date_ms_of
from workers.core.text cimport Text

cdef long long FOREVER_MS
cdef int FALSE, NOT_OBSERVABLE, TRUE

cdef class Deadline(Elementary):
    cdef readonly str attribute
    cdef readonly long long ahead_ms, over_ms, date_ms
    cdef readonly object read

    @cython.locals(known=tuple, date_ms=object)
    cpdef long long known_ms(self) except? -2
    @cython.locals(date_ms=cython.longlong)
    cpdef int look(self, long long at_ms) except -1
    cpdef note(self, Evidence evidence, long long at_ms)
    cpdef write_observed(self, Text text, Evidence evidence)
