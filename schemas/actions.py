"""What Linger publishes: actions, and the decisions that explain why there is no action.

The whole contract for a mailer: keep the newest record per `action_id`, but a retraction is final: ignore any later
`active` record of that id. Send an active action once, not before `not_before` if it has one, and only while
`expires_at` has not passed. Read the topics to their end before you send, because a retraction may already be there.
An action can arrive more than once with the same id and the same content. Ignore unknown fields; an unknown reason of
a retraction is a retraction. docs/mailers.md explains each rule, and examples/ has programs that follow them.

These are msgspec structs because they are written on the hot path. Their JSON Schema is generated like the others.
"""

from datetime import UTC, datetime, timedelta
from hashlib import sha1
from typing import Annotated, Any, Final, Literal, TypedDict
from uuid import UUID

import msgspec
from msgspec import Meta

AT_RISK: Final = "at-risk"
WIN_BACK: Final = "win-back"
BUILT_IN_ACTIONS: Final = (AT_RISK, WIN_BACK)
"""The actions that need no declaration; `sources.yaml` declares further ones."""
ACTION_PATTERN: Final = r"^[a-z][a-z0-9-]{1,30}[a-z0-9]$"
ActionName = Annotated[str, Meta(pattern=ACTION_PATTERN)]

_new_hash: Final = sha1(UUID("5c1a6a1e-2f0c-5d0e-9a55-6c696e676572").bytes, usedforsecurity=False).copy
"""Starts the hash of an id; a copy costs half as much as a new hash."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_VARIANTS: Final = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}

Number = bool | int | float | str | None

_UUID: Final = {"format": "uuid"}


class Rule(msgspec.Struct, frozen=True):
    """The rule that decided."""

    id: Annotated[str, Meta(description="The rule's id in its file.")]
    version: Annotated[str, Meta(description="Hash of the rule's content; changes with every edit.")]


class Reason(msgspec.Struct, frozen=True, omit_defaults=True):
    """One condition of the rule, with the value found for this customer."""

    condition: Annotated[str, Meta(description="The condition in words.")]
    observed: Annotated[Number, Meta(description="The value found.")]
    bound: Annotated[str, Meta(description="The required bound, such as `at least 3`.")]
    window: Annotated[str | None, Meta(description="The period it covers, such as `365 days`.")] = None
    prevented_by: Annotated[str | None, Meta(description="What would have made this condition false.")] = None


class Value(msgspec.Struct, frozen=True):
    """What the customer is worth."""

    amount: Annotated[int | float, Meta(description="Revenue less refunds.")]
    currency: Annotated[str | None, Meta(description="The currency of the amount; null: none was named.")]
    window: Annotated[str, Meta(description="The period that counts, such as `365 days`.")]
    tier: Annotated[str | None, Meta(description="Such as `top 20%`; null: not measured.")]


class Known(TypedDict, total=False):
    """What is known of a customer when a rule asks for an action, and goes with it; what is unknown is left out.

    The keys are fields of `Action`. An action that waits keeps it.
    """

    value: Value
    stage: str
    repetition: int


Retraction = Literal[
    "customer_returned", "late_event", "no_longer_true", "opted_out", "replaced", "erased", "suppressed"
]


class Action(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An action for one customer, or its retraction."""

    action_id: Annotated[
        str, Meta(description="UUIDv5 of rule id, customer id and episode start.", extra_json_schema=_UUID)
    ]
    action: ActionName
    status: Annotated[
        Literal["active", "retracted"],
        Meta(
            description="`retracted` means that the action is taken back. It is final: ignore later `active` records."
        ),
    ]
    customer_id: str
    rule: Rule
    episode_started_at: Annotated[datetime, Meta(tz=True, description="When the rule became true, or asked again.")]
    decided_at: Annotated[datetime, Meta(tz=True, description="The due time or the event's time, not the clock.")]
    expires_at: Annotated[datetime, Meta(tz=True, description="After this the action must not be carried out.")]
    not_before: Annotated[
        Annotated[datetime, Meta(tz=True)] | None,
        Meta(description="The end of the customer's quiet hours; must not be sent before it."),
    ] = None
    time_zone: Annotated[
        str | None, Meta(description="The customer's time zone, if there are quiet hours and it is not personal.")
    ] = None
    template: Annotated[str, Meta(description="The message to use.")]
    variables: Annotated[
        dict[str, Number], Meta(description="Values for the template; null: the customer has no such value.")
    ]
    why: Annotated[tuple[Reason, ...], Meta(description="Every condition, with the observed value.")]
    retracted_at: Annotated[
        Annotated[datetime, Meta(tz=True)] | None,
        Meta(description="In a retraction only: the time of the event that ended the action."),
    ] = None
    retracted_because: Annotated[
        Retraction | None,
        Meta(description="In a retraction only: why. More reasons may be added; each one is a retraction."),
    ] = None
    channel: Annotated[str | None, Meta(description="How the customer is to be reached, such as `push`.")] = None
    locale: Annotated[str | None, Meta(description="The language of the message, such as `nl-BE`.")] = None
    labels: Annotated[
        dict[str, Number] | None, Meta(description="Constants of the rule, for those who carry out the action.")
    ] = None
    value: Annotated[
        Value | None, Meta(description="What the customer is worth, as known when the action was decided.")
    ] = None
    stage: Annotated[
        str | None, Meta(description="The customer's step of the ladder, as known when the action was decided.")
    ] = None
    repetition: Annotated[
        int | None,
        Meta(
            description="Of a rule that asks again while it holds: how often it has asked before; not in the first."
        ),
    ] = None
    experiment: Annotated[str | None, Meta(description="Of a rule that holds out customers: the experiment.")] = None
    arm: Annotated[
        str | None, Meta(description="The customer's side of the experiment: `treated`, or the name of a variant.")
    ] = None
    consent_as_of: Annotated[
        Annotated[datetime, Meta(tz=True)] | None,
        Meta(description="When the customer last said that messages are welcome."),
    ] = None
    priority: Annotated[int | None, Meta(description="The rule's priority.")] = None


Suppression = Literal[
    "cooling_down",
    "capped",
    "outranked",
    "held_out",
    "opted_out",
    "suppressed",
    "stale",
    "held",
    "shadow",
    "not_observable",
]


DISCARDED_DETAIL: Final = "discarded by hand"
EXPIRED_DETAIL: Final = "it had expired before it was released"
"""`detail` of a final decision `held`: the action is not held any longer. `linger rebuild` recognises both texts."""
PAUSED_DETAIL: Final = "paused"
BRAKED_DETAIL: Final = "the brake holds it"
"""How the `detail` of a decision `held` begins if a pause or the brake holds the action, and not its rule's pace."""


class Decision(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Why there is no action although a rule is true, or might be, so that "0 sent" always has an explanation."""

    action_id: Annotated[str, Meta(description="The id the action would have had.", extra_json_schema=_UUID)]
    decision: Suppression
    action: ActionName
    customer_id: str
    rule: Rule
    episode_started_at: Annotated[datetime, Meta(tz=True)]
    decided_at: Annotated[datetime, Meta(tz=True)]
    detail: Annotated[str, Meta(description="One sentence for people.")]
    experiment: Annotated[str | None, Meta(description="Of a rule that holds out customers: the experiment.")] = None
    arm: Annotated[
        str | None, Meta(description="The customer's side of the experiment: also `held out` or `as before`.")
    ] = None


def action_id(rule_id: str, customer_id: str, episode_start_ms: int) -> str:
    """Return the id of the action of one episode; a replay always gives the same id."""
    # A rule id cannot contain the separator, so no two triples collide.
    name = f"{rule_id}\n{episode_start_ms}\n{customer_id}".encode()
    # The same as uuid5, without creating an object first.
    hashed = _new_hash()
    hashed.update(name)
    return as_uuid(hashed.hexdigest())


def as_uuid(digits: str) -> str:
    """Return the UUID of version 5 that the digits of a SHA-1 hash make."""
    variant = _VARIANTS[digits[16]]
    return f"{digits[:8]}-{digits[8:12]}-5{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:32]}"


def begun_hash(rule_id: str) -> Any:
    """Return the hash of the ids of a rule's actions, up to the rule.

    A copy of it takes the start of the episode in milliseconds, a line feed and the customer's id. The first 16 bytes
    of its digest are then those of the UUID that `action_id` returns, but for version and variant.
    """
    hashed = _new_hash()
    hashed.update(f"{rule_id}\n".encode())
    return hashed


def moment(at_ms: int) -> datetime:
    """Return epoch milliseconds as an aware UTC datetime, exactly."""
    # Not from a float of seconds: from the year 2242 on, it is a microsecond off now and then.
    return _EPOCH + timedelta(milliseconds=at_ms)


def encode(record: Action | Decision) -> bytes:
    """Encode an action or a decision as JSON with a fixed order of fields: equal content gives equal bytes."""
    return msgspec.json.encode(record)
