# Types for the compiler, for `tally.py`.

cimport cython

from workers.core.memory cimport Numbers

cdef long long _MOST, _PENDING, _ROWS

@cython.final
cdef class Tally:
    cdef readonly long long columns, pending, rows
    cdef long long room, row_room, day_before, row_before, mask, touches, touched_room
    cdef list _memory
    cdef Numbers _row_memory, _day_memory, _place_memory, _touched_memory
    cdef long long *day
    cdef long long *column
    cdef long long *number
    cdef long long *row
    cdef long long *row_day
    cdef long long *row_at
    cdef long long *touched
    cdef readonly dict notes
    cdef list noted

    cdef need(self, long long room)
    @cython.locals(memory=Numbers, moved=cython.p_longlong, place=cython.longlong)
    cdef long long *_moved(self, long long *numbers, long long room) except NULL
    @cython.locals(
        memory=Numbers, days=Numbers, places=Numbers, moved=cython.p_longlong, moved_days=cython.p_longlong,
        place=cython.longlong, row=cython.longlong,
    )
    cdef need_rows(self, long long room)
    @cython.locals(memory=Numbers, moved=cython.p_longlong, at=cython.longlong)
    cdef need_touched(self, long long room)
    @cython.locals(place=cython.longlong)
    cdef long long place_of(self, long long day) noexcept
    cpdef begin(self)
    @cython.locals(at=cython.longlong)
    cpdef count(self, long long day, long long column, long long number)
    cpdef note(self, long long day, str name, object number)
    @cython.locals(at=cython.longlong, place=cython.longlong, total=cython.longlong)
    cpdef keep(self)
    @cython.locals(place=cython.longlong)
    cdef find(self, long long day)
    @cython.locals(at=cython.longlong, row=cython.longlong)
    cpdef clear(self)
