# Types for the compiler, for `stage.py`.

cimport cython

from workers.core.conditions.condition cimport Elementary
from workers.core.customer.candidate cimport Evidence
from workers.core.conditions.ladder cimport ActiveLadder, Stretch
from workers.core.text cimport Text

cdef long long FOREVER_MS
cdef int FALSE, NOT_OBSERVABLE, TRUE

cdef class OnStage(Elementary):
    cdef readonly ActiveLadder ladder
    cdef readonly frozenset codes

    @cython.locals(stretch=Stretch, truth=cython.int, flip_ms=cython.longlong)
    cpdef int look(self, long long at_ms) except -1
    cpdef int truth_in(self, Stretch stretch) except -1
    @cython.locals(stretch=Stretch)
    cpdef note(self, Evidence evidence, long long at_ms)
    cpdef write_observed(self, Text text, Evidence evidence)
