# What the compiler may know of `actions.py`.

cimport cython

@cython.locals(name=bytes, digits=str)
cpdef str action_id(str rule_id, str customer_id, long long episode_start_ms)
cpdef object moment(long long at_ms)
