# Types for the compiler, for `ladder_condition.py`.

cimport cython

from workers.core.conditions.condition cimport Elementary
from workers.core.conditions.ladder cimport ActiveLadder, Stretch

cdef long long FOREVER_MS
cdef int NOT_OBSERVABLE

cdef class LadderCondition(Elementary):
    cdef readonly ActiveLadder ladder
    cdef readonly long long turns_after_ms

    @cython.locals(stretch=Stretch, truth=cython.int, next_ms=cython.longlong, turn_ms=cython.longlong)
    cpdef int look(self, long long at_ms) except -1
    cpdef int truth_in(self, Stretch stretch, long long at_ms) except -1
