# Types for the compiler, for `compared.py`.

cimport cython

from workers.core.conditions.condition cimport Elementary
from workers.core.conditions.measures cimport Measure
from workers.core.customer.candidate cimport Evidence
from workers.core.text cimport Text

cdef long long FOREVER_MS
cdef int AT_LEAST, FALSE, KNOWN, NOTHING, NOT_OBSERVABLE, TRUE, UNKNOWN

cdef class MeasuredAgainst(Elementary):
    cdef readonly Measure measured, against
    cdef readonly long long share
    cdef readonly bint is_upper, is_strict
    cdef readonly object when

    @cython.locals(measured=Measure, against=Measure, now=cython.int, next_ms=cython.longlong)
    cpdef int look(self, long long at_ms) except -1
    @cython.locals(
        one=Measure, other=Measure, low=Measure, high=Measure, doubted=Measure, found=object, bound=object,
        below=object, beyond=object, holds=cython.bint
    )
    cpdef int judge(self) except -1
    @cython.locals(one=Measure, other=Measure)
    cpdef note(self, Evidence evidence, long long at_ms)
    cpdef write_observed(self, Text text, Evidence evidence)
    cpdef write_prevented(self, Text text, Evidence evidence)
