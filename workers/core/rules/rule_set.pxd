# What the compiler may know of `rule_set.py`; fields in their order there.

from workers.core.rules.contact_policy cimport ContactPolicy

cdef class Rule:
    cdef readonly str id, version
    cdef readonly object identity
    cdef readonly str action
    cdef readonly bint shadow, paused
    cdef readonly object when
    cdef readonly str template
    cdef readonly dict variables
    cdef readonly str channel, locale
    cdef readonly dict labels
    cdef readonly object again_after_ms
    cdef readonly long long expires_after_ms, for_ms
    cdef readonly frozenset types, can_turn_false
    cdef readonly long long priority
    cdef readonly tuple instead_of
    cdef readonly object hold_out, pace
    cdef readonly bint includes_existing, takes_back
    cdef readonly str audience_hash
    cdef readonly tuple requires
    cdef readonly str group
    cdef readonly frozenset needed_to_decide, needed_to_admit
    cdef readonly long long conflict_group, rank
    cdef readonly tuple yields_to
    cdef readonly bint reads_tenure, by_value
    cdef readonly long long since_generation, live_since_ms, again_every_ms, most_times
    cdef readonly str whom
    cdef readonly object programme

cdef class RuleSet:
    cdef readonly tuple rules
    cdef readonly str hash
    cdef readonly ContactPolicy contact_policy
    cdef readonly dict facts, groups, requires
    cdef readonly tuple returns
    cdef readonly frozenset signs_of_life
    cdef readonly dict references
    cdef readonly object collected
    cdef readonly frozenset declared
    cdef readonly dict attribute_types, kept_raw
    cdef readonly dict by_id
    cdef readonly object brake
    cdef readonly long long generation, meaning_generation, meaning_since_ms, forget_after_ms
    cdef readonly object ladder, value, meant, former
    cdef readonly dict contents
    cdef readonly tuple experiments
    cdef readonly list deciders
