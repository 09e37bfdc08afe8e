# Types for the compiler, for `layout_3.py`.

cimport cython

from workers.core.customer.binary cimport Reader, Writer, within
from workers.core.customer.candidate cimport Candidate
from workers.core.customer.customer cimport Customer
from workers.core.customer.days cimport Days
from workers.core.customer.episode cimport Episode
from workers.core.customer.names cimport Names
from workers.core.customer.series cimport Series

cdef long long FOREVER_MS, FARTHEST_MS, RING, FINGERPRINT_BYTES, MAX_STORED, DAY_MS
cdef long long _HAS_FIRED, _HAS_DUE, _DUE_IS_A_FLIP, _HAS_ACTED, _HAS_REST, _CUSTOMER_FLAGS
cdef long long _SUM, _BELOW_ZERO, _GONE, _DAY_EACH, _ONCE, _VALUES, _KEY_SHIFT
cdef long long _HEAD_BYTES, _WIDE_DAYS, _WIDE_COUNTS, _SUMS_SHIFT, _ANY_SUMS, _HUNDRED, _SMALL_SUM, _LARGE_SUM
cdef long long _BYTE, _LARGEST_HASH, _FARTHEST_DAY, _LATEST_MS

@cython.final
cdef class Layout3:
    cdef Names names
    cdef Customer customer
    cdef Reader reader
    cdef Writer writer
    cdef list coded
    cdef public object wording

    cpdef read(self, bytes raw)
    @cython.locals(days=Days, has_sums=cython.bint)
    cdef read_series(self)
    @cython.locals(days_width=cython.longlong, counts_width=cython.longlong, sums_width=cython.longlong)
    cdef bint read_days(self, Days days, long long size) except -1
    cdef read_values(self, Days values)

    @cython.locals(episode=Episode)
    cpdef bytes write(self)
    cdef object worded(self, Candidate candidate)
    cdef dict flips_of_3(self)
    cdef write_series(self, Series series)
    @cython.locals(days_width=cython.longlong, counts_width=cython.longlong, sums_width=cython.longlong)
    cdef write_days(self, Days days, bint has_sum)

cdef long long kind_of(Days days, bint has_sum) except -1
cdef tuple widths(long long kind)
cpdef take_rest(Customer customer, object rest)
@cython.locals(series=Series)
cpdef take_seen(dict seen, Names names)
@cython.locals(customer=Customer, candidate=Candidate)
cpdef take_outcomes(object rest, Names names)
@cython.locals(candidate=Candidate, place=cython.longlong)
cpdef list rest_of_outcomes(Customer customer, Names names)
cpdef bint drop_empty(list rest)
cpdef take_worded(Candidate candidate, object waiting, Names names)
cpdef object stored_waiting(object waiting, Candidate candidate)
