"""Every kind of key in Redis. Pure; a test compares this with the keys of `workers.state.keys`."""

from collections.abc import Mapping
from typing import Final

from workers.catalogue.entries import Key, Personal

_FACTS: Final = "every fact of the activity, in words"
_AGAIN: Final = "deleted and made again"

_OF_PARTITIONS: Final = (
    Key(
        *("meta", True, "meta", "who owns the partition, up to where it is read and decided, counters by rule"),
        rebuilt=_AGAIN,
        in_file="the first line of a part",
    ),
    Key(
        *("c", True, "c:CUSTOMER", "a customer's activity: what is counted, the last values, what the rules decided"),
        personal=Personal.VALUES,
        kept="until `forget after` without a sign of life, or an erasure",
        exported=_FACTS,
        erased="removed",
        rebuilt=_AGAIN,
        in_file="customers",
    ),
    Key(
        *("due", True, "due", "when each customer is decided next"),
        personal=Personal.ID,
        kept="until the customer is decided",
        exported="the moment",
        erased="removed",
        rebuilt=_AGAIN,
        in_file="queues",
    ),
    Key(
        *(
            "waiting",
            True,
            "waiting:TYPE",
            "customers who wait until a type is seen, or for their stage to be published; under `*on:STAGE`, who is "
            "on a listed stage, by worth",
        ),
        personal=Personal.VALUES,
        kept="until the type is seen up to then",
        exported="the types and the moments, and the stages",
        erased="removed",
        rebuilt=_AGAIN,
        in_file="queues",
    ),
    Key(
        *("outbox", True, "outbox", "records that Kafka has not confirmed"),
        personal=Personal.VALUES,
        kept="until Kafka confirms them: seconds",
        exported="the customer's records",
        erased="published first",
        rebuilt=_AGAIN,
        in_file="records",
    ),
    Key(
        *("held", True, "held", "actions that are held"),
        personal=Personal.VALUES,
        kept="until they are released, discarded or taken back",
        exported="the customer's actions",
        erased="removed",
        rebuilt=_AGAIN,
        in_file="held actions",
    ),
    Key(
        *("held", True, "held:RULE", "the ids of actions above the rate limit of a rule"),
        personal=Personal.ACTION,
        kept="as long as the action is held",
        erased="removed",
        rebuilt=_AGAIN,
        in_file="held actions",
    ),
    Key(
        *("held-by-pause", True, "held-by-pause:RULE", "the ids of actions that a pause holds"),
        personal=Personal.ACTION,
        kept="as long as the action is held",
        erased="removed",
        rebuilt=_AGAIN,
        in_file="held actions",
    ),
    Key(
        *("held-by-brake", True, "held-by-brake:RULE", "the ids of actions that the brake holds"),
        personal=Personal.ACTION,
        kept="as long as the action is held",
        erased="removed",
        rebuilt=_AGAIN,
        in_file="held actions",
    ),
    Key(
        *("book", True, "book:facts", "the figures of the days that are not closed: what happened"),
        kept="seven days after the end of each day",
        rebuilt=_AGAIN,
        in_file="book",
    ),
    Key(
        *("book", True, "book:doings", "the figures of the days that are not closed: what was decided"),
        kept="seven days after the end of each day",
        in_file="book",
    ),
    Key(
        *("orders", True, "orders", "an operator's orders for held actions, by the id of the action"),
        personal=Personal.ACTION,
        kept="until they are carried out: seconds",
        exported="the orders for the customer's actions",
        erased="stays",
        in_file="orders",
    ),
    Key(
        *("marks", True, "marks", "who is suppressed, has opted out, or was erased, and when"),
        personal=Personal.HASH,
        exported="the customer's mark, in words",
        erased="written",
        in_file="marks",
    ),
    Key(
        *("experiments", True, "experiments", "figures of experiments: how many customers entered, and succeeded"),
        in_file="the first line of a part",
    ),
)

_SHARED: Final = (
    Key("rules", False, "rules", "the newest rules: generation, hash, since when each rule counts", in_file="hash"),
    Key(
        *("rule-contents", False, "rule-contents", "what each version of a rule said"),
        in_file="hash",
    ),
    Key(
        *("experiments", False, "experiments", "every experiment: what it compares, since when, its end"),
        in_file="hash",
    ),
    Key(
        *("last-good", False, "last-good", "the latest rule files and `sources.yaml` that workers ran"),
        left_out="each worker that starts with its own files keeps them again",
    ),
    Key(
        *("upgrade", False, "upgrade", "the layout in which all workers write"),
        left_out="what is loaded is in the layout that is ordered here, the newest one if nothing was stored",
    ),
    Key(
        *("pace", False, "pace:RULE:PERIOD", "how many actions of a rule were published in one period"),
        kept="two periods",
        in_file="counters",
    ),
    Key("brake", False, "brake", "how many actions of all rules were published in each hour", in_file="hash"),
    Key(
        *("workers", False, "workers", "the running workers"),
        kept="as long as a worker runs",
        left_out="each worker reports again who it is and what it runs",
    ),
    Key(
        *("obeyed", False, "obeyed", "up to where each partition obeys the topic of pauses"),
        left_out="each owner of a partition reports again which pauses it obeys",
    ),
    Key(
        *("dead-letters", False, "dead-letters:PARTITION:BLOCK", "which dead letters were replayed or discarded"),
        in_file="hash",
    ),
    Key("progress", False, "progress", "up to where each source is read", in_file="hash"),
    Key(
        *("requests", False, "requests", "up to where the topic of requests is read"),
        in_file="hash",
    ),
    Key(
        *("seen", False, "seen", "up to when each partition is decided"),
        left_out="each owner of a partition reports again up to when it is decided",
    ),
    Key("stopped", False, "stopped", "which sources are not read further, and why", in_file="hash"),
    Key("source-sets", False, "source-sets", "the newest `sources.yaml`, and the topics of patterns", in_file="hash"),
    Key("sources", False, "sources", "the ids of the source topics", in_file="hash"),
    Key(
        *(
            "marks-key",
            False,
            "marks-key",
            "the key of the hash under which marks stand, or what shows it is the same",
        ),
        in_file="hash",
    ),
    Key(
        *("clock", False, "clock", "only in a replay: the simulated time"),
        kept="as long as the replay runs",
        left_out="the player of a replay sets it",
    ),
)

KEYS: Final = (*_OF_PARTITIONS, *_SHARED)
"""Every kind of key, those of partitions first."""

PARTITION_KEYS: Final[Mapping[str, Key]] = {entry.kind: entry for entry in reversed(_OF_PARTITIONS)}
"""Those of a partition by kind; of a kind with two forms, the one whose name has no further part."""
SHARED_KEYS: Final[Mapping[str, Key]] = {entry.kind: entry for entry in _SHARED}
"""Those that all partitions share, by kind."""


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


def is_known(tag: str, kind: str) -> bool:
    """Return whether this release has keys of a kind; `tag` as `kind_of` returns it."""
    return kind in (PARTITION_KEYS if tag else SHARED_KEYS)
