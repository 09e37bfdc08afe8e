# What the compiler may know of `observability.py`.

cimport cython

from workers.core.objects.customer.activity cimport Activity
from workers.core.objects.conditions.truth cimport Elementary, Found
from workers.core.coverage cimport Coverage
from workers.core.objects.customer.series cimport Series

cdef long long DAY_MS, FOREVER_MS, MINUTE_MS, SETTLING_MS
cdef dict _DAYS
cdef tuple _MINUTES
cdef int FALSE, NOT_OBSERVABLE, TRUE

cpdef bint knows_ever(Activity activity, str series, Coverage observed) except -1
@cython.locals(since_ms=cython.longlong, day=cython.longlong, from_ms=cython.longlong)
cpdef long long watched_from(Activity activity, str series, Series facts, long long days, Coverage observed) except? -1
cpdef long long counted_from(Activity activity, str series, Series facts, long long days, Coverage observed) except? -1
cpdef str moment_in_words(long long at_ms)
@cython.locals(day=cython.longlong, words=str)
cpdef str day_in_words(long long at_ms)
@cython.locals(facts=Series)
cpdef str last_in_words(Activity activity, str series)
cpdef Found staged(
    long long at_ms, long long too_many_until_ms, long long enough_until_ms, long long watched_ms, bint capped
)

cdef class OfOneType(Elementary):
    cdef readonly str series, type, phrase
