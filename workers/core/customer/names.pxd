# Types for the compiler, for `names.py`.

cimport cython

from workers.core.customer.binary cimport Reader
from workers.core.customer.customer cimport Customer
from workers.core.customer.episode cimport Episode
from workers.core.customer.series cimport Series
from workers.core.memory cimport Numbers

@cython.final
cdef class Places:
    cdef Numbers _memory
    cdef long long *table
    cdef long long mask

    cpdef long long of(self, long long number) noexcept

@cython.final
cdef class Names:
    cdef Numbers _codes, _versions
    cdef long long *codes
    cdef long long *versions
    cdef readonly Customer customer
    cdef readonly long long generation
    cdef readonly list rules, series, groups
    cdef readonly dict by_id
    cdef readonly Places by_code, by_version

    cpdef Series series_of(self, str key)
    cdef int mind_sums(self, Series series) except -1
    @cython.locals(episode=Episode)
    cdef int read_episodes(self, Reader given) except -1
    @cython.locals(episode=Episode, other=Episode)
    cpdef list asked(self)
    cpdef take_asked(self, list asked)
    @cython.locals(episode=Episode, other=Episode)
    cpdef list silent(self)
    @cython.locals(episode=Episode)
    cpdef take_silent(self, list codes)
    @cython.locals(place=cython.longlong)
    cpdef Episode episode_of(self, object code)
