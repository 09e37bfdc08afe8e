# Types for the compiler, for `scanner.py`.

cimport cython

from workers.core.events.fingerprint cimport Fingerprint
from workers.core.events.plain cimport PlainEvent
from workers.core.memory cimport Numbers

cdef bint _IS_COMPILED
cdef long long _DAY_MS, _DAYS_TO_1970, _NO_TIME, _MOST_DIGITS, _MOST_DIGITS_OF_FLOAT, _LARGEST_AMOUNT, _WHOLE_DIGITS
cdef long long _MAX_BODY, _MAX_ID, _MAX_TEXT, _MAX_NUMBER, _ROOM_OF_TYPE
cdef long long _EVENT_ID, _TYPE, _CUSTOMER, _OCCURRED, _AMOUNT, _CURRENCY, _ORDER, _WHAT, _REASON, _EFFECTIVE
cdef long long _HISTORY, _ATTRIBUTES, _NEEDED, _MONEY

@cython.final
cdef class Scanner:
    cdef readonly list types, fingerprints
    cdef readonly frozenset plain
    cdef readonly long long number, purchase
    cdef readonly bytes names, raw
    cdef Numbers _allowed
    cdef long long *allowed
    cdef const unsigned char *name
    cdef const unsigned char *given
    cdef readonly long long type_place, at_ms, amount, currency, history_ms
    cdef readonly long long customer_at, customer_size, event_id_at, event_id_size
    cdef long long at, end, text, size

    cpdef bint scan(self, bytes raw, long long latest_ms) except -1
    cpdef str event_type(self)
    cpdef str customer_id(self)
    cpdef str event_id(self)
    cpdef bytes event_id_bytes(self)
    cpdef bint is_of(self, bytes key) except -1
    cpdef bint takes(self, bytes raw, bytes key, long long latest_ms) except -1
    cpdef PlainEvent event(self)
    @cython.locals(by_type=Fingerprint)
    cpdef long long fingerprint(self) except *
    cpdef bint decode(self, bytes raw, long long latest_ms) except -1
    @cython.locals(seen=cython.longlong, field=cython.longlong, after=cython.int)
    cpdef bint read(self, bytes raw, long long latest_ms) except -1
    @cython.locals(money=cython.longlong)
    cdef bint _is_whole(self, long long seen, long long latest_ms) except -1
    @cython.locals(first=cython.int)
    cdef bint _value(self, long long field) except -1
    @cython.locals(character=cython.int)
    cdef int _next(self) except? -2
    @cython.locals(character=cython.int)
    cdef bint _text(self) except -1
    cdef long long _field(self) noexcept
    @cython.locals(wanted=cython.p_const_uchar, place=cython.longlong)
    cdef bint _is(self, bytes name) except -1
    @cython.locals(place=cython.longlong, at=cython.longlong, same=cython.longlong)
    cdef long long _place(self) noexcept
    cdef bint _is_id(self) except -1
    @cython.locals(place=cython.longlong, at=cython.longlong)
    cdef bint _is_currency(self) except -1
    @cython.locals(tens=cython.int, ones=cython.int)
    cdef long long _two(self, long long at) noexcept
    cdef long long _instant(self, long long at, long long size) noexcept
    cdef long long _days(self, long long year, long long month) noexcept
    @cython.locals(digit=cython.int, place=cython.longlong)
    cdef long long _thousandths(self, long long at, long long size) noexcept
    cdef bint _bare_amount(self) except -1
    @cython.locals(digit=cython.int, place=cython.longlong, value=cython.longlong)
    cdef long long _money(self, long long at, long long size, long long most_digits) noexcept
    @cython.locals(number=cython.longlong, after=cython.int)
    cdef bint _attributes(self) except -1
    @cython.locals(first=cython.int)
    cdef bint _scalar(self) except -1
    cdef long long _digits(self) noexcept
    cdef bint _is_word(self, bytes word) except -1
