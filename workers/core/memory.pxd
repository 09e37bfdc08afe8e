# Types for the compiler, for `memory.pyx`.

cimport cython

@cython.final
cdef class Numbers:
    cdef long long *at
    cdef long long *numbers(self) noexcept

@cython.final
cdef class Characters:
    cdef unsigned char *at
    cdef unsigned char *characters(self) noexcept
    cdef int grow(self, Py_ssize_t size) except -1
    cdef void put(self, Py_ssize_t at, bytes raw) noexcept
    cdef void put_again(self, Py_ssize_t at, Py_ssize_t from_, Py_ssize_t size) noexcept
    cdef bytes made(self, Py_ssize_t from_, Py_ssize_t size)
