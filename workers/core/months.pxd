# Types for the compiler, for `months.py`.

cimport cython

cdef long long DAY_MS, _LONGEST_DAYS

cpdef long long month_at(long long at_ms) except? -1
@cython.locals(day=cython.longlong, first=cython.longlong)
cpdef long long month_from(long long at_ms) except? -1
@cython.locals(
    day=cython.longlong, era=cython.longlong, of_era=cython.longlong, year=cython.longlong, of_year=cython.longlong
)
cpdef long long month_number(long long at_ms) except? -1
@cython.locals(of_era=cython.longlong, year=cython.longlong, of_year=cython.longlong, month=cython.longlong)
cdef long long _first_day(long long day) except? -1
