# Types for the compiler, for `filters.py`.

cpdef object scaled_number(object value)
cpdef bint is_negative(object value) except -1
