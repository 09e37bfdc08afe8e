# Types for the compiler, for `attribute_types.py`.

cimport cython

from workers.core.events.decoding cimport DecodedEvent

cpdef object convert(object value, object kind)
@cython.locals(attributes=dict, changed=dict)
cpdef DecodedEvent typed(DecodedEvent event, object types, list left_out)
cpdef object date_ms_of(object value)
cdef object _number(object value)
cdef object _text(object value)
cdef object _truth(object value)
cdef object _moment(object value)
