# Types for the compiler, for `layout_4.py`.

cimport cython

from workers.core.customer.binary cimport Reader, Writer
from workers.core.customer.candidate cimport Candidate, Evidence
from workers.core.customer.customer cimport Customer
from workers.core.customer.days cimport Days
from workers.core.customer.episode cimport Episode
from workers.core.customer.layout_3 cimport counted, flags_of, near
from workers.core.customer.names cimport Names, Places
from workers.core.customer.series cimport Series
from workers.core.memory cimport Numbers

cdef long long DAY_MS, FOREVER_MS, RING, CODE_BYTES, FINGERPRINT_BYTES, _VERSION_BYTES
cdef long long _HAS_FIRED, _HAS_DUE, _HAS_FLIPS, _HAS_EPISODES, _HAS_ACTED, _HAS_CANDIDATES, _HAS_REST, _CUSTOMER_FLAGS
cdef long long _BY_KEY, _OF_SOME, _OF_OTHERS, _NAMED, _WHOLE, _ONCE, _SUMS, _GONE, _DAY_EACH, _VALUES, _FINE, _SERIES_FLAGS
cdef long long HOLDS, BEGAN, ACTED, ACTED_AT_START, ACTED_BEFORE, IS_OPEN, WAITS, STRETCHES, _IS_PENDING, _IS_TRUE
cdef long long _ONE, _MANY, _TWO_END
cdef long long _IN_WORDS, _IS_WITHDRAWN, _IS_DOUBTED, _HAS_MORE, _CANDIDATE_FLAGS
cdef long long _TIMES, _TIME_BITS, _TIME_BYTES, _FARTHEST_DAY, _FARTHEST_APART, _FARTHEST_MS
cdef long long _HUNDRED, _MAX_SUM, _MAX_HUNDREDS, _HASH_BYTES, _MOMENTLIKE, _MOST_EVIDENCE, _ANY_EVIDENCE

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
    cdef Places by_hash
    cdef Numbers _memory
    cdef long long *times
    cdef long long known_times, next_time, at_day
    cdef tuple words, details

    @cython.locals(given=Reader, customer=Customer, flags=cython.longlong, number=cython.longlong, place=cython.longlong)
    cpdef read(self, bytes raw)
    cdef int begin(self, long long at_ms) except -1
    cdef int note_time(self, long long time_ms) except -1
    @cython.locals(number=cython.longlong, place=cython.longlong, apart=cython.longlong, day=cython.longlong, time_ms=cython.longlong)
    cdef long long moment(self) except? 1000003
    cdef list moments(self)
    @cython.locals(
        given=Reader, customer=Customer, groups=cython.longlong, mask=cython.longlong, is_ours=cython.bint,
        soonest_ms=cython.longlong, group=cython.longlong, flip_ms=cython.longlong,
    )
    cdef int read_flips(self) except -1
    @cython.locals(given=Reader, flags=cython.longlong, series=Series, times=cython.longlong)
    cdef int read_series(self) except -1
    cdef int mind_sums(self, Series series) except -1
    @cython.locals(usual=Series, number=cython.longlong, place=cython.longlong, key=Key)
    cdef Series named_series(self, long long named)
    cdef str text(self)
    @cython.locals(customer=Customer, series=Series)
    cdef Series series_of(self, str key)
    @cython.locals(
        given=Reader, days=Days, number=cython.longlong, day=cython.longlong, total=cython.longlong,
        total_sum=cython.longlong, amount=cython.longlong, most=cython.longlong, place=cython.longlong,
        step=cython.longlong, count=cython.longlong, column=cython.p_longlong, counts=cython.p_longlong,
        sums=cython.p_longlong, has_sums=cython.bint, is_whole=cython.bint,
    )
    cdef int read_days(self, Series series, long long flags, long long times) except -1
    @cython.locals(given=Reader, values=Days, number=cython.longlong, day=cython.longlong, place=cython.longlong)
    cdef int read_values(self, Series series) except -1
    @cython.locals(
        given=Reader, customer=Customer, code=cython.longlong, place=cython.longlong, episode=Episode,
        flags=cython.longlong, waits=cython.longlong,
    )
    cdef int read_episode(self) except -1
    @cython.locals(given=Reader, candidate=Candidate, flags=cython.longlong, version=cython.longlong)
    cdef read_candidate(self)
    @cython.locals(
        given=Reader, at_ms=cython.longlong, number=cython.longlong, place=cython.longlong, value=cython.longlong,
        apart=cython.longlong,
    )
    cdef int read_evidence(self, Evidence evidence) except -1
    @cython.locals(customer=Customer)
    cdef read_rest(self, object rest)

    @cython.locals(
        out=Writer, customer=Customer, names=Names, has_flips=cython.bint, soonest_ms=cython.longlong,
        group=cython.longlong, flags=cython.longlong, place=cython.longlong, raw=bytes,
    )
    cpdef bytes write(self)
    @cython.locals(
        day=cython.longlong, time_ms=cython.longlong, apart=cython.longlong, place=cython.longlong,
        times=cython.p_longlong, known=cython.longlong,
    )
    cdef int put_moment(self, long long at_ms) except -1
    @cython.locals(at_ms=cython.longlong)
    cdef int put_moments(self, list several) except -1
    @cython.locals(
        out=Writer, customer=Customer, first=cython.longlong, end=cython.longlong, mask=cython.longlong,
        group=cython.longlong,
    )
    cdef int write_flips(self) except -1
    @cython.locals(number=cython.longlong, key=Key, series=Series)
    cdef int write_all_series(self) except -1
    @cython.locals(
        out=Writer, days=Days, values=Days, flags=cython.longlong, times=cython.longlong, day=cython.longlong,
        place=cython.longlong, step=cython.longlong, count=cython.longlong, column=cython.p_longlong,
        counts=cython.p_longlong, sums=cython.p_longlong,
    )
    cdef int write_series(self, Key key, Series series) except -1
    @cython.locals(
        days=Days, has_sum=cython.bint, flags=cython.longlong, total=cython.longlong, total_sum=cython.longlong,
        follows=cython.bint, place=cython.longlong, amount=cython.longlong, column=cython.p_longlong,
    )
    cdef long long kind_of_days(self, Series series) except? 1000003
    @cython.locals(
        out=Writer, customer=Customer, codes=cython.p_longlong, number_at=cython.Py_ssize_t, number=cython.longlong,
        place=cython.longlong, episode=Episode, raw=bytes,
    )
    cdef int write_episodes(self) except -1
    @cython.locals(out=Writer, written=bytes)
    cdef int insert_number(self, Py_ssize_t number_at, long long number) except -1
    @cython.locals(out=Writer, start_ms=cython.longlong, acted_ms=cython.longlong, waits=cython.longlong, flags=cython.longlong)
    cdef int write_episode(self, Episode episode) except -1
    @cython.locals(out=Writer, flags=cython.longlong, version=cython.longlong)
    cdef write_candidate(self, Candidate candidate)
    @cython.locals(
        out=Writer, at_ms=cython.longlong, number=cython.longlong, place=cython.longlong, value=cython.longlong,
        apart=cython.longlong,
    )
    cdef int write_evidence(self, Evidence evidence) except -1
    @cython.locals(customer=Customer, place=cython.longlong, candidate=Candidate)
    cdef list rest(self)

@cython.locals(at=cython.Py_ssize_t, left=cython.Py_ssize_t, value=cython.longlong)
cdef long long _number(Reader given) except? 1000003
@cython.locals(at=cython.Py_ssize_t)
cdef int _put(Writer out, long long value) except -1
cdef bint _has_more(Candidate candidate) except -1
cdef long long _added(long long amount, long long most) except? 1000003
