# Types for the compiler, for `facts_of.py`.

cimport cython

from workers.core.customer.candidate cimport Evidence
from workers.core.customer.customer cimport Customer
from workers.core.customer.names cimport Names

cdef long long FOREVER_MS

@cython.locals(customer=Customer, place=cython.longlong)
cpdef facts_of(Names names)
@cython.locals(customer=Customer, place=cython.longlong, flip_ms=cython.longlong)
cdef dict _next_changes(Names names)
@cython.locals(place=cython.longlong)
cdef _take_next_changes(Customer customer, object facts, Names names)
@cython.locals(place=cython.longlong)
cdef _take_evidence(Evidence evidence, object facts, str where)
