"""The records of the topic of pauses: one key for each rule, and one for all rules together.

The newest record of a key counts. A resume is a record too, so it stays known who resumed. Pure.
"""

from typing import Annotated, Final

import msgspec

ALL_RULES: Final = "*"
"""The key that stands for all rules. No rule can have this id."""
_LATEST_MS: Final = 253_402_300_799_999
"""The end of the year 9999: no later moment can be shown."""


class PauseRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What was done last with a rule, or with all rules.

    Attributes:
        rule: the rule's id, or `*` for all rules.
        paused: whether it has been paused; otherwise it was resumed.
        by: who did it.
        at_ms: when, in epoch milliseconds.
        because: why, in words; empty if nothing was said.
    """

    rule: str
    paused: bool
    by: str
    at_ms: Annotated[int, msgspec.Meta(ge=0, le=_LATEST_MS)]
    because: str = ""


encode_pause: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder(PauseRecord).decode


def decode_pause(value: bytes) -> PauseRecord | None:
    """Return the record of a value, None if it cannot be read."""
    try:
        return _decode(value)
    except msgspec.MsgspecError:
        return None
