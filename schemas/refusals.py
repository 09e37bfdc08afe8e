"""Refusals: why a value of a file is refused, as fields beside the sentence."""

from typing import Any, Literal

Format = Literal[
    "duration",
    "percentage",
    "measurement",
    "times",
    "two numbers",
    "two ages",
    "pace",
    "actions",
    "time of day",
    "offset",
    "time zone",
    "time format",
    "condition",
    "currency",
    "value",
    "amount",
    "unwrap",
    "success",
    "points",
    "share of all",
]
"""The formats of values for which other spellings are recognized."""


class WrongFormat(ValueError):
    """A value is not written in the expected format.

    Attributes:
        expected: the format in words, such as `a time of day such as '21:00'`; None if the message says it otherwise.
        format: the format, if other spellings of it are recognized.
    """

    def __init__(self, message: str, format: Format | None = None, expected: str | None = None) -> None:
        super().__init__(message)
        self.format = format
        self.expected = expected


class InconsistentEntries(ValueError):
    """The entries of a mapping do not fit together.

    Attributes:
        keys: the keys that the message is about, as written in files. The first of them in the file is shown.
        is_value: the value of that key is wrong, not its presence.
        under: the way from the refused mapping to the one inside it that has these keys.
    """

    def __init__(self, message: str, *keys: str, is_value: bool = False, under: tuple[str | int, ...] = ()) -> None:
        super().__init__(message)
        self.keys = keys
        self.is_value = is_value
        self.under = under


def not_in_format(expected: str, found: Any, format: Format | None = None) -> WrongFormat:
    """Return the refusal `expected …, found …`; texts are shown in single quotes."""
    return WrongFormat(f"expected {expected}, found {shown(found)}", format, expected)


def shown(value: Any) -> str:
    """Return a value as messages show it."""
    return f"'{value}'" if isinstance(value, str) else repr(value)
