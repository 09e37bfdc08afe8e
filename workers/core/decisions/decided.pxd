# Types for the compiler, for `decided.py`.

cimport cython

from workers.core.customer.candidate cimport Candidate, Evidence
from workers.core.decisions.program cimport ActiveRule

@cython.final
cdef class Decided:
    cdef readonly Evidence evidence
    cdef public ActiveRule rule
    cdef public long long kind, start_ms, at_ms, expires_ms, because, not_before_ms, detail, since_ms, until_ms, consented_ms
    cdef public long long rank
    cdef public str time_zone, said
    cdef public bint has_why
    cdef public dict variables, known
    cdef public object worded

    cpdef explain(self, long long detail, long long since_ms=*, long long until_ms=*)
    cpdef take(self, Candidate candidate, bint withdrawn)
    cpdef bint comes_before(self, Decided other) except -1

@cython.final
cdef class Decisions:
    cdef long long _most_conditions
    cdef list _rows
    cdef readonly long long number

    cpdef clear(self)
    cpdef list rows(self)
    cpdef forget_from(self, long long number)
    @cython.locals(row=Decided, kept=cython.longlong, place=cython.longlong)
    cpdef keep_for_order(self, bint erases)
    @cython.locals(row=Decided)
    cpdef Decided row(self, long long place)
    @cython.locals(row=Decided)
    cpdef Decided another(self, long long kind, ActiveRule rule, long long rank, long long start_ms, long long at_ms)
    @cython.locals(row=Decided, place=cython.longlong, at=cython.longlong)
    cpdef put_in_order(self, long long begun)
