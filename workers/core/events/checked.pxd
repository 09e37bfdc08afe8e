# Types for the compiler, for `checked.py`.

cpdef object checked(bytes raw, object types, long long latest_ms)
cpdef bint is_valid(object wire, long long latest_ms) except -1
