# Types for the compiler, for `moves.py`.

cimport cython

from workers.core.customer.customer cimport Customer
from workers.core.customer.stage cimport Stage
from workers.core.conditions.ladder cimport ActiveLadder, Stretch

cdef long long NO_MOVE

cdef class Moves:
    cdef readonly ActiveLadder ladder
    cdef readonly Customer customer
    cdef readonly Stage stage
    cdef readonly long long place
    cdef readonly object value
    cdef readonly str customer_id
    cdef public bint is_silent
    cdef public list records

    cpdef begin(self, str customer_id)
    @cython.locals(ladder=ActiveLadder, stage=Stage, stretch=Stretch)
    cpdef pass_time(self, long long upto_ms)
    @cython.locals(stage=Stage)
    cdef bint _is_news(self, Stretch stretch) except -1
    cdef _correct(self, Stretch stretch)
    cdef _publish(self, Stretch stretch, str because)
    cdef _add(self, Stretch stretch, long long id_ms, object came_from, long long direction, str because)
    @cython.locals(ladder=ActiveLadder)
    cpdef arrive(self, long long at_ms)
    @cython.locals(ladder=ActiveLadder)
    cpdef follow(self)
    @cython.locals(told_ms=cython.longlong)
    cpdef set_time(self, long long at_ms)
    cpdef fire(self, long long upto_ms)
    @cython.locals(ladder=ActiveLadder, stage=Stage, is_other=cython.bint, stretch=Stretch)
    cpdef adopt(self, long long generation)
    cpdef Stretch present(self, long long upto_ms)
    cpdef bint is_untold(self, long long upto_ms) except -1
    @cython.locals(stretch=Stretch)
    cpdef publish_present(self, long long upto_ms)
    @cython.locals(stretch=Stretch)
    cpdef agree(self, str name, long long since_ms)
    cpdef forget(self)
