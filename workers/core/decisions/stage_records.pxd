# Types for the compiler, for `stage_records.py`.

cimport cython

from workers.core.conditions.condition cimport Condition
from workers.core.customer.candidate cimport Evidence
from workers.core.text cimport Text, escaped

cdef str ID, SUBJECT, TIME
cdef Py_ssize_t _ID_SIZE
cdef tuple _CAUSED, _MOVED, _SOURCE, _TYPE

@cython.final
cdef class StageRow:
    cdef public long long code, since_ms, id_ms, from_code, direction, because
    cdef public Condition step
    cdef readonly Evidence evidence
    cdef public object value

@cython.final
cdef class StageContent:
    cdef public bytes value
    cdef public tuple headers

@cython.final
cdef class StageWords:
    cdef bytes came_from, name, named

@cython.final
cdef class StageRecords:
    cdef dict _words
    cdef Text _text
    cdef tuple _content_type, _spec

    @cython.locals(row=StageRow, content=StageContent, key=bytes, name=bytes)
    cpdef list written(self, str customer_id, list rows)
    cpdef list contents(self, str customer_id, list rows)
    @cython.locals(
        text=Text, words=StageWords, came_from=StageWords, step=Condition, id_from=cython.Py_ssize_t,
        time_from=cython.Py_ssize_t, time_size=cython.Py_ssize_t,
    )
    cdef int _write(self, StageContent content, StageRow row, bytes key, bytes name, tuple subject) except -1
