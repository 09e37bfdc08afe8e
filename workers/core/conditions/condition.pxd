# Types for the compiler, for `condition.py`.

from workers.core.customer.candidate cimport Evidence
from workers.core.customer.customer cimport Customer
from workers.core.customer.series cimport Series
from workers.core.text cimport Text

cdef long long FOREVER_MS
cdef bytes _MASK

cdef class Condition:
    cdef readonly long long flip_ms

    cpdef int look(self, long long at_ms) except -1
    cpdef note(self, Evidence evidence, long long at_ms)
    cpdef word(self, Text text, Evidence evidence)

cdef class Elementary(Condition):
    cdef readonly Customer customer
    cdef readonly long long place, at
    cdef readonly bytes head, tail, prevented
    cdef readonly bint is_personal

    cpdef word(self, Text text, Evidence evidence)
    cpdef write_observed(self, Text text, Evidence evidence)
    cpdef write_prevented(self, Text text, Evidence evidence)
    cpdef write_kept(self, Text text, Evidence evidence)
    cpdef write_since(self, Text text, bytes words, long long at_ms, bytes otherwise)
    cpdef write_before(self, Text text, long long at_ms)

cdef class OfOneSeries(Elementary):
    cdef readonly Series series

cdef class OfTwoSeries(Elementary):
    cdef readonly Series first, then
    cdef readonly long long least_ms
