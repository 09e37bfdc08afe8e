# Types for the compiler, for `in_stage_for.py`.

cimport cython

from workers.core.customer.candidate cimport Evidence
from workers.core.customer.customer cimport Customer
from workers.core.conditions.ladder cimport Stretch
from workers.core.conditions.ladder_condition cimport LadderCondition
from workers.core.text cimport Text

cdef long long NO_MOVE
cdef int FALSE, NOT_OBSERVABLE, TRUE

cdef class Stays(LadderCondition):
    @cython.locals(customer=Customer)
    cpdef int truth_in(self, Stretch stretch, long long at_ms) except -1
    @cython.locals(stretch=Stretch)
    cpdef note(self, Evidence evidence, long long at_ms)
    cpdef write_observed(self, Text text, Evidence evidence)
