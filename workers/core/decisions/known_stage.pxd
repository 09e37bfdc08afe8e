# Types for the compiler, for `known_stage.py`.

from workers.core.decisions.carried cimport Part
from workers.core.conditions.ladder cimport ActiveLadder

cdef class KnownStage(Part):
    cdef readonly ActiveLadder ladder

    cpdef object read(self, long long at_ms)
