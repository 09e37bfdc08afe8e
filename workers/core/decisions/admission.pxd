# Types for the compiler, for `admission.py`.

cimport cython

from workers.core.customer.candidate cimport Candidate
from workers.core.customer.customer cimport Customer
from workers.core.customer.episode cimport Episode
from workers.core.customer.standing cimport Standing
from workers.core.decisions.decided cimport Decided, Decisions
from workers.core.decisions.episodes cimport Episodes, forget
from workers.core.decisions.outcomes cimport Outcomes
from workers.core.decisions.program cimport ActiveRule, Group, Program
from workers.core.memory cimport Numbers
from workers.core.rules.contact_policy cimport ContactPolicy

cdef long long FOREVER_MS
cdef int ACTIVE, CAPPED, COOLING_DOWN, HELD, HELD_OUT, OPTED_OUT, OUTRANKED, RETRACTED, STALE, REPLACED
cdef int ACTS_NEVER_AGAIN, ANOTHER_COMES_FIRST, HAD_ENOUGH, GETS_AS_BEFORE, LEFT_OUT, LEFT_OUT_OF_ALL, NOT_EXPIRED_YET, NOT_UNDERSTOOD
cdef int NEVER_WRITTEN_TO, SUPPRESSED, OPTED_OUT_CLEARLY, QUIET_UNTIL_EXPIRED, RULE_IS_GONE, SILENT_UNTIL

@cython.final
cdef class Admission:
    cdef readonly Program program
    cdef readonly Customer customer
    cdef readonly Episodes episodes
    cdef readonly Decisions decisions
    cdef readonly Outcomes outcomes
    cdef readonly ContactPolicy policy
    cdef readonly bint has_consent, has_quiet_hours
    cdef readonly long long remembers_ms
    cdef public bint insists
    cdef public list not_understood
    cdef public Standing standing
    cdef long long _releases
    cdef Numbers _blocked_memory
    cdef long long *_blocked

    cpdef bint is_opted_out(self) except -1
    @cython.locals(
        customer=Customer, candidate=Candidate, rule=ActiveRule, place=cython.longlong, seen_ms=cython.longlong
    )
    cpdef release(self, long long before_ms)
    @cython.locals(candidates=list, candidate=Candidate, place=cython.longlong, at=cython.longlong)
    cdef put_in_order(self)
    @cython.locals(first=ActiveRule, then=ActiveRule)
    cdef bint comes_before(self, Candidate one, Candidate other) except -1
    @cython.locals(rule=ActiveRule, row=Decided)
    cdef tell_removed(self, Candidate candidate, long long rank)
    @cython.locals(rivals=list, group=Group)
    cdef bint is_rival_due(self, ActiveRule rule, long long at_ms) except -1
    @cython.locals(
        episode=Episode, row=Decided, start_ms=cython.longlong, begun=cython.longlong, not_before_ms=cython.longlong,
        expires_ms=cython.longlong, until_ms=object,
    )
    cdef admit(self, ActiveRule rule, Candidate candidate)
    cdef Decided refuse(self, long long kind, ActiveRule rule, long long start_ms)
    @cython.locals(
        episode=Episode, row=Decided, winner=ActiveRule, cools_down=cython.bint, start_ms=cython.longlong,
        since_ms=cython.longlong,
    )
    cdef Decided refused(self, ActiveRule rule, Candidate candidate)
    @cython.locals(row=Decided)
    cdef leave_out(self, ActiveRule rule, long long start_ms)
    @cython.locals(row=Decided)
    cdef Decided opted_out(self, ActiveRule rule, long long start_ms)
    @cython.locals(other=ActiveRule, found=ActiveRule, episode=Episode)
    cdef ActiveRule winner(self, ActiveRule rule, long long at_ms)
    @cython.locals(other=ActiveRule, episode=Episode, row=Decided)
    cdef replace(self, ActiveRule rule, long long at_ms)

cdef bint was_open(Episode episode, Candidate candidate) except -1
cdef bint _stood(Episode episode, long long at_ms) except -1
cdef bint _within(list stretches, long long at_ms) except -1
