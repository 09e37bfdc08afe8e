# Types for the compiler, for `history.py`.

cimport cython

from workers.core.conditions.condition cimport Condition
from workers.core.customer.customer cimport Customer
from workers.core.customer.series cimport Series

cdef long long DAY_MS, FOREVER_MS, SETTLING_MS
cdef int FALSE, NOT_OBSERVABLE, TRUE

cpdef bint knows_ever(Customer customer, Series series) except -1
cdef bint _is_whole(Customer customer, Series series) except -1
cdef bint _is_forgotten(Customer customer, Series series) except -1
cpdef long long watched_from(Customer customer, Series series, long long days) except? -1
@cython.locals(day=cython.longlong, from_ms=cython.longlong)
cdef long long _complete_from(Series series, long long since_ms, long long days) except? -1
cpdef long long counted_from(Customer customer, Series series, long long days) except? -1
cpdef int staged(Condition condition, long long at_ms, long long too_many_until_ms, long long enough_until_ms, long long watched_ms, bint capped) except -1
