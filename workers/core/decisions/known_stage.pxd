# Types for the compiler, for `known_stage.py`.

cimport cython

from workers.core.decisions.carried cimport Part
from workers.core.conditions.ladder cimport ActiveLadder

@cython.final
cdef class KnownStage(Part):
    cdef readonly ActiveLadder ladder

    cpdef object read(self, long long at_ms)
