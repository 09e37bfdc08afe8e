# What the compiler may know of `specs.py`; fields in their order there.

cdef class SeriesSpec:
    cdef readonly str key, type, adds
    cdef readonly object matches
    cdef readonly long long keep_days
    cdef readonly str tells_apart
    cdef readonly bint is_level
    cdef readonly str sees

cdef class PairSpec:
    cdef readonly str key, first, then, first_type, then_type
    cdef readonly object is_first, is_then
    cdef readonly bint later

cdef class EventTypeSpec:
    cdef readonly str type
    cdef readonly tuple series, pairs, attributes
