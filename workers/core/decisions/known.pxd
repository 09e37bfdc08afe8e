# Types for the compiler, for `known.py`. Amounts are Python's integers.

cimport cython

from workers.core.conditions.ladder cimport ActiveLadder
from workers.core.rules.value cimport Worth

cdef long long _HUNDREDTH

cdef class Part:
    cdef readonly str key

    cpdef object read(self, long long at_ms)

@cython.final
cdef class Carried:
    cdef readonly list parts

    @cython.locals(part=Part, place=cython.Py_ssize_t, found=dict)
    cpdef dict read(self, long long at_ms)

cdef class KnownStage(Part):
    cdef readonly ActiveLadder ladder

    cpdef object read(self, long long at_ms)

cdef class KnownValue(Part):
    cdef readonly Worth worth
    cdef object _currency
    cdef str _window
    cdef list _tiers

    @cython.locals(amount=object)
    cpdef object read(self, long long at_ms)
    cpdef object tier_of(self, object amount)

@cython.locals(hundredths=object)
cpdef object as_money(object amount)
