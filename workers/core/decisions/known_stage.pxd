# Types for the compiler, for `known_stage.py`.

cimport cython

from workers.core.decisions.carried cimport Part
from workers.core.conditions.ladder cimport ActiveLadder, Stretch

cdef class KnownStage(Part):
    cdef readonly ActiveLadder ladder

    @cython.locals(stretch=Stretch)
    cpdef object read(self, long long at_ms)
