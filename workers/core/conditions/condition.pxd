# Types for the compiler, for `condition.py`.

from workers.core.customer.candidate cimport Evidence
from workers.core.customer.customer cimport Customer
from workers.core.customer.series cimport Series
from workers.core.text cimport Text

cdef long long FOREVER_MS

cdef class Condition:
    cdef readonly long long flip_ms

    cpdef int look(self, long long at_ms) except -1
    cpdef note(self, Evidence evidence, long long at_ms)
    cpdef word(self, Text text, Evidence evidence)

cdef class Elementary(Condition):
    cdef readonly long long place
    cdef readonly bytes head, tail, prevented

    cdef _write_last(self, Text text, long long last_ms)
    cdef _write_prevented(self, Text text, long long before_ms)

cdef class OfOneSeries(Elementary):
    cdef readonly Customer customer
    cdef readonly Series series
