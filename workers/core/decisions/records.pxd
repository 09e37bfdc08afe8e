# Types for the compiler, for `records.py`.

cimport cython

from workers.core.conditions.condition cimport Condition
from workers.core.decisions.decided cimport Decided, Decisions
from workers.core.decisions.details cimport Details
from workers.core.decisions.program cimport ActiveRule
from workers.core.decisions.published cimport PublishedRecord
from workers.core.rules.rule_set cimport Rule
from workers.core.text cimport Text, escaped

cdef int ACTIVE, HELD, RETRACTED
cdef str EXPIRY, ID, SUBJECT, TIME
cdef int _ID_SIZE
cdef bytes _PACKED_EXPIRY, _PACKED_TIME
cdef tuple _AFTER_ID, _BECAUSE, _DECISION_TYPE, _KNOWN, _STATUSES

@cython.final
cdef class RuleWords:
    cdef readonly str id, version, action, topic
    cdef readonly Condition condition
    cdef object begun
    cdef list openings
    cdef object arms, arms_of_all
    cdef bytes identity, template, share, experiment, constants, priority, packed_topic
    cdef bytes packed_headers_of_action, packed_headers_of_decision
    cdef tuple type, source

@cython.final
cdef class Records:
    cdef str _topic_prefix, _decisions_topic
    cdef list _words, _action_heads, _decision_heads
    cdef Details _details
    cdef Text _value, _frame
    cdef Py_ssize_t _time_from, _time_size, _expiry_from, _expiry_size
    cdef tuple _spec, _content_type
    cdef bytes _packed_decisions_topic

    @cython.locals(place=cython.longlong, row=Decided, words=RuleWords, key=bytes, name=bytes, action_id=bytes)
    cpdef list written(self, str customer_id, Decisions decisions)
    @cython.locals(place=cython.longlong, row=Decided, key=bytes, name=bytes)
    cpdef list contents(self, str customer_id, Decisions decisions)
    @cython.locals(rule=ActiveRule)
    cdef RuleWords _words_of(self, Decided row)
    @cython.locals(text=Text, kind=cython.longlong, id_from=cython.Py_ssize_t)
    cdef bytes _write_value(self, Decided row, RuleWords words, bytes key, bytes name)
    @cython.locals(text=Text)
    cdef int _write_rest_of_action(self, Decided row, RuleWords words, str customer_id) except -1
    @cython.locals(text=Text)
    cdef int _write_carried(self, Decided row, RuleWords words, str customer_id) except -1
    @cython.locals(text=Text)
    cdef int _write_arm(self, RuleWords words, str customer_id, bint may_be_left_out) except -1
    @cython.locals(
        frame=Text,
        kind=cython.longlong,
        is_action=cython.bint,
        value=bytes,
        event_id=bytes,
        time=bytes,
        expiry=bytes,
        record=PublishedRecord,
    )
    cdef PublishedRecord _record(
        self,
        Decided row,
        RuleWords words,
        bytes action_id,
        str customer_id,
        bytes key,
        tuple subject,
    )
    @cython.locals(frame=Text, size=cython.Py_ssize_t)
    cdef int _write_binary(self, bytes raw) except -1

cdef bytes _constants(Rule rule)
cdef bytes _reasons(object why)
