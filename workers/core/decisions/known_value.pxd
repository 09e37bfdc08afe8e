# Types for the compiler, for `known_value.py`. Amounts are Python's integers.

cimport cython

from workers.core.decisions.carried cimport Part
from workers.core.rules.value cimport Worth

cdef long long _HUNDREDTH

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
