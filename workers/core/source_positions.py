"""Source positions: from where an event came. A repeated one is recognised by it, and dropped.

Pure. A position is a pair: the offset of a source record in its partition, and the number of the item in that record.
Pairs are compared as pairs, so a partition has one high-water: the highest pair that has been folded.

There are two forms in the header of a record of the activity topic, and in the `meta` of its partition:

* `shop.orders:0:41`: a record that gives one event. It stands for all of the record.
* `shop.orders:0+:4100002`: item 2 of the record at offset 41, for sources whose records may hold several. Offset
  and item stand side by side in one number, after a name of its own. So a worker of release 0.1, which knows only
  `NAME:NUMBER`, keeps a high-water of its own for them, and neither drops an item nor folds one twice. It would, if
  the item were a fourth part of the text or another header.
"""

from typing import Final

SOURCE_HEADER: Final = "linger-source"
"""The source position, on every record of the activity topic that intake wrote."""

ITEM_NUMBERS: Final = 100_000
"""An item's number is below this: five digits in a position. Intake gives at most a tenth of them to items."""

Pair = tuple[int, int]
"""Offset of a source record, and the number of the item in it."""

WHOLE: Final = ITEM_NUMBERS
"""Stands for the item in the pair of a record that was folded as a whole: nothing of that record is above it."""

NONE: Final[Pair] = (-1, WHOLE)
"""Below every position."""

ITEMS: Final = "+"
"""Follows the number of the source partition where positions have an item."""

_ITEMS: Final = ITEMS.encode()
_LONGEST: Final = 19
"""Digits of the largest number that Kafka can have as an offset (2^63 - 1); longer text is no position."""


def position_of(topic: str, partition: int, offset: int) -> bytes:
    """Return the position of a record that gives one event."""
    return f"{topic}:{partition}:{offset}".encode()


def position_of_item(topic: str, partition: int, offset: int, item: int) -> bytes:
    """Return the position of an item of a record; `item` counts from 0 and is below `ITEM_NUMBERS`."""
    return f"{topic}:{partition}{ITEMS}:{offset}{item:05}".encode()


def split_position(position: bytes) -> tuple[bytes, Pair] | None:
    """Return the source partition (`topic:partition`) and the pair of a position; None if it cannot be read."""
    name, _, text = position.rpartition(b":")
    if not text.isdigit() or len(text) > _LONGEST:
        return None
    if name.endswith(_ITEMS):
        return name[:-1], divmod(int(text), ITEM_NUMBERS)
    return name, (int(text), WHOLE)


def is_above(pair: Pair, high_water: Pair) -> bool:
    """Return whether a position is new; that of a whole record is known if any of its items has been folded."""
    return pair > high_water and (pair[1] != WHOLE or pair[0] > high_water[0])


def source_topic_of(position: bytes) -> str:
    """Return the topic of a position."""
    return position.decode(errors="replace").rsplit(":", 2)[0]


def high_water_entry(pair: Pair) -> tuple[str, int]:
    """Return what follows the source partition in the name of a stored high-water, and the number stored."""
    offset, item = pair
    return ("", offset) if item == WHOLE else (ITEMS, offset * ITEM_NUMBERS + item)


def high_water_of(whole: str | int, items: str | int) -> Pair:
    """Return the high-water of a source partition from the two numbers stored, -1 where there is none."""
    return max((int(whole), WHOLE), divmod(int(items), ITEM_NUMBERS))
