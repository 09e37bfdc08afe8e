# Types for the compiler, for `decide.py`.

cimport cython

from workers.core.conditions.ladder cimport Stretch
from workers.core.coverage cimport Coverage
from workers.core.customer.candidate cimport Candidate
from workers.core.customer.customer cimport Customer
from workers.core.customer.names cimport Names
from workers.core.customer.standing cimport Standing
from workers.core.customer.stored cimport Stored
from workers.core.decisions.decided cimport Decided
from workers.core.decisions.moves cimport Moves
from workers.core.decisions.program cimport Program
from workers.core.decisions.records cimport Records
from workers.core.decisions.stage_records cimport StageRecords
from workers.core.decisions.turn cimport Turn
from workers.core.events.plain cimport PlainEvent
from workers.core.events.scanner cimport Scanner

cdef int CUSTOMER_SUPPRESSED, HELD, RETRACTED, RULE_IS_UNKNOWN

@cython.final
cdef class Outcome:
    cdef Decider _decider
    cdef long long _number, _passed_ms
    cdef readonly bytes stored
    cdef readonly long long due_ms, folded, duplicates, answered_ms, forgotten
    cdef readonly bint says_yes
    cdef readonly dict waiting, experiments
    cdef readonly list not_understood, left_out, unnamed
    cdef readonly bint is_unpublished
    cdef readonly long long stage_before, stage_after

    @cython.locals(turn=Turn, writer=StageRecords)
    cpdef list stages(self)
    @cython.locals(turn=Turn, writer=StageRecords)
    cpdef list stage_records(self)
    @cython.locals(moves=Moves, stretch=Stretch)
    cpdef str stage(self)
    cdef int _check(self) except -1

@cython.final
cdef class Decider:
    cdef readonly Program program
    cdef readonly Turn turn
    cdef readonly Records records
    cdef readonly StageRecords stage_records
    cdef readonly Stored stored
    cdef readonly Names names
    cdef readonly object former
    cdef readonly list kinds
    cdef readonly Scanner scanner
    cdef readonly long long turns, stage_before
    cdef dict _records

    cpdef Customer read(self, bytes stored)
    cpdef Turn begin(self, str customer_id, Coverage observed, Standing standing, bytes stored=*)
    cpdef Records records_for(self, str topic_prefix)
    @cython.locals(turn=Turn, plain=PlainEvent)
    cpdef Outcome decide(
        self, str customer_id, bytes stored, object events, Coverage observed, long long upto_ms, long long layout,
        Standing standing=*,
    )
    @cython.locals(
        turn=Turn, fired_ms=cython.longlong, moves=Moves, passed_ms=cython.longlong
    )
    cpdef Outcome publish_stage(
        self, str customer_id, bytes stored, Coverage observed, long long upto_ms, long long layout,
        Standing standing=*, object published=*,
    )
    @cython.locals(turn=Turn)
    cpdef Turn run_on(
        self, str customer_id, bytes stored, Coverage observed, long long upto_ms, Standing standing
    )

    cpdef list take_facts(self)
    cpdef drop_facts(self)
    cpdef long long forgotten_ms(self, bytes stored) except? 1
    @cython.locals(turn=Turn, fired_ms=cython.longlong)
    cpdef Outcome collect(
        self, str customer_id, bytes stored, Coverage observed, long long upto_ms, long long layout, Standing standing=*
    )
    @cython.locals(turn=Turn, customer=Customer, due_ms=cython.longlong)
    cdef Outcome _settled(self, long long upto_ms, long long layout)
    @cython.locals(outcome=Outcome, turn=Turn, moves=Moves)
    cdef Outcome _outcome(self, bytes stored, long long due_ms, long long upto_ms=*)
    @cython.locals(place=cython.longlong, candidate=Candidate)
    cdef int _take_words(self, Customer customer) except -1
    @cython.locals(row=Decided)
    cdef _drop(self, Candidate candidate)
