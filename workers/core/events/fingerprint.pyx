# cython: language_level=3, overflowcheck=False
"""Fingerprint, compiled: see `fingerprint.py`. BLAKE2b (RFC 7693) of what fits into one block; longer ids are rare."""

from hashlib import blake2b
from sys import byteorder

from libc.string cimport memcpy

from workers.core.events.decoding import number_of

cdef enum:
    _BLOCK = 128
    _BYTES = 6

cdef bint _IS_LITTLE = byteorder == "little"
cdef unsigned long long[8] _START = [
    0x6A09E667F3BCC908, 0xBB67AE8584CAA73B, 0x3C6EF372FE94F82B, 0xA54FF53A5F1D36F1,
    0x510E527FADE682D1, 0x9B05688C2B3E6C1F, 0x1F83D9ABFB41BD6B, 0x5BE0CD19137E2179,
]
cdef unsigned char[160] _ORDER = [
    0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
    14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3,
    11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4,
    7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8,
    9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13,
    2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9,
    12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11,
    13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10,
    6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5,
    10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0,
]


cdef inline unsigned long long _turned(unsigned long long word, int by) noexcept nogil:
    return word >> by | word << (64 - by)


cdef inline void _mix(
    unsigned long long *v, int a, int b, int c, int d, unsigned long long x, unsigned long long y
) noexcept nogil:
    v[a] += v[b] + x
    v[d] = _turned(v[d] ^ v[a], 32)
    v[c] += v[d]
    v[b] = _turned(v[b] ^ v[c], 24)
    v[a] += v[b] + y
    v[d] = _turned(v[d] ^ v[a], 16)
    v[c] += v[d]
    v[b] = _turned(v[b] ^ v[c], 63)


cdef unsigned long long _hash(const unsigned long long *block, unsigned long long size) noexcept nogil:
    """Return the first word of the hash of a single block, of which so many bytes count."""
    cdef unsigned long long v[16]
    cdef unsigned long long first = _START[0] ^ 0x01010000 ^ _BYTES
    cdef const unsigned char *order
    cdef int turn, place
    for place in range(8):
        v[place] = v[8 + place] = _START[place]
    v[0] = first
    v[12] ^= size
    v[14] = ~v[14]
    for turn in range(12):
        order = _ORDER + 16 * (turn % 10)
        _mix(v, 0, 4, 8, 12, block[order[0]], block[order[1]])
        _mix(v, 1, 5, 9, 13, block[order[2]], block[order[3]])
        _mix(v, 2, 6, 10, 14, block[order[4]], block[order[5]])
        _mix(v, 3, 7, 11, 15, block[order[6]], block[order[7]])
        _mix(v, 0, 5, 10, 15, block[order[8]], block[order[9]])
        _mix(v, 1, 6, 11, 12, block[order[10]], block[order[11]])
        _mix(v, 2, 7, 8, 13, block[order[12]], block[order[13]])
        _mix(v, 3, 4, 9, 14, block[order[14]], block[order[15]])
    return first ^ v[0] ^ v[8]


cdef class Fingerprint:
    def __init__(self, str event_type):
        head = f"{event_type}\n".encode()
        self._hashed = blake2b(head, digest_size=_BYTES)
        self._head_size = len(head)
        head = head.ljust(_BLOCK, b"\0")
        memcpy(self._head, <const char *> head, _BLOCK)

    cpdef long long of(self, bytes raw, long long at, long long size) except *:
        cdef unsigned long long block[16]
        if at < 0 or size < 0 or size > len(raw) or at > len(raw) - size:
            raise IndexError(f"no {size} bytes at {at} of {len(raw)}")
        if size > _BLOCK - self._head_size or not _IS_LITTLE:
            hashed = self._hashed.copy()
            hashed.update(raw[at : at + size])
            return number_of(hashed.digest())
        memcpy(block, self._head, _BLOCK)
        memcpy(<char *> block + self._head_size, <const char *> raw + at, size)
        return _hash(block, self._head_size + size) & 0xFFFFFFFFFFFF
