# Types for the compiler, for `levels.py`.

cimport cython

from workers.core.conditions.condition cimport OfOneSeries
from workers.core.conditions.history cimport knows_ever
from workers.core.customer.candidate cimport Evidence
from workers.core.customer.days cimport Days
from workers.core.customer.series cimport Series
from workers.core.events.attribute_types cimport convert
from workers.core.events.filters cimport scaled_number
from workers.core.text cimport Text

cdef long long DAY_MS, FOREVER_MS
cdef int FALSE, NOT_OBSERVABLE, TRUE

cdef class WhetherKnown(OfOneSeries):
    cdef readonly str attribute
    cdef readonly int if_known, if_unknown

    cpdef int look(self, long long at_ms) except -1
    cpdef bint is_known(self) except -1
    cpdef note(self, Evidence evidence, long long at_ms)
    cpdef write_observed(self, Text text, Evidence evidence)

cdef class TwoReports(OfOneSeries):
    cdef readonly str attribute, before
    cdef readonly object kind

    @cython.locals(known=tuple)
    cpdef object value_of(self, str name)
    @cython.locals(known=tuple, at_ms=cython.longlong)
    cpdef bint is_certain(self) except -1

cdef class Formerly(TwoReports):
    cdef readonly object passes, passed

    @cython.locals(truth=cython.int)
    cpdef int look(self, long long at_ms) except -1
    cpdef note(self, Evidence evidence, long long at_ms)
    cpdef write_observed(self, Text text, Evidence evidence)

cdef class Share:
    cdef readonly bint is_rise
    cdef readonly object share, least

    @cython.locals(found=object, asked=object)
    cpdef int judge(self, object before, object latest) except -1

cdef class ChangedFromReport(TwoReports):
    cdef readonly Share share

    cpdef int look(self, long long at_ms) except -1
    cpdef note(self, Evidence evidence, long long at_ms)
    cpdef write_observed(self, Text text, Evidence evidence)

cdef class ChangedFromDay(OfOneSeries):
    cdef readonly Share share
    cdef readonly long long days

    @cython.locals(
        series=Series, days=Days, number=cython.longlong, is_whole=cython.bint, place=cython.longlong, now=cython.int
    )
    cpdef int look(self, long long at_ms) except -1
    cpdef long long place_at(self, long long at_ms) except? 1000003
    @cython.locals(days=Days)
    cpdef int judge(self, long long place, bint is_whole) except -1
    @cython.locals(days=Days, place=cython.longlong)
    cpdef note(self, Evidence evidence, long long at_ms)
    cpdef write_observed(self, Text text, Evidence evidence)

cpdef note_levels(Evidence evidence, long long at, long long latest, long long before)
cpdef write_levels(Text text, Evidence evidence, long long at)
