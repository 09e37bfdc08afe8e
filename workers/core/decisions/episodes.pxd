# Types for the compiler, for `episodes.py`.

cimport cython

from workers.core.customer.candidate cimport Candidate
from workers.core.customer.customer cimport Customer
from workers.core.customer.episode cimport Episode
from workers.core.decisions.known cimport Carried
from workers.core.decisions.decided cimport Decided, Decisions
from workers.core.decisions.outcomes cimport Outcomes
from workers.core.decisions.program cimport ActiveRule, EventType, Program
from workers.core.rules.variables cimport Variable

cdef long long FOREVER_MS
cdef int FALSE, NOT_OBSERVABLE, TRUE
cdef int CUSTOMER_RETURNED, LATE_EVENT, NO_LONGER_TRUE, RETRACTED, SHADOW, STALE, UNKNOWN
cdef int IN_SHADOW, KNOWN_FROM, ONLY_AN_EVENT, WOULD_HAVE_EXPIRED

@cython.final
cdef class Episodes:
    cdef readonly Program program
    cdef readonly Customer customer
    cdef readonly Decisions decisions
    cdef readonly Outcomes outcomes
    cdef readonly long long remembers_ms

    @cython.locals(episode=Episode, truth=cython.int, flip_ms=cython.longlong, start_ms=cython.longlong)
    cpdef long long judge(self, ActiveRule rule, long long at_ms, EventType kind, long long event_ms) except? 1
    cdef count(self, Episode episode)
    @cython.locals(episode=Episode, repeats_ms=cython.longlong)
    cdef long long repeat(self, ActiveRule rule, long long at_ms, bint by_time, long long flip_ms) except? 1
    cdef request(self, ActiveRule rule, long long start_ms, long long at_ms)
    @cython.locals(row=Decided)
    cdef report_unknown(self, ActiveRule rule, long long at_ms, long long known_ms)
    @cython.locals(candidate=Candidate, place=cython.longlong)
    cdef doubt(self, ActiveRule rule, long long at_ms, EventType kind, long long event_ms)
    @cython.locals(episode=Episode, row=Decided)
    cdef begin(self, ActiveRule rule, long long start_ms, long long at_ms)
    @cython.locals(episode=Episode, began=cython.bint, at_ms=cython.longlong)
    cdef meet(self, ActiveRule rule, long long start_ms)
    @cython.locals(candidate=Candidate, variable=Variable, place=cython.Py_ssize_t, carried=Carried)
    cdef ask(self, ActiveRule rule, long long start_ms, long long at_ms)
    @cython.locals(episode=Episode, rule=ActiveRule)
    cdef forget_over(self, long long circle)
    @cython.locals(episode=Episode)
    cdef drop_over(self, ActiveRule rule)
    @cython.locals(customer=Customer, from_ms=cython.longlong)
    cdef drop_acted(self)
    @cython.locals(candidate=Candidate, other=ActiveRule, place=cython.longlong)
    cdef bint is_contested(self, ActiveRule rule) except -1
    @cython.locals(episode=Episode, held_before=cython.bint)
    cdef end(self, ActiveRule rule, long long at_ms, EventType kind, long long event_ms)
    @cython.locals(episode=Episode, row=Decided)
    cdef tell_retracted(self, ActiveRule rule, long long at_ms, long long event_ms, long long because)
    @cython.locals(episode=Episode, late=cython.bint)
    cdef retract(self, ActiveRule rule, long long at_ms, long long event_ms, long long because)
    @cython.locals(customer=Customer, candidate=Candidate, place=cython.longlong)
    cdef withdraw_all(self, ActiveRule rule, long long at_ms, long long event_ms, long long because)
    @cython.locals(late=cython.bint)
    cdef bint withdraw(
        self, ActiveRule rule, Candidate candidate, long long at_ms, long long event_ms, long long because
    ) except -1
    @cython.locals(row=Decided)
    cdef tell_withdrawn(self, ActiveRule rule, Candidate candidate)
    @cython.locals(candidate=Candidate, rule=ActiveRule, row=Decided, place=cython.longlong)
    cdef take_back_waiting(self, long long at_ms, long long order_ms)
    @cython.locals(episode=Episode, rule=ActiveRule)
    cdef take_back(self, long long at_ms, long long event_ms, long long because)

@cython.locals(episode=Episode, number=cython.longlong)
cpdef long long next_repetition(ActiveRule rule, long long at_ms) except? 1
cdef bint _stands(ActiveRule rule, long long because) except -1
@cython.locals(episode=Episode)
cpdef forget(ActiveRule rule, long long at_ms)
