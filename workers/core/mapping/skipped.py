"""Why a source record, or an item of one, becomes no event although nothing is wrong with it. Pure."""

from typing import NamedTuple


class Skipped(NamedTuple):
    """A record or an item that becomes no event, by the mapping's own words.

    Attributes:
        by: what skips it, in words that metrics use as a label: `tombstone`, `only_when`, `no case`, `deleted row`,
            `truncated table`, `logged message`, `empty list`.
    """

    by: str
