# Types for the compiler, for `filters.py`.

cpdef object scaled_number(object found)
cpdef bint is_negative(object found) except -1
