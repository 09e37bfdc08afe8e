# What the compiler may know of `truth.py`.

from workers.core.objects.customer.activity cimport Activity
from workers.core.coverage cimport Coverage

ctypedef (int, long long) Found

cdef class Condition:
    cpdef Found evaluate(self, Activity activity, long long at_ms, Coverage observed)
    cpdef Found estimate(self, Activity activity, long long at_ms, Coverage observed)
    cpdef list reasons(self, Activity activity, long long at_ms, Coverage observed)

cdef class Elementary(Condition):
    pass
