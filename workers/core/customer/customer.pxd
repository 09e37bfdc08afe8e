# Types for the compiler, for `customer.py`.

cimport cython

from workers.core.customer.candidate cimport Candidate
from workers.core.customer.episode cimport Episode
from workers.core.customer.series cimport Series
from workers.core.customer.stage cimport Stage
from workers.core.memory cimport Numbers
from workers.core.months cimport month_at, month_from

cdef long long FOREVER_MS, _MANY_DAYS, _MAX_DAYS

@cython.final
cdef class Customer:
    cdef public bint is_known, flips_known, repeats, is_left_out
    cdef public long long first_ms, at_ms, fired_ms, due_ms, generation, seen_number, waiting, settled_ms
    cdef public long long earliest_ms, forget_after_ms
    cdef readonly list signs
    cdef readonly Stage stage
    cdef readonly long long groups, most_conditions
    cdef readonly list series, episodes, candidates
    cdef readonly dict by_key
    cdef readonly Episode first_listed, last_listed
    cdef public dict other_series, other_episodes, latest, attributes, pairs, floors, named_flips, experiments
    cdef public list acted
    cdef Numbers _flips, _seen
    cdef long long *seen
    cdef long long *flips

    @cython.locals(series=Series, episode=Episode, place=cython.longlong)
    cpdef clear(self)
    @cython.locals(series=Series)
    cpdef observe(self, object coverage)
    @cython.locals(series=Series)
    cpdef forget_after(self, long long after_ms, object signs)
    @cython.locals(last_ms=cython.longlong, from_ms=cython.longlong, series=Series, episode=Episode, other=Episode)
    cpdef long long forgotten_ms(self, long long clock_ms) except? 1
    cpdef bint may_be_back(self) except -1
    @cython.locals(latest_ms=cython.longlong)
    cpdef long long forgotten_until(self, Series series) except? 1
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
