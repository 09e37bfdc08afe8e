# Types for the compiler, for `ladder.py`.

cimport cython

from workers.core.conditions.condition cimport Condition
from workers.core.customer.customer cimport Customer
from workers.core.customer.stage cimport Stage

cdef long long DOWN, FOREVER_MS, NO_MOVE, UP, _MAX_STEPS, _UNKNOWN
cdef int FALSE, TRUE

@cython.final
cdef class Stretch:
    cdef readonly long long from_ms, until_ms, code, since_ms, from_code, direction
    cdef readonly bint is_known, by_time

@cython.final
cdef class ActiveLadder:
    cdef readonly frozenset types
    cdef readonly bint reads_tenure
    cdef readonly Customer customer
    cdef readonly Stage stage
    cdef readonly long long live_since_ms, since_generation, decided_until_ms, flip_ms
    cdef readonly list names, codes, steps
    cdef readonly dict place_of, name_of
    cdef readonly long long most_conditions
    cdef public bint is_stale
    cdef list _stretches
    cdef long long _number

    cpdef observe(self, object observed)
    @cython.locals(place=cython.longlong, flip_ms=cython.longlong, _=cython.longlong)
    cpdef long long look(self, long long at_ms) except? 1000003
    @cython.locals(condition=Condition, truth=cython.int, soonest_ms=cython.longlong, place=cython.longlong)
    cdef long long _once(self, long long at_ms) except? 1000003
    @cython.locals(stretch=Stretch, place=cython.longlong)
    cpdef str name_at(self, long long at_ms)
    cpdef Stretch at(self, long long at_ms)
    @cython.locals(first=Stretch)
    cdef bint _reaches(self, long long at_ms) except -1
    @cython.locals(stretch=Stretch, place=cython.longlong)
    cpdef Stretch first_from(self, long long at_ms)
    cpdef Stretch start(self, bint is_other)
    cpdef resume(self, long long at_ms)
    @cython.locals(stage=Stage, stretch=Stretch, is_strange=cython.bint)
    cdef Stretch _begin(self, long long at_ms, bint by_time, bint is_other)
    @cython.locals(stretch=Stretch)
    cdef Stretch _another(self, Stretch before, long long at_ms, bint is_other)
    @cython.locals(place=cython.longlong, code=cython.longlong)
    cdef _change(self, Stretch stretch, long long at_ms, bint by_time, bint is_other)
    @cython.locals(before=cython.longlong)
    cdef long long _direction(self, long long code, long long place, long long at_ms) except? 1000003
    @cython.locals(stage=Stage)
    cpdef keep(self, Stretch stretch)
    cpdef long long next_change_ms(self, long long at_ms) except? 1000003
    cpdef object name(self, long long code)
    @cython.locals(place=cython.longlong)
    cpdef object step_of(self, long long code)
