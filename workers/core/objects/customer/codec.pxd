# What the compiler may know of `codec.py`.

cimport cython

from workers.core.objects.customer.activity cimport Activity, Episode, soonest_of
from workers.core.objects.customer.series cimport Series, check_packed, number_at

cdef long long _ONE_BYTE, _LONGEST_NUMBER, _LARGEST, _FARTHEST_MS
cdef long long _HAS_FIRED, _HAS_DUE, _DUE_IS_A_FLIP, _HAS_ACTED, _HAS_REST, _ACTIVITY_FLAGS
cdef long long _HOLDS, _BEGAN, _ACTED, _ACTED_AT_START, _ACTED_BEFORE, _IS_OPEN, _WAITS, _STRETCHES
cdef long long _SUM, _BELOW_ZERO, _GONE, _DAY_EACH, _ONCE, _VALUES, _KEY_SHIFT

cdef class _Writer:
    cdef bytearray room
    cdef Py_ssize_t at
    cdef long long base_ms

    @cython.locals(characters=cython.p_const_char)
    cdef bytes made(self)
    cdef need(self, Py_ssize_t size)
    cdef byte(self, long long value)
    @cython.locals(room=bytearray, start=cython.Py_ssize_t, at=cython.Py_ssize_t)
    cdef number(self, long long value)
    @cython.locals(room=bytearray, at=cython.Py_ssize_t, value=cython.uchar)
    cdef put(self, bytes raw)
    cdef integer(self, long long value)
    cdef moment(self, long long at_ms)
    @cython.locals(known=list, at_ms=cython.longlong)
    cdef moments(self, object several)
    cdef block(self, bytes raw)

cdef class _Reader:
    cdef bytes raw
    cdef Py_ssize_t at
    cdef long long base_ms

    cdef long long byte(self) except? -1
    @cython.locals(at=cython.Py_ssize_t, value=cython.longlong, size=cython.longlong)
    cdef long long number(self) except? -1
    @cython.locals(value=cython.longlong)
    cdef long long integer(self) except? -1
    @cython.locals(apart=cython.longlong)
    cdef long long moment(self) except? -1
    cdef list moments(self)
    @cython.locals(raw=bytes, start=cython.Py_ssize_t, characters=cython.p_const_char)
    cdef bytes take(self, long long size)
    cdef bytes block(self)

@cython.locals(out=_Writer, flags=cython.longlong, flips=dict, rest=list, due_ms=cython.longlong, is_flip=cython.bint, has_rest=cython.bint, code=bytes)
cpdef bytes encode(Activity activity)
@cython.locals(usual=cython.longlong, flags=cython.longlong, total=cython.longlong, is_once=cython.bint, is_day_each=cython.bint)
cdef _write_series(_Writer out, str key, Series series)
@cython.locals(flags=cython.longlong, start_ms=cython.longlong, acted_ms=cython.longlong)
cdef _write_episode(_Writer out, Episode episode)
@cython.locals(layout=cython.longlong)
cpdef Activity decode(bytes raw, dict rule_ids)
@cython.locals(flags=cython.longlong, at_ms=cython.longlong, first_ms=cython.longlong, fired_ms=cython.longlong, due_ms=cython.longlong, generation=cython.longlong, seen=bytes, series=dict, episodes=dict, flips=dict, kind=cython.longlong, usual=cython.longlong, code=bytes, end=cython.Py_ssize_t)
cdef Activity _read(_Reader given, dict rule_ids)
@cython.locals(last_ms=cython.longlong, first_ms=cython.longlong, total=cython.longlong, active_days=cython.longlong, gone_day=cython.longlong, packed=bytes, number=cython.longlong)
cdef Series _series(_Reader given, long long flags)
@cython.locals(flags=cython.longlong, episode=Episode)
cdef Episode _episode(_Reader given)
