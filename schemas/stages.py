"""What Linger publishes of the ladder: for each customer, on which stage they stand, and how they came there.

The topic is compacted and its key is the customer: the newest record of a customer is where they stand. A record can
arrive more than once with the same id. A record without a value (a tombstone) says that Linger knows nothing of the
customer any longer. `direction: none` is no move: the stage is known for the first time, or it changed because the
ladder did, or what was said before was wrong because an event came late. docs/mailers.md explains each field.
"""

from datetime import datetime
from hashlib import sha1
from typing import Annotated, Final, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from schemas.actions import Reason, Value, as_uuid

STAGES: Final = "stages"
"""The name of the topic, without the prefix."""
begun_hash: Final = sha1(UUID("0b9a3c52-55f4-5b0e-8f0e-6c696e676572").bytes, usedforsecurity=False).copy
"""Returns the hash of an id, begun: it takes what `stage_id` is made of, each but the first after a line feed."""

Direction = Literal["up", "down", "none"]
Because = Literal["event", "time", "first_known", "ladder", "late_event"]


class StageRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename={"came_from": "from"}):
    """Where a customer stands."""

    stage_id: Annotated[
        str,
        Meta(description="UUIDv5 of customer id, moment and both stages.", extra_json_schema={"format": "uuid"}),
    ]
    customer_id: str
    stage: Annotated[str, Meta(description="The stage, as the ladder names it.")]
    since: Annotated[datetime, Meta(tz=True, description="Since when, as far as Linger knows.")]
    came_from: Annotated[
        str | None, Meta(description="The stage before; missing if there was none, or if the ladder lost it.")
    ] = None
    direction: Annotated[Direction, Meta(description="Of the move; `none`: it is no move of the customer.")]
    because: Annotated[
        Because, Meta(description="What changed it. More reasons may be added, each with the direction `none`.")
    ]
    why: Annotated[
        tuple[Reason, ...],
        Meta(description="The conditions of the step, with the observed values; none of the lowest."),
    ]
    value: Annotated[
        Value | None, Meta(description="What the customer is worth, as known when the stage was decided.")
    ] = None


def stage_id(customer_id: str, since_ms: int, came_from: str | None, stage: str) -> str:
    """Return the id of a record; a replay always gives the same id.

    Args:
        customer_id: the customer.
        since_ms: since when the customer stands there; of what corrects a record, since when that one said it.
        came_from: the stage before, None for none.
        stage: the stage.
    """
    # The same as uuid5, without creating an object first.
    hashed = begun_hash()
    hashed.update(f"{since_ms}\n{came_from or ''}\n{stage}\n{customer_id}".encode())
    return as_uuid(hashed.hexdigest())


def encode_stage(record: StageRecord) -> bytes:
    """Encode a record as JSON with a fixed order of fields: equal content gives equal bytes."""
    return msgspec.json.encode(record)


decode_stage: Final = msgspec.json.Decoder(StageRecord).decode
