# Types for the compiler, for `told.py`.

cimport cython

from workers.core.conditions.condition cimport Condition
from workers.core.customer.candidate cimport Evidence

@cython.final
cdef class Told:
    cdef public long long code, since_ms, id_ms, from_code, direction, because
    cdef public Condition step
    cdef readonly Evidence evidence
    cdef public object value
