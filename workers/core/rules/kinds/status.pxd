# Types for the compiler, for `status.py`.

cimport cython

from workers.core.conditions.condition cimport Elementary
from workers.core.customer.candidate cimport Evidence
from workers.core.customer.series cimport Series
from workers.core.text cimport Text

cdef long long FOREVER_MS, NUMBERS_EACH
cdef int FALSE, TRUE

cdef class Cancelled(Elementary):
    cdef readonly int wanted
    cdef readonly long long for_ms
    cdef readonly Series cancelled
    cdef readonly tuple returns

    @cython.locals(since_ms=cython.longlong)
    cpdef int look(self, long long at_ms) except -1
    @cython.locals(cancelled_ms=cython.longlong, back=Series)
    cdef long long _cancelled_ms(self) except? -2
    cpdef note(self, Evidence evidence, long long at_ms)
    @cython.locals(since_ms=cython.longlong)
    cpdef word(self, Text text, Evidence evidence)
