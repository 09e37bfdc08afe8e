"""Every kind of key in Redis: whether a state file has it, and if not, why nothing is lost by that. Pure.

A test compares this with the keys of `workers.state.keys`.
"""

from typing import Final

PARTITION_KINDS: Final = {
    "meta": "the first line of a part",
    "c": "customers",
    "due": "queues",
    "waiting": "queues",
    "outbox": "records",
    "held": "held actions",
    "held-by-pause": "held actions",
    "held-by-brake": "held actions",
    "orders": "orders",
}
"""By the kind of a partition's key, the lines that hold what is in it."""

HASHES: Final = ("rules", "rule-contents", "progress", "sources", "source-sets", "stopped", "brake")
"""Hashes that all partitions share and that are written to a file whole."""
DISPOSITIONS: Final = "dead-letters"
"""Kind of the hashes that say what was done with dead letters; the set of that name lists them."""
PACE: Final = "pace"
"""Kind of the counters of rules' actions in one period."""

LEFT_OUT: Final = {
    "seen": "each owner of a partition reports again up to when it is decided",
    "workers": "each worker reports again who it is and what it runs",
    "obeyed": "each owner of a partition reports again which pauses it obeys",
    "last-good": "each worker that starts with its own files keeps them again",
    "clock": "the player of a replay sets it",
    "upgrade": "what is loaded is in the layout that is ordered here, the newest one if nothing was stored",
}
"""By kind, why what all partitions share is not in a file."""


def kind_of(namespace: str, key: str) -> tuple[str, str, str]:
    """Return the hash tag of a key, its kind, and what follows; the tag is "" for a key that all partitions share.

    Args:
        namespace: of the key.
        key: one that begins with the namespace.
    """
    rest = key[len(namespace) + 1 :]
    tag = ""
    if rest.startswith("{"):
        tag, _, rest = rest[1:].partition("}:")
    kind, _, name = rest.partition(":")
    return tag, kind, name
