# Types for the compiler, for `outcomes.py`.

cimport cython

from workers.core.customer.candidate cimport Candidate
from workers.core.customer.customer cimport Customer
from workers.core.decisions.program cimport ActiveRule, EventType, Program
from workers.core.events.decoding cimport DecodedEvent

@cython.final
cdef class Watch:
    cdef readonly str key
    cdef readonly long long within_ms
    cdef readonly object matches
    cdef readonly frozenset rules
    cdef readonly dict rates

    @cython.locals(brought=object)
    cdef long long counted(self, long long amount, long long currency) except? 1000003

@cython.final
cdef class Outcomes:
    cdef readonly Customer customer
    cdef readonly dict experiments, own, watches
    cdef readonly object of_all
    cdef readonly dict counts
    cdef readonly str customer_id

    cpdef begin(self, str customer_id)
    cpdef adopt(self)
    cpdef tuple division(self, ActiveRule rule)
    cpdef bint is_left_out(self, ActiveRule rule) except -1
    cpdef enter(self, ActiveRule rule, Candidate candidate)
    cdef enter_one(self, object experiment, str arm, Candidate candidate)
    cdef count(self, object experiment, tuple entry, long long times)
    @cython.locals(watch=Watch, currency=cython.longlong)
    cpdef fold(self, EventType kind, DecodedEvent event)
    @cython.locals(watch=Watch)
    cpdef fold_plain(self, EventType kind, long long at_ms, long long amount, long long currency)
    @cython.locals(candidate=Candidate, place=cython.longlong)
    cdef succeed(self, Watch watch, long long at_ms, long long amount)
    cdef add(self, str name, long long number)

cdef long long MAX_STORED

cdef str _cohort(str key, tuple entry)
cdef object _money(long long brought, object cap)
cdef long long _within_bounds(long long amount) except? 1000003
