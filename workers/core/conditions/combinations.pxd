# Types for the compiler, for `combinations.py`.

cimport cython

from workers.core.conditions.condition cimport Condition
from workers.core.customer.candidate cimport Evidence
from workers.core.text cimport Text

cdef long long FOREVER_MS, _MAX_STEPS
cdef int FALSE, NOT_OBSERVABLE, TRUE

@cython.final
cdef class Part:
    cdef Condition condition
    cdef Part following

cdef class Several(Condition):
    cdef readonly tuple parts
    cdef readonly int ruling
    cdef Part _cheapest

    @cython.locals(truth=cython.int, flip_ms=cython.longlong, _=cython.longlong)
    cpdef int look(self, long long at_ms) except -1
    @cython.locals(part=Condition)
    cpdef note(self, Evidence evidence, long long at_ms)
    @cython.locals(part=Condition, is_first=cython.bint)
    cpdef word(self, Text text, Evidence evidence)

cdef class All(Several):
    pass

cdef class Any(Several):
    pass

cdef class Not(Condition):
    cdef readonly Condition part

    @cython.locals(truth=cython.int)
    cpdef int look(self, long long at_ms) except -1
    cpdef note(self, Evidence evidence, long long at_ms)
    cpdef word(self, Text text, Evidence evidence)

@cython.locals(
    part=Part, truth=cython.int, ruling=cython.int, whole=cython.int, soonest_ms=cython.longlong,
    flip_ms=cython.longlong,
)
cdef int _once(Several several, long long at_ms) except -1
