# Types for the compiler, for `decoding.py`.

cimport cython

cdef class DecodedEvent:
    cdef public str event_id, type, customer_id
    cdef public long long at_ms
    cdef public dict attributes
    cdef public long long history_ms

    cpdef bytes fingerprint(self)
    cpdef bytes fingerprint_of_0_1(self)

@cython.locals(value=cython.longlong, place=cython.int, number=cython.longlong)
cpdef long long number_of(bytes fingerprint) except? -2
cpdef DecodedEvent decode_event(bytes raw, object declared=*)
cpdef DecodedEvent event_of(object wire, long long at_ms)
cpdef bint is_id(str text) except -1
cpdef long long plausible_ms(object moment) except? -2
cpdef long long epoch_ms(object moment) except? -1
