# Types for the compiler, for `stored.py`.

cimport cython

from workers.core.customer.customer cimport Customer
from workers.core.customer.layout_3 cimport Layout3
from workers.core.customer.layout_4 cimport Layout4

cdef int _OLDEST, _LATEST, _LAST_LAYOUT

@cython.final
cdef class Stored:
    cdef readonly Customer customer
    cdef readonly Layout3 layout_3
    cdef readonly Layout4 layout_4

    @cython.locals(layout=cython.int)
    cpdef read(self, bytes raw)
    cpdef bytes write(self, long long layout)
