# Types for the compiler, for `memory.pyx`.

cimport cython

@cython.final
cdef class Numbers:
    cdef long long *at
    cdef long long *numbers(self) noexcept
