# What the compiler may know of `contact_policy.py`; fields in their order there.

cdef class ContactPolicy:
    cdef readonly object policy
    cdef readonly frozenset types
    cdef readonly long long remembers_ms, most
    cdef readonly bint hides_answer, hides_zone
    cdef dict _answers

    cpdef bint is_opted_out(self, dict attributes) except -1
    cpdef object unreadable_answer(self, str event_type, dict attributes)
    cpdef object not_understood(self, dict attributes)
    cpdef object quiet_until_ms(self, long long at_ms, dict attributes)
    cpdef object reached(self, object acted, long long at_ms, dict attributes)
