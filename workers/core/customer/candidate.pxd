# Types for the compiler, for `candidate.py`.

cimport cython

from workers.core.memory cimport Numbers


@cython.final
cdef class Evidence:
    cdef readonly long long size
    cdef Numbers _memory
    cdef long long *numbers
    cdef public dict values

    @cython.locals(place=cython.longlong)
    cpdef clear(self)
    @cython.locals(memory=Numbers)
    cpdef need(self, long long size)
    @cython.locals(place=cython.longlong)
    cpdef list read(self)
    @cython.locals(place=cython.longlong)
    cpdef widen(self, long long size)
    @cython.locals(place=cython.Py_ssize_t)
    cpdef fill(self, list numbers)
    cpdef keep(self, long long place, object value)
    @cython.locals(place=cython.longlong)
    cpdef take(self, Evidence other)

@cython.final
cdef class Candidate:
    cdef public long long rule, start_ms, withdrawn_ms, doubted_ms, because
    cdef readonly Evidence evidence, evidence_back
    cdef public dict variables, known, tally
    cdef public object worded
    cdef public str former

    cpdef clear(self)
