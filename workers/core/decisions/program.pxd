# Types for the compiler, for `program.py`.

cimport cython

from workers.core.conditions.condition cimport Condition
from workers.core.customer.customer cimport Customer
from workers.core.customer.episode cimport Episode
from workers.core.customer.folding cimport TypeFolding
from workers.core.customer.series cimport Series
from workers.core.decisions.known cimport Carried
from workers.core.memory cimport Numbers
from workers.core.conditions.ladder cimport ActiveLadder
from workers.core.rules.rule_set cimport Rule, RuleSet
from workers.core.rules.value cimport Worth

cdef long long FOREVER_MS

@cython.final
cdef class Needed:
    cdef readonly Series series
    cdef readonly long long least, most
    cdef readonly Needed following

@cython.final
cdef class ActiveRule:
    cdef readonly long long place, conditions
    cdef readonly Rule rule
    cdef readonly str id
    cdef readonly Condition condition
    cdef readonly Episode episode
    cdef readonly Group group
    cdef public long long circle, flip_ms
    cdef readonly bint shadow, paused, includes_existing, takes_back, reads_tenure
    cdef readonly long long again_after_ms, again_every_ms, most_times, expires_after_ms, for_ms, live_since_ms, since_generation
    cdef readonly long long priority, rank, conflict_group
    cdef public list yields_to, instead_of, variables
    cdef readonly long long decided_until_ms, admitted_until_ms, meant_until_ms
    cdef readonly Needed needed
    cdef public ActiveRule next_in_group
    cdef long long *turned_false
    cdef Numbers _turned_false

    @cython.locals(turned=Numbers, kind=EventType)
    cpdef know_types(self, list types)
    @cython.locals(needed=Needed, total=cython.longlong)
    cpdef bint can_hold(self) except -1
    cpdef observe(self, object observed)

@cython.final
cdef class Group:
    cdef readonly long long place, conflict_group
    cdef readonly list rules
    cdef readonly ActiveRule first
    cdef public bint is_timed

    cpdef add(self, ActiveRule rule)

@cython.final
cdef class EventType:
    cdef readonly long long place
    cdef readonly str name
    cdef readonly TypeFolding folding
    cdef readonly list groups, others
    cdef readonly bint is_sign_of_life, asks_consent, is_plain, is_success
    cdef public bint moves

@cython.final
cdef class Program:
    cdef readonly RuleSet rule_set
    cdef readonly Customer customer
    cdef readonly list rules, groups, rivals
    cdef readonly dict by_id, types
    cdef readonly EventType unknown_type
    cdef readonly long long circles, all_decided_ms
    cdef readonly ActiveLadder ladder
    cdef readonly Carried carried
    cdef readonly Worth worth
    cdef object _observed

    cdef EventType _type(self, long long place, str name)
    cdef _bring_together(self)
    @cython.locals(rule=ActiveRule)
    cpdef observe(self, object observed)
    @cython.locals(group=Group)
    cpdef begin(self)
