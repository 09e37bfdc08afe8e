# Types for the compiler, for `days.py`.

cimport cython

from workers.core.memory cimport Numbers

cdef long long _FIRST_ROOM, _MANY, MAX_STORED

@cython.final
cdef class Days:
    cdef list _memory
    cdef public long long number
    cdef readonly long long room
    cdef long long *day
    cdef long long *count
    cdef long long *sum

    @cython.locals(memory=Numbers)
    cpdef need(self, long long number)
    @cython.locals(memory=Numbers, moved=cython.p_longlong, place=cython.longlong)
    cdef long long *_moved(self, long long *column, long long room) except NULL
    @cython.locals(place=cython.longlong)
    cpdef list read(self)
    @cython.locals(column=cython.p_longlong, part=cython.longlong, total=object)
    cpdef object sum_from(self, long long place)
    @cython.locals(low=cython.longlong, high=cython.longlong, middle=cython.longlong)
    cpdef long long first_from(self, long long day) noexcept
    @cython.locals(place=cython.longlong)
    cpdef bint has(self, long long day) noexcept
    @cython.locals(place=cython.longlong)
    cpdef add(self, long long day, long long amount)
    @cython.locals(at=cython.longlong)
    cpdef insert(self, long long place, long long day, long long count, long long total)
    @cython.locals(at=cython.longlong)
    cpdef remove(self, long long place, long long number)

cpdef long long bounded(long long total) noexcept
