# Types for the compiler, for `in_stage_for.py`.

cimport cython

from workers.core.conditions.condition cimport Elementary
from workers.core.customer.candidate cimport Evidence
from workers.core.customer.customer cimport Customer
from workers.core.conditions.ladder cimport ActiveLadder, Stretch
from workers.core.text cimport Text

cdef long long FOREVER_MS, NO_MOVE
cdef int FALSE, NOT_OBSERVABLE, TRUE

cdef class Stays(Elementary):
    cdef readonly ActiveLadder ladder
    cdef readonly long long for_ms

    @cython.locals(stretch=Stretch, truth=cython.int, next_ms=cython.longlong, enough_ms=cython.longlong)
    cpdef int look(self, long long at_ms) except -1
    @cython.locals(customer=Customer)
    cpdef int truth_in(self, Stretch stretch, long long at_ms) except -1
    @cython.locals(stretch=Stretch)
    cpdef note(self, Evidence evidence, long long at_ms)
    cpdef write_observed(self, Text text, Evidence evidence)
