"""Marks in Redis, and the key of their hashes. Only a step writes a mark."""

from collections.abc import Mapping

from workers.errors import StartupError
from workers.state.marks.key import MarkKey
from workers.state.marks.mark import Mark, decode_mark
from workers.state.store import Store

KEY = "key"
"""Field of the hash of the key: the key itself, in hexadecimal digits, if it was made here."""
CHECK = "check"
"""What `MarkKey.check` returns for the key that the first worker had."""
_OTHER_KEY = (
    "LINGER_MARKS_KEY is not the key with which it was stored who is suppressed, opted out or erased. "
    "Set it to that key: with another one, nobody of them would be found"
)
_NO_KEY = "LINGER_MARKS_KEY is not set, and who is suppressed, opted out or erased was stored with such a key. Set it"


async def marks_of(store: Store, partition: int) -> dict[bytes, Mark]:
    """Return the marks of a partition by the ref of the customer.

    Raises:
        Transient: if Redis does not answer.
    """
    (answer,) = await store.redis.call([("HGETALL", store.keys.partition(partition).marks)])
    pairs = answer.items() if isinstance(answer, dict) else zip(*[iter(answer)] * 2, strict=True)
    return {bytes(ref): decode_mark(raw) for ref, raw in pairs}


async def mark_of(store: Store, partition: int, ref: bytes) -> Mark:
    """Return the mark of one customer; one that says nothing if there is none.

    Raises:
        Transient: if Redis does not answer.
    """
    raw = (await store.redis.call([("HGET", store.keys.partition(partition).marks, ref)]))[0]
    return Mark() if raw is None else decode_mark(raw)


def key_of(fields: Mapping[str, str], configured: bytes | None) -> MarkKey | None:
    """Return the key of marks.

    Args:
        fields: of the hash of the key, or the same as the topic of marks has it; empty before the first worker.
        configured: the key of the settings, None without one.

    Returns:
        None if there is none yet.

    Raises:
        StartupError: if it is not the key that was used before.
    """
    if configured is not None:
        key = MarkKey(configured)
        if fields and fields.get(CHECK) != key.check():
            raise StartupError([_OTHER_KEY])
        return key
    if not fields:
        return None
    if KEY not in fields:
        raise StartupError([_NO_KEY])
    return MarkKey(bytes.fromhex(fields[KEY]))


async def stored_key(store: Store, configured: bytes | None) -> MarkKey | None:
    """Return the key of marks as Redis has it; arguments and result as for `key_of`.

    Raises:
        StartupError: as `key_of`.
        Transient: if Redis does not answer.
    """
    return key_of(await store.fields(store.keys.marks_key), configured)
