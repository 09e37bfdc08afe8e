"""Room for 64-bit numbers and for bytes, compiled: see `memory.py`."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.stdlib cimport calloc, free, realloc
from libc.string cimport memcpy


cdef class Numbers:
    def __cinit__(self, size):
        self.at = <long long*> calloc(max(1, size), 8)
        if self.at == NULL:
            raise MemoryError

    def __dealloc__(self):
        free(self.at)

    cdef long long *numbers(self) noexcept:
        return self.at


cdef class Characters:
    def __cinit__(self, size):
        self.at = <unsigned char*> calloc(max(1, size), 1)
        if self.at == NULL:
            raise MemoryError

    def __dealloc__(self):
        free(self.at)

    cdef unsigned char *characters(self) noexcept:
        return self.at

    cdef int grow(self, Py_ssize_t size) except -1:
        cdef unsigned char *grown = <unsigned char*> realloc(self.at, size)
        if grown == NULL:
            raise MemoryError
        self.at = grown
        return 0

    cdef void put(self, Py_ssize_t at, bytes raw) noexcept:
        memcpy(self.at + at, PyBytes_AS_STRING(raw), PyBytes_GET_SIZE(raw))

    cdef void put_again(self, Py_ssize_t at, Py_ssize_t from_, Py_ssize_t size) noexcept:
        memcpy(self.at + at, self.at + from_, size)

    cdef bytes made(self, Py_ssize_t from_, Py_ssize_t size):
        return PyBytes_FromStringAndSize(<char*> self.at + from_, size)
