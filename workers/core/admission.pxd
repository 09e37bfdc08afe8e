# What the compiler may know of `admission.py`.

from workers.core.activity cimport Activity, Episode
from workers.core.observed cimport Observed
from workers.core.ruleset cimport Rule, RuleSet

cdef class Admission:
    cdef object _customer_id
    cdef list _decisions
    cdef Observed _observed
    cdef RuleSet _rules

cpdef forget(Rule rule, Episode episode, long long at_ms)
