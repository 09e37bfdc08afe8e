"""Whether the settings of a command lead to the state that the workers have made.

With another partition count or another namespace, a look-up finds nothing. Nothing found is then no answer: the
command must refuse, and say which setting differs.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import msgspec

from workers.core.customer.stored import UnknownLayout
from workers.errors import LingerError, StartupError, Transient
from workers.settings import Settings
from workers.state.keys import hash_tag
from workers.state.meta import PARTITIONS, topic_id_of
from workers.state.scan import escaped, scan_keys
from workers.state.store import Store

_SCANNED_AT_ONCE: Final = 5_000
_SECONDS: Final = 5.0
_SHOWN: Final = 5


async def check_settings(store: Store, settings: Settings) -> None:
    """Raise if the stored state was made with other settings. One round trip to each server if all is well.

    Raises:
        StartupError: if nothing is stored under this namespace, or the state was made with other partitions.
        Transient: if Redis does not answer.
    """
    keys = [store.keys.partition(partition).meta for partition in range(settings.partitions)]
    answers = await store.redis.call([("HMGET", key, "owner", PARTITIONS) for key in keys])
    if not any(owner for owner, _ in answers):
        raise StartupError([await _nothing_there(store, settings)])
    made_with = sorted({int(partitions) for _, partitions in answers if partitions})
    if made_with and made_with != [settings.partitions]:
        counts = " and ".join(map(str, made_with))
        raise StartupError(
            [
                f"LINGER_PARTITIONS is {settings.partitions}, but the state under the namespace "
                f"'{settings.redis_namespace}' was made with {counts} partitions: customers would be looked for in "
                f"the wrong ones. Set LINGER_PARTITIONS={made_with[0]}"
            ]
        )


async def _nothing_there(store: Store, settings: Settings) -> str:
    server = settings.shown()["LINGER_REDIS_URL"]
    text = (
        f"Linger has seen nothing at all under the namespace '{settings.redis_namespace}' at {server}: no worker has "
        "run with it. Are LINGER_REDIS_NAMESPACE and LINGER_REDIS_URL those of the workers?"
    )
    others = await other_namespaces(store)
    if not others:
        return text
    shown = ", ".join(f"'{name}'" for name in others[:_SHOWN])
    return f"{text} There is state of Linger under {shown}"


async def other_namespaces(store: Store) -> list[str]:
    """Return the other namespaces under which Linger has state in this Redis, as far as 5 seconds of looking show."""
    suffix, found, cursor = f":{{{hash_tag(0)}}}:meta", set[str](), -1
    try:
        async with asyncio.timeout(_SECONDS):
            while cursor:
                cursor, keys = await scan_keys(store.redis, max(0, cursor), f"*{escaped(suffix)}", _SCANNED_AT_ONCE)
                found |= {raw.decode(errors="replace").removesuffix(suffix) for raw in keys}
    except (TimeoutError, Transient):
        pass  # only a hint
    return sorted(found - {store.keys.namespace})


async def namespaces_of_topic(store: Store, topic_id: str | None) -> list[str]:
    """Return the other namespaces whose state was made from this activity topic, as far as this user may see it.

    Args:
        store: of the namespace that is not meant.
        topic_id: of the activity topic, None if the broker reports none.
    """
    if topic_id is None:
        return []
    same = []
    for namespace in await other_namespaces(store):
        other = Store(store.redis, namespace)
        try:
            fields = await other.meta(0)
        except Transient:
            continue  # an ACL that hides it
        if topic_id_of(fields) == topic_id:
            same.append(namespace)
    return same


@contextmanager
def readable() -> Iterator[None]:
    """Turn stored bytes that cannot be read into an error of one line.

    Raises:
        LingerError: if another version of Linger wrote them, or they are damaged.
    """
    try:
        yield
    except UnknownLayout as error:
        raise LingerError(str(error)) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise LingerError(
            f"what is stored cannot be read ({error}): it is damaged, or another version of Linger wrote it"
        ) from error
