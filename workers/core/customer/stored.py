"""Stored: a customer as bytes, in the layout that is asked for."""

from typing import Final

import msgspec

from workers.core.customer import layout_3, layout_4
from workers.core.customer.names import Names

_OLDEST: Final = 3
_LATEST: Final = 4
_LAST_LAYOUT: Final = 31
"""A larger first byte is damage, not a future layout."""


class UnknownLayout(ValueError):
    """A stored customer that this version cannot read."""


class OtherLayout(UnknownLayout):
    """A stored customer that another version of Linger wrote; it must not be changed."""


class Stored:
    """Reads and writes the customer of a rule set."""

    def __init__(self, names: Names) -> None:
        self.customer = names.customer
        self.layout_3 = layout_3.Layout3(names)
        self.layout_4 = layout_4.Layout4(names)

    def read(self, raw: bytes) -> None:
        """Fill the objects with a stored customer; the customer who was there before is forgotten.

        Raises:
            UnknownLayout: if it is damaged or was written by another version; then no one is there.
        """
        if self.customer.is_known:
            self.customer.clear()
        layout = raw[0] if raw else 0
        if not _OLDEST <= layout <= _LATEST:
            check_layout(raw)
        try:
            if layout == _LATEST:
                self.layout_4.read(raw)
            else:
                self.layout_3.read(raw)
        except (msgspec.DecodeError, ValueError, OverflowError, RecursionError) as error:
            # msgspec raises no DecodeError for a text that is not UTF-8.
            self.customer.clear()
            raise UnknownLayout(f"stored activity cannot be read: {error}") from None

    def write(self, layout: int) -> bytes:
        """Return the customer as stored bytes.

        Raises:
            ValueError: if the layout is not one that is written.
        """
        if layout == _LATEST:
            return self.layout_4.write()
        if layout == _OLDEST:
            return self.layout_3.write()
        raise ValueError(f"layout {layout} cannot be written")


def check_layout(raw: bytes) -> None:
    """Refuse bytes that no layout which is read begins with.

    Raises:
        UnknownLayout: if they are damaged or were written by another version.
    """
    layout = raw[0] if raw else 0
    if _OLDEST <= layout <= _LATEST:
        return
    reads = f"this version reads {_OLDEST} and {_LATEST}"
    if _LATEST < layout <= _LAST_LAYOUT:
        raise OtherLayout(
            f"stored activity has layout {layout}, {reads}: a newer version of Linger has worked here; run that "
            "version"
        )
    if layout & 0xF0 == 0x90 and len(raw) > 1 and 0 < raw[1] < _OLDEST:
        raise OtherLayout(
            f"stored activity has layout {raw[1]}, {reads}: an older version of Linger has worked here. Stop all "
            "workers, and make the state again: linger rebuild"
        )
    raise UnknownLayout("stored activity cannot be read: it does not begin with a layout")
