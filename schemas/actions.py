"""What Linger publishes: actions, and the reasons why there is none.

A mailer's whole contract: keep the newest record per `action_id`; send if its `status` is `active` and
`expires_at` has not passed. An action may arrive more than once with the same id and the same content.

Structs (msgspec) because they are written in the hot path; their JSON Schema is generated like the others.
"""

from datetime import UTC, datetime
from hashlib import sha1
from typing import Annotated, Final, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

AT_RISK: Final = "at-risk"
WIN_BACK: Final = "win-back"
ActionName = Literal["at-risk", "win-back"]

_new_hash: Final = sha1(UUID("5c1a6a1e-2f0c-5d0e-9a55-6c696e676572").bytes, usedforsecurity=False).copy
"""Begins the hash of an id; a copy costs half of what making one does."""
_VARIANTS: Final = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}

Number = bool | int | float | str | None


class Rule(msgspec.Struct, frozen=True):
    """Which rule decided."""

    id: Annotated[str, Meta(description="The rule's id in its file.")]
    version: Annotated[str, Meta(description="Hash of the rule's content; changes with every edit.")]


class Reason(msgspec.Struct, frozen=True, omit_defaults=True):
    """One condition of the rule as it was found for this customer."""

    condition: Annotated[str, Meta(description="The condition in words.")]
    observed: Annotated[Number, Meta(description="The value found.")]
    bound: Annotated[str, Meta(description="What was asked for, such as `at least 3`.")]
    window: Annotated[str | None, Meta(description="Over which stretch, such as `365 days`.")] = None
    prevented_by: Annotated[str | None, Meta(description="What would have made this condition false.")] = None


Retraction = Literal["customer_returned", "late_event", "no_longer_true", "opted_out", "replaced"]


class Action(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something to do for one customer, or its retraction."""

    action_id: Annotated[str, Meta(description="UUIDv5 of rule id, customer id and episode start.")]
    action: ActionName
    status: Annotated[Literal["active", "retracted"], Meta(description="`retracted` means: never mind.")]
    customer_id: str
    rule: Rule
    episode_started_at: Annotated[datetime, Meta(tz=True, description="Since when the rule holds.")]
    decided_at: Annotated[datetime, Meta(tz=True, description="The due time or the event's time, not the clock.")]
    expires_at: Annotated[datetime, Meta(tz=True, description="After this the action must not be carried out.")]
    not_before: Annotated[
        datetime | None, Meta(description="The end of the customer's quiet hours; before it nothing must be sent.")
    ] = None
    time_zone: Annotated[str | None, Meta(description="The customer's time zone, where quiet hours are kept.")] = None
    template: Annotated[str, Meta(description="Which message to use.")]
    variables: Annotated[dict[str, Number], Meta(description="Values for the template.")]
    why: Annotated[tuple[Reason, ...], Meta(description="Every condition with what was observed.")]
    retracted_at: Annotated[datetime, Meta(tz=True)] | None = None
    retracted_because: Retraction | None = None


Suppression = Literal[
    "cooling_down",
    "capped",
    "outranked",
    "held_out",
    "opted_out",
    "stale",
    "held",
    "shadow",
    "not_observable",
]


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """Why there is no action although a rule holds: "0 sent" is never a mystery."""

    action_id: Annotated[str, Meta(description="The id the action would have had.")]
    decision: Suppression
    action: ActionName
    customer_id: str
    rule: Rule
    episode_started_at: Annotated[datetime, Meta(tz=True)]
    decided_at: Annotated[datetime, Meta(tz=True)]
    detail: Annotated[str, Meta(description="One sentence for people.")]


def action_id(rule_id: str, customer_id: str, episode_start_ms: int) -> str:
    """Return the id of the action of one episode; depends on nothing that a replay could change."""
    # The parts are separated by a character that a rule id cannot hold, so no two triples collide.
    name = f"{rule_id}\n{episode_start_ms}\n{customer_id}".encode()
    # uuid5, without making an object of it first.
    hashed = _new_hash()
    hashed.update(name)
    digits = hashed.hexdigest()
    variant = _VARIANTS[digits[16]]
    return f"{digits[:8]}-{digits[8:12]}-5{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:32]}"


def moment(at_ms: int) -> datetime:
    """Return epoch milliseconds as an aware UTC datetime."""
    return datetime.fromtimestamp(at_ms / 1000, UTC)


def encode(record: Action | Decision) -> bytes:
    """Write an action or a decision as JSON, fields in a fixed order: equal content, equal bytes."""
    return msgspec.json.encode(record)
