# Types for the compiler, for `turn.py`.

cimport cython

from workers.core.conditions.condition cimport Condition
from workers.core.coverage cimport Coverage
from workers.core.customer.candidate cimport Candidate
from workers.core.customer.customer cimport Customer
from workers.core.customer.episode cimport Episode
from workers.core.customer.standing cimport Standing
from workers.core.customer.folding cimport TypeFolding, fingerprint_number, keep_latest
from workers.core.decisions.admission cimport Admission
from workers.core.decisions.bookkeeper cimport Bookkeeper
from workers.core.decisions.decided cimport Decisions
from workers.core.decisions.episodes cimport Episodes, next_repetition
from workers.core.decisions.moves cimport Moves
from workers.core.decisions.outcomes cimport Outcomes
from workers.core.decisions.program cimport ActiveRule, EventType, Group, Program
from workers.core.events.attribute_types cimport typed
from workers.core.events.decoding cimport DecodedEvent
from workers.core.events.plain cimport PlainEvent
from workers.core.rules.contact_policy cimport ContactPolicy

cdef long long FOREVER_MS
cdef int FALSE, TRUE, CUSTOMER_ERASED, CUSTOMER_OPTED_OUT, CUSTOMER_SUPPRESSED

@cython.final
cdef class Turn:
    cdef readonly Program program
    cdef readonly Customer customer
    cdef readonly Decisions decisions
    cdef readonly Episodes episodes
    cdef readonly Admission admission
    cdef readonly ContactPolicy policy
    cdef long long generation, meaning_generation
    cdef dict attribute_types, kept_raw
    cdef Coverage observed
    cdef readonly long long folded, duplicates
    cdef readonly bint has_answered
    cdef readonly dict waiting
    cdef readonly list left_out
    cdef public list unnamed
    cdef readonly long long forgotten
    cdef readonly tuple answer
    cdef readonly Moves moves
    cdef readonly Outcomes outcomes
    cdef readonly Bookkeeper bookkeeper

    cpdef begin(self, str customer_id, Coverage observed, Standing standing)
    cpdef keep_facts(self)

    @cython.locals(
        customer=Customer, fingerprint=cython.longlong, kind=EventType, is_new=cython.bint, begun=cython.longlong,
        original=DecodedEvent,
    )
    cpdef fold(self, DecodedEvent event)
    @cython.locals(customer=Customer, folding=TypeFolding, is_new=cython.bint, begun=cython.longlong)
    cpdef fold_plain(self, EventType kind, PlainEvent event)
    @cython.locals(customer=Customer, is_new=cython.bint)
    cdef bint arrive(self, long long at_ms, long long fingerprint) except -1
    @cython.locals(customer=Customer, group=Group)
    cdef follow(self, EventType kind, long long event_ms, bint is_new, long long begun)
    @cython.locals(
        customer=Customer, soonest_ms=cython.longlong, following=ActiveRule, rule=ActiveRule, episode=Episode, can_hold=cython.bint,
        at_ms=cython.longlong, flip_ms=cython.longlong,
    )
    cdef judge_group(self, Group group, EventType kind, long long event_ms)

    @cython.locals(
        customer=Customer, clock=cython.longlong, begun=cython.longlong, rule=ActiveRule, is_new=cython.bint,
        has_new_meaning=cython.bint,
    )
    cpdef adopt(self)
    @cython.locals(episode=Episode, truth=cython.int)
    cdef adopt_rule(self, ActiveRule rule, long long clock, bint is_new)
    @cython.locals(group=Group)
    cdef time_all(self)

    @cython.locals(customer=Customer, moment_ms=cython.longlong, begun=cython.longlong)
    cdef bint forgets(self, long long at_ms) except -1
    @cython.locals(customer=Customer, moment_ms=cython.longlong)
    cpdef bint collects(self, long long upto_ms) except -1
    @cython.locals(standing=Standing)
    cdef forget(self)

    @cython.locals(customer=Customer, moment_ms=cython.longlong, before_ms=cython.longlong)
    cpdef long long fire(self, long long upto_ms) except? 1
    @cython.locals(customer=Customer)
    cpdef carry_out(self, long long order_ms, bint erases)
    @cython.locals(begun=cython.longlong)
    cpdef release(self)
    @cython.locals(
        customer=Customer, begun=cython.longlong, group=Group, all_seen=cython.bint, at_ms=cython.longlong,
        rule=ActiveRule, flip_ms=cython.longlong, seen_ms=cython.longlong,
    )
    cdef advance(self, long long upto_ms, bint forced)
    @cython.locals(
        customer=Customer, first=ActiveRule, rule=ActiveRule, first_ms=cython.longlong, flip_ms=cython.longlong,
        group=Group,
    )
    cdef ActiveRule first_due(self, long long upto_ms, bint all_seen)
    @cython.locals(customer=Customer)
    cpdef long long clock(self) except? 1
    @cython.locals(
        episode=Episode, truth=cython.int, clock=cython.longlong, flip_ms=cython.longlong, lasted_ms=cython.longlong
    )
    cdef long long flip_of(self, ActiveRule rule) except? 1
    @cython.locals(rule=ActiveRule)
    cdef time_group(self, Group group)
    @cython.locals(rule=ActiveRule, soonest_ms=cython.longlong)
    cdef set_flip(self, Group group)
    @cython.locals(customer=Customer, soonest_ms=cython.longlong, place=cython.longlong)
    cpdef set_due(self)
    @cython.locals(group=Group, rule=ActiveRule)
    cdef note_flips(self, long long upto_ms)
    @cython.locals(episode=Episode)
    cdef note_flip(self, ActiveRule rule, long long flip_ms)

    @cython.locals(
        customer=Customer, queued=cython.bint, rule=ActiveRule, episode=Episode, candidate=Candidate,
        place=cython.longlong, seen_ms=cython.longlong, passed_ms=cython.longlong,
    )
    cpdef long long settle(self, long long upto_ms) except? 1
    @cython.locals(episode=Episode)
    cdef tidy(self, ActiveRule rule, bint queued)
    @cython.locals(
        customer=Customer, due_ms=cython.longlong, group=Group, group_ms=cython.longlong, rule=ActiveRule,
        own_ms=cython.longlong, moved_ms=cython.longlong,
    )
    cdef long long look_again(self, long long upto_ms, long long passed_ms) except? 1
    cdef wait(self, frozenset types, long long at_ms)
