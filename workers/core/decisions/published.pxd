# Types for the compiler, for `published.py`.

cimport cython

@cython.final
cdef class PublishedRecord:
    cdef public str topic
    cdef public bytes key, value
    cdef public tuple headers
    cdef public bytes stored
    cdef public str action_id, rule, version, action, customer_id, status
    cdef public long long decided_ms, expires_ms
