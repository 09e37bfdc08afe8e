# Types for the compiler, for `folding.py`.

cimport cython

from workers.core.customer.customer cimport Customer
from workers.core.customer.series cimport Series
from workers.core.customer.specs cimport EventTypeSpec, PairSpec, SeriesSpec
from workers.core.events.decoding cimport DecodedEvent
from workers.core.events.filters cimport scaled_number

cdef long long DAY_MS

@cython.final
cdef class SeriesFolding:
    cdef readonly Series series
    cdef readonly object matches, adds, tells_apart, sees
    cdef readonly bint is_level

    @cython.locals(fingerprint=cython.longlong, former=cython.longlong)
    cdef fold(self, DecodedEvent event, long long latest_day)

@cython.final
cdef class PairFolding:
    cdef Customer customer
    cdef PairSpec pair
    cdef Series then

    @cython.locals(pair=PairSpec, at=cython.longlong, state=list)
    cdef fold(self, DecodedEvent event)
    @cython.locals(from_ms=cython.longlong, then=Series)
    cdef long long followed_already(self, long long at_ms) except? 1

@cython.final
cdef class TypeFolding:
    cdef readonly Customer customer
    cdef readonly str type
    cdef readonly object adds
    cdef readonly bint is_plain
    cdef Series plain
    cdef list series, pairs, references
    cdef tuple attributes

    @cython.locals(plain=Series)
    cpdef fold_plain(self, long long at_ms, long long amount)
    @cython.locals(customer=Customer, plain=Series, latest_day=cython.longlong, is_newest=cython.bint, pair=PairFolding, one=SeriesFolding)
    cpdef fold(self, DecodedEvent event)

cpdef long long fingerprint_number(bytes fingerprint) except? -1
cpdef keep_latest(Customer customer, str key, object value, long long at_ms)
@cython.locals(latest=tuple, known=tuple)
cpdef keep_before(Customer customer, str before, str key, object value, long long at_ms)
cpdef object kept_value(object value)
cpdef object kept_for_templates(object value)
cdef long long _or_none(object fingerprint) except? -2
