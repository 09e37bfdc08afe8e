"""The catalogue: every key in Redis, every topic of Linger and every header that it writes.

Each entry says what it holds, whether that is personal data, how long it is kept, which roles read it, and what the
commands about customers do with it. Recovery, the doctor and the pages read it here; tests compare it with the code
that writes. Begin with `entries.Key`. Pure data: it imports nothing of Linger.
"""

from workers.catalogue.entries import Header, Key, Personal, Topic
from workers.catalogue.headers import HEADERS
from workers.catalogue.keys import KEYS, PARTITION_KEYS, SHARED_KEYS, kind_of
from workers.catalogue.topics import TOPICS

__all__ = [
    "HEADERS",
    "KEYS",
    "PARTITION_KEYS",
    "SHARED_KEYS",
    "TOPICS",
    "Header",
    "Key",
    "Personal",
    "Topic",
    "kind_of",
]
