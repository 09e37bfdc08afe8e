"""The records of the audit topic: what a command is about to change, and how it ended. Pure.

Two records of one id: the intent before anything is changed, the outcome after it. An intent without an outcome is a
command that still runs, or was killed.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Final, Literal

import msgspec

Argument = str | int | float | bool | Sequence[str] | None
"""An argument of a command, as it is recorded."""
_LATEST_MS: Final = 253_402_300_799_999
"""The end of the year 9999: no later moment can be shown."""

Moment = Annotated[int, msgspec.Meta(ge=0, le=_LATEST_MS)]


class Intent(msgspec.Struct, frozen=True, kw_only=True, tag_field="phase", tag="intent"):
    """What a command is about to do.

    Attributes:
        id: joins the two records.
        at_ms: when, in epoch milliseconds.
        user: the user of the operating system, as `user@host`.
        by: who did it, as said by --by or LINGER_ACTOR; None if nothing was said.
        command: its words, such as `rules release`.
        arguments: those that were given, by name; customer ids as the hash that logs use, no secret.
        reason: why, in words; empty if nothing was said.
        version: of Linger.
    """

    id: str
    at_ms: Moment
    user: str
    by: str | None
    command: str
    arguments: Mapping[str, Argument]
    reason: str = ""
    version: str = ""


class Outcome(msgspec.Struct, frozen=True, kw_only=True, tag_field="phase", tag="outcome"):
    """How the command of an intent ended.

    Attributes:
        id: of the intent.
        at_ms: when the command ended.
        outcome: `ok`, `failed` (an error, or an exit status other than 0) or `interrupted`.
        counts: what was changed, by kind.
        error: why it failed, None if it did not.
    """

    id: str
    at_ms: Moment
    outcome: Literal["ok", "failed", "interrupted"]
    counts: Mapping[str, int]
    error: str | None = None


encode_audit: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder(Intent | Outcome).decode


def decode_audit(value: bytes | None) -> Intent | Outcome | None:
    """Return the record of a value, None if it cannot be read."""
    try:
        record: Intent | Outcome = _decode(value or b"")
        return record
    except msgspec.MsgspecError:
        return None
