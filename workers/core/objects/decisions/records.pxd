# What the compiler may know of `records.py`.

from schemas.actions cimport action_id, moment
from workers.core.objects.customer.activity cimport Activity
from workers.core.rules.rule_set cimport Rule

cpdef object action_of(
    Rule rule, str customer_id, object candidate, object not_before_ms, object time_zone
)
cpdef object retraction_of(
    Rule rule, str customer_id, long long started_ms, long long expires_ms, long long at_ms, object because, object why
)
cpdef object withdrawal_of(Rule rule, str customer_id, object candidate)
cpdef object suppressed(Rule rule, str customer_id, long long start_ms, object decision, str detail)
cpdef dict variables_of(Rule rule, Activity activity)
