# Types for the compiler, for `details.py`.

cimport cython

from workers.core.decisions.decided cimport Decided
from workers.core.text cimport Text

cdef int _SINCE, _UNTIL, _MOMENT, _SAID, _SHARE, _EXPERIMENT

@cython.final
cdef class Details:
    cdef list _sentences

    @cython.locals(words=bytes, place=cython.int)
    cpdef word(self, Text text, Decided row, bytes share, bytes experiment)
