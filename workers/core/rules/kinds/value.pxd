# Types for the compiler, for `value.py`. Values and bounds are Python's integers.

cimport cython

from workers.core.conditions.condition cimport Elementary
from workers.core.customer.candidate cimport Evidence
from workers.core.rules.value cimport Worth
from workers.core.text cimport Text

cdef long long FOREVER_MS
cdef int FALSE, NOT_OBSERVABLE, TRUE
cdef object _BEYOND, _LARGEST

cdef class Valued(Elementary):
    cdef readonly Worth worth
    cdef readonly bint has_low, has_high
    cdef readonly object least, most

    @cython.locals(worth=Worth, truth=cython.int, next_ms=cython.longlong)
    cpdef int look(self, long long at_ms) except -1
    @cython.locals(worth=Worth, value=object)
    cpdef int judge(self) except -1
    cpdef note(self, Evidence evidence, long long at_ms)
    cpdef write_observed(self, Text text, Evidence evidence)
