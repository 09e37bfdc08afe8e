# Types for the compiler, for `filters.py`.

cpdef object scaled_number(object value)
