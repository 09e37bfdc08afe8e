# Types for the compiler of `attributes.py`.

cimport cython

from workers.core.objects.customer.activity cimport Activity
from workers.core.objects.conditions.truth cimport Elementary, Found
from workers.core.objects.conditions.observability cimport moment_in_words
from workers.core.coverage cimport Coverage
from workers.core.objects.customer.series cimport Series
from workers.core.events.attribute_types cimport convert, date_ms_of

cdef long long FOREVER_MS
cdef int FALSE, NOT_OBSERVABLE, TRUE

cdef class _OfAttribute(Elementary):
    cdef readonly str attribute, type, phrase

cdef class Attribute(_OfAttribute):
    cdef readonly object passes
    cdef readonly str bound
    cdef readonly object kind

    cpdef Found evaluate(self, Activity activity, long long at_ms, Coverage observed)
    cpdef list reasons(self, Activity activity, long long at_ms, Coverage observed)
    cdef object _value(self, Activity activity)

cdef class Deadline(_OfAttribute):
    cdef readonly object ahead_ms
    cdef readonly long long over_ms
    cdef readonly str bound

    cpdef Found evaluate(self, Activity activity, long long at_ms, Coverage observed)
    cpdef list reasons(self, Activity activity, long long at_ms, Coverage observed)
    cdef object _date_ms(self, Activity activity)

cdef class Cancelled(Elementary):
    cdef readonly bint wanted
    cdef readonly long long for_ms
    cdef readonly tuple returns
    cdef readonly str bound, phrase
    cdef str _prevented
    cdef list _while_active

    cpdef Found evaluate(self, Activity activity, long long at_ms, Coverage observed)
    cpdef list reasons(self, Activity activity, long long at_ms, Coverage observed)
    @cython.locals(cancelled=Series, back=Series)
    cdef long long _since(self, Activity activity) except? -2
