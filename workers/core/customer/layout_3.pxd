# Types for the compiler, for `layout_3.py`.

cimport cython

from workers.core.customer.binary cimport Reader, Writer
from workers.core.customer.candidate cimport Candidate
from workers.core.customer.customer cimport Customer
from workers.core.customer.days cimport Days
from workers.core.customer.episode cimport Episode
from workers.core.customer.names cimport Names
from workers.core.customer.requirement cimport Requirement
from workers.core.customer.series cimport Series

cdef long long FOREVER_MS, FARTHEST_MS, RING, CODE_BYTES, FINGERPRINT_BYTES, MAX_STORED
cdef long long _HAS_FIRED, _HAS_DUE, _DUE_IS_A_FLIP, _HAS_ACTED, _HAS_REST, _CUSTOMER_FLAGS
cdef long long HOLDS, BEGAN, ACTED, ACTED_AT_START, ACTED_BEFORE, IS_OPEN, WAITS, STRETCHES
cdef long long _SUM, _BELOW_ZERO, _GONE, _DAY_EACH, _ONCE, _VALUES, _KEY_SHIFT
cdef long long _HEAD_BYTES, _WIDE_DAYS, _WIDE_COUNTS, _SUMS_SHIFT, _SMALL_SUMS, _LARGE_SUMS, _ANY_SUMS
cdef long long _HUNDRED, _SMALL_SUM, _LARGE_SUM, _BYTE, _FARTHEST_DAY, _LATEST_MS, _LARGEST_HASH, DAY_MS

@cython.final
cdef class Layout3:
    cdef Names names
    cdef Customer customer
    cdef Reader reader
    cdef Writer writer
    cdef list usual
    cdef public object wording

    @cython.locals(given=Reader, customer=Customer, flags=cython.longlong)
    cpdef read(self, bytes raw)
    @cython.locals(given=Reader, customer=Customer, size=cython.longlong)
    cdef read_seen(self)
    @cython.locals(given=Reader, customer=Customer, flips=dict, soonest_ms=cython.longlong, flip_ms=cython.longlong)
    cdef read_flips(self, bint is_due)
    @cython.locals(given=Reader, customer=Customer, series=Series, flags=cython.longlong, usual=cython.longlong, key=str, size=cython.longlong, has_sums=cython.bint, days=Days)
    cdef read_series(self)
    @cython.locals(
        given=Reader, kind=cython.longlong, sums=cython.longlong, days_width=cython.longlong, counts_width=cython.longlong,
        sums_width=cython.longlong, width=cython.longlong, day=cython.longlong, number=cython.longlong, place=cython.longlong,
    )
    cdef bint read_days(self, Days days, long long size) except -1
    @cython.locals(given=Reader, number=cython.longlong, place=cython.longlong)
    cdef read_values(self, Days values)
    @cython.locals(given=Reader, customer=Customer, code=cython.longlong, place=cython.longlong, episode=Episode, flags=cython.longlong)
    cdef read_episode(self)

    @cython.locals(out=Writer, customer=Customer, flips=dict, rest=list, due_ms=cython.longlong, flags=cython.longlong, place=cython.longlong)
    cpdef bytes write(self)
    @cython.locals(candidate=Candidate)
    cdef object worded(self, long long place)
    @cython.locals(customer=Customer, flip_ms=cython.longlong, place=cython.longlong, own=cython.longlong, requirement=Requirement)
    cdef dict flips_of_3(self)
    @cython.locals(customer=Customer, number=cython.longlong, series=Series)
    cdef write_all_series(self)
    @cython.locals(
        out=Writer, total_sum=cython.longlong, total=cython.longlong, usual=cython.longlong, flags=cython.longlong,
        is_once=cython.bint, is_day_each=cython.bint, values=Days, place=cython.longlong,
    )
    cdef write_series(self, Series series)
    @cython.locals(
        out=Writer, number=cython.longlong, kind=cython.longlong, sums=cython.longlong, before=cython.longlong,
        place=cython.longlong, amount=cython.longlong, days_width=cython.longlong, counts_width=cython.longlong,
        sums_width=cython.longlong,
    )
    cdef write_days(self, Days days, bint has_sum)
    @cython.locals(out=Writer, customer=Customer, names=Names, place=cython.longlong, episode=Episode)
    cdef write_episodes(self)
    @cython.locals(out=Writer, start_ms=cython.longlong, acted_ms=cython.longlong, flags=cython.longlong)
    cdef write_episode(self, Episode episode)

@cython.locals(flags=cython.longlong)
cpdef long long flags_of(Episode episode) except? 1000003
cpdef check_rest(Customer customer)
cpdef take_worded(Candidate candidate, object waiting, Names names)
cpdef list rest_of(Customer customer, list candidates)
cpdef object stored_waiting(object waiting, Candidate candidate)
cpdef long long counted(long long number) except? 1000003
cpdef long long near(long long day) except? 1000003
cpdef long long since_1970(long long at_ms) except? 1000003
cpdef long long plausible(long long at_ms) except? 1000003
cpdef list stretches(list moments)
cdef long long sum_width(long long sums) noexcept
