# What the compiler may know of `sequences.py`.

cimport cython

from workers.core.objects.customer.activity cimport Activity
from workers.core.objects.conditions.truth cimport Elementary, Found
from workers.core.objects.conditions.observability cimport knows_ever
from workers.core.coverage cimport Coverage
from workers.core.objects.customer.series cimport Series

cdef long long FOREVER_MS
cdef int FALSE, NOT_OBSERVABLE, TRUE

cdef class _OfTwo(Elementary):
    cdef readonly str first, then, first_type, then_type, phrase
    cdef readonly bint later

cdef class Answered(_OfTwo):
    cdef readonly str pair, span
    cdef readonly long long within_ms

    @cython.locals(first=Series)
    cpdef Found evaluate(self, Activity activity, long long at_ms, Coverage observed)
    cpdef list reasons(self, Activity activity, long long at_ms, Coverage observed)
    @cython.locals(then=Series)
    cdef int _followed(self, Activity activity, long long first_ms) except -1

cdef class Unanswered(_OfTwo):
    cdef readonly long long for_ms
    cdef readonly str span

    @cython.locals(first=Series, then=Series, first_since_ms=cython.longlong)
    cpdef Found evaluate(self, Activity activity, long long at_ms, Coverage observed)
    cpdef list reasons(self, Activity activity, long long at_ms, Coverage observed)
