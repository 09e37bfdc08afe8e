# What the compiler may know of `activity.py`; fields in their order there.

cimport cython

from workers.core.events.decoding cimport DecodedEvent
from workers.core.events.filters cimport scaled_number
from workers.core.customer.specs cimport EventTypeSpec, PairSpec, SeriesSpec
from workers.core.objects.customer.series cimport Series

cdef long long DAY_MS, FOREVER_MS

cdef class Episode:
    cdef public long long start_ms
    cdef public bint holding
    cdef public long long acted_ms, before_ms, open_until_ms, pending_ms, true_since_ms
    cdef public object held, stood

cdef class Activity:
    cdef public long long first_ms, at_ms, fired_ms, due_ms
    cdef public bytes seen
    cdef public dict series, episodes, latest
    cdef public long long generation
    cdef public dict flips
    cdef public list candidates, acted
    cdef public dict attributes, pairs, floors

    @cython.locals(episode=Episode)
    cpdef Episode episode_of(self, str rule_id)
    cpdef bint has_seen(self, bytes fingerprint) except -1
    @cython.locals(facts=Series, least=cython.longlong, most=cython.longlong, total=cython.longlong)
    cpdef bint has(self, tuple required) except -1
    @cython.locals(floors=dict, known_ms=cython.longlong, floor_ms=cython.longlong, own_ms=cython.longlong)
    cpdef long long floor_ms(self, frozenset types, bint by_tenure) except? -1

cdef Py_ssize_t FINGERPRINT_BYTES, _RING_BYTES

@cython.locals(seen=bytes, over=cython.Py_ssize_t)
cpdef remember(Activity activity, bytes fingerprint)
@cython.locals(floors=dict)
cpdef note_history(Activity activity, str event_type, long long until_ms, bint is_first)
@cython.locals(flip_ms=cython.longlong, soonest_ms=cython.longlong)
cpdef long long soonest_of(dict flips) except? -1
@cython.locals(series=dict, attributes=dict, pair=PairSpec, one=SeriesSpec, known=Series)
cpdef fold_facts(Activity activity, DecodedEvent fact, EventTypeSpec plan)
cpdef keep_latest(Activity activity, str key, object value, long long at_ms)
@cython.locals(at=cython.longlong, day=cython.longlong, days=list, stale=cython.longlong)
cdef _add(Series series, DecodedEvent fact, SeriesSpec plan, long long oldest)
cdef _tell_apart(Series series, object value, long long day)
cdef _fold_pair(Activity activity, DecodedEvent fact, PairSpec pair)
