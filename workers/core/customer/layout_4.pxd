# Types for the compiler, for `layout_4.py`. What it does not find by itself: what is true or false becomes an object.

cimport cython

from workers.core.customer.binary cimport Reader, Writer, from_zigzag, within, zigzag
from workers.core.customer.candidate cimport Candidate, Evidence
from workers.core.customer.customer cimport Customer
from workers.core.customer.episode cimport Episode
from workers.core.customer.names cimport Names, Places
from workers.core.customer.series cimport Series
from workers.core.customer.stage cimport Stage

cdef long long DAY_MS, FOREVER_MS, FARTHEST_MS, RING, FINGERPRINT_BYTES, MAX_STORED, _VERSION_BYTES, _HASH_BYTES
cdef long long _HAS_FIRED, _HAS_DUE, _HAS_FLIPS, _HAS_EPISODES, _HAS_ACTED, _HAS_CANDIDATES, _HAS_REST, _HAS_STAGE, _CUSTOMER_FLAGS
cdef long long _BY_KEY, _OF_SOME, _OF_OTHERS, _NAMED, _WHOLE, _ONCE, _SUMS, _GONE, _DAY_EACH, _VALUES, _FINE, _SERIES_FLAGS
cdef long long _IN_WORDS, _IS_WITHDRAWN, _IS_DOUBTED, _HAS_MORE, _CANDIDATE_FLAGS, _LAST_BECAUSE
cdef long long _FARTHEST_DAY, _HUNDRED, _MOST_HUNDREDS, _MOMENTLIKE, _MOST_EVIDENCE, _ANY_EVIDENCE

@cython.final
cdef class Key:
    cdef readonly Series series
    cdef readonly long long named, hash
    cdef readonly bytes name

@cython.final
cdef class Layout4:
    cdef Names names
    cdef Customer customer
    cdef Reader reader
    cdef Writer writer
    cdef list usual, keys, of_some
    cdef object rest
    cdef dict seen
    cdef Places by_hash

    cpdef read(self, bytes raw)
    @cython.locals(is_ours=cython.bint)
    cdef int read_flips(self) except -1
    cdef int read_series(self) except -1
    @cython.locals(usual=Series, key=Key)
    cdef Series named_series(self, long long named)
    @cython.locals(is_whole=cython.bint, is_fine=cython.bint, has_sums=cython.bint)
    cdef int read_days(self, Series series, long long flags) except -1
    cdef int read_values(self, Series series) except -1
    cdef int read_candidate(self, Candidate candidate) except -1
    cdef int read_numbers(self, Candidate candidate, long long flags) except -1
    cdef int read_evidence(self, Evidence evidence) except -1

    cpdef bytes write(self)
    cdef long long write_flips(self) except? 1000003
    @cython.locals(key=Key, series=Series)
    cdef int write_all_series(self) except -1
    cdef int write_series(self, Key key, Series series) except -1
    @cython.locals(follows=cython.bint)
    cdef long long kind_of_days(self, Series series) except? 1000003
    @cython.locals(episode=Episode)
    cdef bint write_episodes(self) except -1
    @cython.locals(version=cython.longlong)
    cdef int write_candidate(self, Candidate candidate) except -1
    cdef int write_evidence(self, Evidence evidence) except -1
    @cython.locals(candidate=Candidate)
    cdef list rare_fields(self)

cdef bint _has_more(Candidate candidate) except -1
