# What the compiler may know of `ages.py`.

cimport cython

from workers.core.objects.customer.activity cimport Activity
from workers.core.objects.conditions.truth cimport Elementary, Found
from workers.core.objects.conditions.observability cimport OfOneType, knows_ever, last_in_words, moment_in_words
from workers.core.coverage cimport Coverage
from workers.core.objects.customer.series cimport Series

cdef long long DAY_MS, FOREVER_MS
cdef int FALSE, NOT_OBSERVABLE, TRUE

cdef class Absence(OfOneType):
    cdef readonly long long for_ms
    cdef readonly str span
    cdef str _asked, _prevented

    @cython.locals(facts=Series, from_ms=cython.longlong, enough_ms=cython.longlong, since_ms=cython.longlong)
    cpdef Found evaluate(self, Activity activity, long long at_ms, Coverage observed)
    @cython.locals(facts=Series, from_ms=cython.longlong, since_ms=cython.longlong)
    cpdef list reasons(self, Activity activity, long long at_ms, Coverage observed)

cdef class Recency(OfOneType):
    cdef readonly object least_ms, most_ms
    cdef readonly str bound

    @cython.locals(facts=Series, last_ms=cython.longlong, since_ms=cython.longlong)
    cpdef Found evaluate(self, Activity activity, long long at_ms, Coverage observed)
    @cython.locals(facts=Series)
    cpdef list reasons(self, Activity activity, long long at_ms, Coverage observed)
    cdef Found _never(self, Activity activity, long long at_ms, Coverage observed, long long since_ms)
    cdef Found _unwatched(self, long long at_ms, long long last_ms, long long since_ms)

cdef class Beginning(OfOneType):
    cdef readonly object least_ms, most_ms
    cdef readonly str bound

    @cython.locals(facts=Series, first_ms=cython.longlong, since_ms=cython.longlong)
    cpdef Found evaluate(self, Activity activity, long long at_ms, Coverage observed)
    @cython.locals(facts=Series)
    cpdef list reasons(self, Activity activity, long long at_ms, Coverage observed)
    cdef Found _uncertain(self, long long at_ms, object first_ms, long long since_ms)

cdef class Tenure(Elementary):
    cdef readonly long long for_ms
    cdef readonly str span, phrase

    cpdef Found evaluate(self, Activity activity, long long at_ms, Coverage observed)
    cpdef list reasons(self, Activity activity, long long at_ms, Coverage observed)

cdef class Overdue(OfOneType):
    # An object: times the life of a customer, it may be more than 64 bits hold.
    cdef readonly object times
    cdef readonly long long usual_gap_ms, least_ms
    cdef readonly str bound

    @cython.locals(facts=Series, from_ms=cython.longlong, patience_ms=cython.longlong, since_ms=cython.longlong)
    cpdef Found evaluate(self, Activity activity, long long at_ms, Coverage observed)
    @cython.locals(facts=Series)
    cpdef list reasons(self, Activity activity, long long at_ms, Coverage observed)
    @cython.locals(gaps=cython.longlong)
    cdef long long _patience_ms(self, Series facts) except? -1
