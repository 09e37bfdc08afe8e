# Types for the compiler, for `moved.py`.

cimport cython

from workers.core.customer.candidate cimport Evidence
from workers.core.conditions.ladder cimport Stretch
from workers.core.conditions.ladder_condition cimport LadderCondition
from workers.core.text cimport Text

cdef long long NO_MOVE
cdef int FALSE, NOT_OBSERVABLE, TRUE

cdef class CameByMove(LadderCondition):
    cdef readonly long long direction
    cdef readonly frozenset origins

    cpdef int truth_in(self, Stretch stretch, long long at_ms) except -1
    @cython.locals(stretch=Stretch)
    cpdef note(self, Evidence evidence, long long at_ms)
    cpdef write_observed(self, Text text, Evidence evidence)
