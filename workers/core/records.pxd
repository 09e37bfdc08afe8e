# What the compiler may know of `records.py`.

from workers.core.ruleset cimport Rule

cpdef object action_of(
    Rule rule, str customer_id, object candidate, object not_before_ms, object time_zone
)
