"""The key of the hashes under which marks stand.

The key is that of the settings, and Redis holds a check of it; or it is a random one that the first worker made. A
random one is stored: it keeps ids out of lists and dumps of marks, not out of reach of a reader of all of Redis.
"""

from collections.abc import Mapping
from typing import Final

from workers.errors import StartupError
from workers.state.marks.key import MarkKey
from workers.state.store import Store

KEY: Final = "key"
"""Field with the key in hexadecimal digits, if it was made here."""
CHECK: Final = "check"
"""Field with what `MarkKey.check` returns for the key of the settings."""
_OTHER_KEY: Final = (
    "LINGER_MARKS_KEY is not the key with which it was stored who is suppressed, opted out or erased. "
    "Set it to that key: with another one, none of them would be found"
)
_MADE_HERE: Final = (
    "LINGER_MARKS_KEY is set, but who is suppressed, opted out or erased was stored with a key that Linger made. "
    "Remove the setting: with another key, none of them would be found"
)
_NO_KEY: Final = (
    "LINGER_MARKS_KEY is not set, and who is suppressed, opted out or erased was stored with such a key. Set it"
)


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
    if configured is None:
        if KEY in fields:
            return MarkKey(bytes.fromhex(fields[KEY]))
        if CHECK in fields:
            raise StartupError([_NO_KEY])
        return None
    key = MarkKey(configured)
    if KEY in fields:
        raise StartupError([_MADE_HERE])
    if fields.get(CHECK, key.check()) != key.check():
        raise StartupError([_OTHER_KEY])
    return key


async def stored_key(store: Store, configured: bytes | None) -> MarkKey | None:
    """Return the key of marks as Redis has it; arguments and result as for `key_of`.

    Raises:
        StartupError: as `key_of`.
        Transient: if Redis does not answer.
    """
    return key_of(await store.marks.key_fields(), configured)
