# Types for the compiler, for `carried.py`.

cimport cython

from workers.core.conditions.ladder cimport ActiveLadder

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
