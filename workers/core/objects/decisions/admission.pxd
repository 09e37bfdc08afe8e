# What the compiler may know of `admission.py`.

cimport cython

from workers.core.objects.customer.activity cimport Activity, Episode
from workers.core.coverage cimport Coverage
from workers.core.objects.decisions.records cimport action_of
from workers.core.rules.rule_set cimport Rule, RuleSet

cdef long long FOREVER_MS

cdef class Admission:
    cdef object _customer_id
    cdef list _decisions, _not_understood
    cdef Coverage _observed
    cdef RuleSet _rules

    @cython.locals(by_id=dict, ordered=list, left=list, rule=Rule, start_ms=cython.longlong)
    cpdef release(self, Activity activity, long long before_ms=*)
    cdef bint _is_rival_due(self, Rule rule, Activity activity, long long at_ms) except -1
    @cython.locals(episode=Episode, start_ms=cython.longlong, expires_ms=cython.longlong)
    cdef _admit(self, Rule rule, Activity activity, object candidate)
    @cython.locals(acted_ms=cython.longlong)
    cdef _refusal(self, Rule rule, Activity activity, Episode episode, long long start_ms)
    @cython.locals(episode=Episode, other=Rule, first=Rule)
    cdef _winner(self, Rule rule, Activity activity, long long at_ms)
    @cython.locals(episode=Episode, other=Rule)
    cdef _replace(self, Rule rule, Activity activity, long long at_ms)

cdef bint _held(Episode episode, long long at_ms) except -1
cdef bint _stood(Episode episode, long long at_ms) except -1
cdef bint _within(object stretches, long long at_ms) except -1
cpdef forget(Rule rule, Episode episode, long long at_ms)
