"""Room for 64-bit numbers, compiled: see `memory.py`."""

from libc.stdlib cimport calloc, free


cdef class Numbers:
    def __cinit__(self, size):
        self.at = <long long*> calloc(max(1, size), 8)
        if self.at == NULL:
            raise MemoryError

    def __dealloc__(self):
        free(self.at)

    cdef long long *numbers(self) noexcept:
        return self.at
