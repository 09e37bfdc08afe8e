# Types for the compiler, for `moves.py`.

cimport cython

from workers.core.customer.customer cimport Customer
from workers.core.customer.stage cimport Stage
from workers.core.conditions.condition cimport Condition
from workers.core.conditions.ladder cimport ActiveLadder, Stretch
from workers.core.decisions.known cimport Part
from workers.core.decisions.stage_records cimport StageRow

cdef long long NO_MOVE, BY_EVENT, BY_LADDER, BY_LATE_EVENT, BY_TIME, FIRST_KNOWN

@cython.final
cdef class Moves:
    cdef readonly ActiveLadder ladder
    cdef readonly Customer customer
    cdef readonly Stage stage
    cdef readonly long long place
    cdef readonly Part value
    cdef public bint is_silent
    cdef readonly Py_ssize_t number
    cdef list _rows

    cpdef begin(self)
    cpdef list rows(self)
    cpdef list moved(self)
    @cython.locals(ladder=ActiveLadder, stage=Stage, stretch=Stretch)
    cpdef pass_time(self, long long upto_ms)
    @cython.locals(stage=Stage)
    cdef bint _is_news(self, Stretch stretch) except -1
    @cython.locals(stage=Stage, from_code=cython.longlong)
    cdef _correct(self, Stretch stretch)
    cdef _publish(self, Stretch stretch, long long because)
    @cython.locals(at_ms=cython.longlong, row=StageRow)
    cdef _add(self, Stretch stretch, long long id_ms, long long from_code, long long direction, long long because)
    @cython.locals(row=StageRow)
    cdef StageRow _another(self)
    @cython.locals(ladder=ActiveLadder)
    cpdef arrive(self, long long at_ms)
    @cython.locals(ladder=ActiveLadder)
    cpdef follow(self)
    @cython.locals(published_ms=cython.longlong)
    cpdef set_time(self, long long at_ms)
    @cython.locals(flip_ms=cython.longlong)
    cpdef fire(self, long long upto_ms)
    @cython.locals(ladder=ActiveLadder, stage=Stage, is_other=cython.bint, stretch=Stretch)
    cpdef adopt(self, long long generation)
    @cython.locals(at_ms=cython.longlong)
    cpdef Stretch present(self, long long upto_ms)
    cpdef bint is_unpublished(self, long long upto_ms) except -1
    @cython.locals(stretch=Stretch)
    cpdef publish_present(self, long long upto_ms)
    @cython.locals(stretch=Stretch)
    cpdef agree(self, str name, long long since_ms)
    cpdef forget(self)
