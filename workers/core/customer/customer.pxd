# Types for the compiler, for `customer.py`.

cimport cython

from workers.core.customer.candidate cimport Candidate
from workers.core.customer.episode cimport Episode
from workers.core.customer.series cimport Series
from workers.core.memory cimport Numbers

cdef long long FOREVER_MS, _MANY_DAYS, _MAX_DAYS

@cython.final
cdef class Customer:
    cdef public bint is_known, flips_known
    cdef public long long first_ms, at_ms, fired_ms, due_ms, generation, seen_number, waiting, settled_ms
    cdef readonly long long groups, most_conditions
    cdef readonly list series, episodes, candidates
    cdef readonly dict by_key
    cdef readonly Episode first_listed, last_listed
    cdef public dict other_series, other_episodes, latest, attributes, pairs, floors, named_flips
    cdef public list acted
    cdef Numbers _flips, _seen
    cdef long long *seen
    cdef long long *flips

    @cython.locals(series=Series, episode=Episode, place=cython.longlong)
    cpdef clear(self)
    @cython.locals(series=Series)
    cpdef observe(self, object coverage)
    @cython.locals(before=Episode, following=Episode)
    cpdef add_episode(self, Episode episode)
    @cython.locals(episode=Episode)
    cpdef Episode other_episode(self, object code)
    @cython.locals(candidate=Candidate)
    cpdef Candidate another_candidate(self)
    @cython.locals(candidate=Candidate, at=cython.longlong)
    cpdef remove_candidate(self, long long place)
    @cython.locals(place=cython.longlong)
    cpdef list read_seen(self)
    @cython.locals(place=cython.longlong)
    cpdef list read_flips(self)
    cpdef set_flip(self, long long group, long long flip_ms)
    @cython.locals(place=cython.longlong)
    cpdef bint has_seen(self, long long fingerprint) noexcept
    @cython.locals(place=cython.longlong)
    cpdef remember(self, long long fingerprint)
    cpdef note_history(self, str event_type, long long until_ms, bint is_first)
    @cython.locals(known_ms=cython.longlong, floor_ms=cython.longlong, own_ms=cython.longlong)
    cpdef long long floor_ms(self, object types, bint by_tenure) except? 1
    @cython.locals(series=Series)
    cpdef bint has_any(self, str key) except -1
    cdef mind_days(self, Series series)
    @cython.locals(number=cython.longlong, longest=Series, series=Series)
    cpdef forget_oldest(self)

cdef bint _gives_way(Series series, Series longest) except -1
