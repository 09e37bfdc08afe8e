# Types for the compiler, for `customer.py`.

cimport cython

from workers.core.customer.candidate cimport Candidate
from workers.core.customer.episode cimport Episode
from workers.core.customer.series cimport Series
from workers.core.memory cimport Numbers

cdef long long FOREVER_MS

@cython.final
cdef class Customer:
    cdef public bint is_known
    cdef public long long first_ms, at_ms, fired_ms, due_ms, generation, seen_number, waiting, settled_ms
    cdef readonly long long groups, most_conditions
    cdef readonly list series, episodes, candidates
    cdef readonly dict by_key
    cdef public dict other_series, other_episodes, latest, attributes, pairs, floors
    cdef public list acted
    cdef Numbers _flips, _seen
    cdef long long *seen
    cdef long long *flips

    @cython.locals(series=Series, episode=Episode, place=cython.longlong)
    cpdef clear(self)
    @cython.locals(series=Series)
    cpdef observe(self, object coverage)
    @cython.locals(candidate=Candidate)
    cpdef Candidate another_candidate(self)
    @cython.locals(candidate=Candidate)
    cpdef remove_candidate(self, long long place)
