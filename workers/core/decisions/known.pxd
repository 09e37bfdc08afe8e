# Types for the compiler, for `known.py`. Amounts are Python's integers.

cimport cython

from workers.core.conditions.ladder cimport ActiveLadder, Stretch
from workers.core.decisions.carried cimport Part
from workers.core.rules.value cimport Worth

cdef class KnownStage(Part):
    cdef readonly ActiveLadder ladder

    @cython.locals(stretch=Stretch)
    cpdef object read(self, long long at_ms)

cdef class KnownValue(Part):
    cdef readonly Worth worth
    cdef object _currency
    cdef str _window
    cdef list _tiers

    cpdef object read(self, long long at_ms)
    cpdef object tier_of(self, object amount)
