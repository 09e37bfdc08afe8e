# What the compiler may know of `amounts.py`. Sums and their bounds may be more than 64 bits hold.

cimport cython

from workers.core.objects.customer.activity cimport Activity
from workers.core.objects.conditions.truth cimport Found
from workers.core.objects.conditions.observability cimport OfOneType, counted_from, knows_ever, staged, watched_from
from workers.core.coverage cimport Coverage
from workers.core.objects.customer.series cimport Series

cdef long long DAY_MS, FOREVER_MS, MAX_STORED, _OUT_OF_REACH
cdef int FALSE, NOT_OBSERVABLE, TRUE

cdef class Volume(OfOneType):
    cdef readonly str adds, bound
    cdef readonly object low, high, days
    cdef str _window
    cdef long long _enough, _too_many, _enough_until_ms, _too_many_until_ms

    @cython.locals(
        facts=Series, days=cython.longlong, watched_ms=cython.longlong, too_many_until=cython.longlong,
        enough_until=cython.longlong, amounts=list, most=cython.longlong, enough=cython.longlong,
        too_many=cython.longlong, kept=list, place=cython.Py_ssize_t, first=cython.longlong, day=cython.longlong,
        number=cython.longlong,
    )
    cpdef Found evaluate(self, Activity activity, long long at_ms, Coverage observed)
    @cython.locals(facts=Series)
    cpdef list reasons(self, Activity activity, long long at_ms, Coverage observed)
    cdef int _ever(self, Activity activity, Series facts, Coverage observed) except -1
    cdef int _judge(self, object value, bint observable) except -1
    cdef Found _rising_and_falling(self, Series facts, long long at_ms, long long watched_ms)

@cython.locals(total=cython.longlong, amount=cython.longlong)
cdef long long _sum_of(list amounts) except? -2

cdef class Average(OfOneType):
    cdef readonly object low, high, days
    cdef readonly str bound

    @cython.locals(facts=Series)
    cpdef Found evaluate(self, Activity activity, long long at_ms, Coverage observed)
    @cython.locals(facts=Series)
    cpdef list reasons(self, Activity activity, long long at_ms, Coverage observed)
    cdef int _judge(self, object total, object number) except -1

cdef class Distinct(OfOneType):
    cdef readonly object low, high, days
    cdef readonly str bound

    @cython.locals(facts=Series, watched_ms=cython.longlong, seen=list, enough_until=cython.longlong, too_many_until=cython.longlong)
    cpdef Found evaluate(self, Activity activity, long long at_ms, Coverage observed)
    @cython.locals(facts=Series)
    cpdef list reasons(self, Activity activity, long long at_ms, Coverage observed)

cdef class Shift(OfOneType):
    cdef readonly str adds, bound
    cdef readonly bint is_rise
    cdef readonly object share, least
    cdef readonly long long days

    @cython.locals(facts=Series, watched_ms=cython.longlong, days=list, amounts=list, leaves=cython.longlong, passes=cython.longlong, end=cython.longlong, day=cython.longlong)
    cpdef Found evaluate(self, Activity activity, long long at_ms, Coverage observed)
    @cython.locals(facts=Series)
    cpdef list reasons(self, Activity activity, long long at_ms, Coverage observed)
    @cython.locals(facts=Series, watched_ms=cython.longlong, amounts=list, leaves=cython.longlong, passes=cython.longlong)
    cpdef Found estimate(self, Activity activity, long long at_ms, Coverage observed)
    cdef list _amounts(self, Series facts)
    cdef (long long, long long) _borders(self, Series facts, long long at_ms)
    cdef long long _next_day(self, list days, long long leaves, long long passes) except? -1
    cdef int _judge(self, object before, object latest) except -1
