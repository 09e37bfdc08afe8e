# What the compiler may know of `combinations.py`.

cimport cython

from workers.core.objects.customer.activity cimport Activity
from workers.core.objects.conditions.truth cimport Condition, Found
from workers.core.coverage cimport Coverage

cdef long long FOREVER_MS, _MAX_STEPS
cdef int FALSE, NOT_OBSERVABLE, TRUE

cdef class Several(Condition):
    cdef readonly tuple parts
    cdef readonly int ruling
    cdef tuple _cheapest_first

    @cython.locals(_=cython.longlong)
    cpdef Found evaluate(self, Activity activity, long long at_ms, Coverage observed)
    @cython.locals(part=Condition)
    cpdef list reasons(self, Activity activity, long long at_ms, Coverage observed)
    cpdef Found estimate(self, Activity activity, long long at_ms, Coverage observed)
    @cython.locals(part=Condition)
    cdef Found _once(self, Activity activity, long long at_ms, Coverage observed, bint closely)

cdef class Negation(Condition):
    cdef readonly Condition part

    cpdef Found evaluate(self, Activity activity, long long at_ms, Coverage observed)
    cpdef list reasons(self, Activity activity, long long at_ms, Coverage observed)
    cpdef Found estimate(self, Activity activity, long long at_ms, Coverage observed)
