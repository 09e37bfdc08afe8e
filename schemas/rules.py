"""Rule files: what marketers write.

A rule reads like a sentence: when its condition becomes true for a customer, it asks for one action.
`schemas.conditions` has the conditions. This module has the rest: control over actions, examples, and the settings
for every rule.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any, Final, Literal
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainSerializer,
    WithJsonSchema,
    model_validator,
)
from pydantic.json_schema import SkipJsonSchema

from schemas.actions import ACTION_PATTERN, Retraction, Suppression
from schemas.attribute_types import AttributeType
from schemas.bookkeeping import Bookkeeping
from schemas.conditions import (
    DEFINITION_PATTERN,
    Attribute,
    Condition,
    Plain,
    Reference,
    Span,
    StageName,
    Strict,
    TypeName,
    check_size,
)
from schemas.consent import spelling_of
from schemas.durations import DURATION_SCHEMA, Duration, parse_duration, write_duration
from schemas.events import SIGNS_OF_LIFE
from schemas.ladders import Ladder
from schemas.outcomes import CapAsWritten, LeftOut, LeftOutOfAll, Points, SuccessAsWritten, Variants
from schemas.paces import Brake, Pace
from schemas.refusals import InconsistentEntries, WrongFormat, not_in_format
from schemas.value import Valuation, with_value
from schemas.variables import MOST_VARIABLES, Variable

RULE_ID_PATTERN: Final = r"^[a-z][a-z0-9-]{1,62}[a-z0-9]$"
RuleId = Annotated[str, Field(pattern=RULE_ID_PATTERN)]
ActionName = Annotated[str, Field(pattern=ACTION_PATTERN)]

_ACTIONS: Final = re.compile(r"(\d{1,3})\s+actions?")
_CLOCK: Final = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")
_OFFSET_PART: Final = re.compile(r"(\d{1,6})\s+([A-Za-z]+)")


# -- control over actions --------------------------------------------------------------------------------------


def _again_after(value: Any) -> Any:
    return None if value in ("never", None) else parse_duration(value)


AgainAfter = Annotated[
    timedelta | None,
    BeforeValidator(_again_after),
    PlainSerializer(lambda pause: "never" if pause is None else write_duration(pause), return_type=str),
    WithJsonSchema({"anyOf": [{"const": "never"}, DURATION_SCHEMA]}),
]


def _read_actions(value: Any) -> Any:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    match = _ACTIONS.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None or not int(match[1]):
        raise not_in_format("a number of actions such as '2 actions'", value, "actions")
    return int(match[1])


MostActions = Annotated[
    int,
    BeforeValidator(_read_actions),
    Field(ge=1, le=100),
    PlainSerializer(lambda number: f"{number} action" + ("" if number == 1 else "s"), return_type=str),
    WithJsonSchema({"type": "string", "pattern": r"^\d{1,3}\s+actions?$", "examples": ["2 actions"]}),
]


BY_VALUE: Final = "by value"
"""The priority of a rule whose held actions go out by the value of the customers."""
_PRIORITY_SCHEMA: Final = WithJsonSchema(
    {"anyOf": [{"type": "integer", "minimum": 1, "maximum": 100}, {"const": BY_VALUE}]}
)
Constant = Annotated[str, Field(min_length=1, max_length=64)]
Labels = Annotated[
    dict[Attribute, Annotated[str, Field(max_length=200)] | int | float | bool], Field(min_length=1, max_length=16)
]


class Rule(Strict):
    """A rule: when its condition is true for a customer, it asks for an action."""

    id: RuleId = Field(
        description="The permanent name of the rule: small letters, digits, hyphens.",
        examples=["regular-gone-quiet"],
    )
    title: Annotated[str, Field(min_length=3, max_length=120)] = Field(
        description="The name for people.", examples=["A regular buyer has gone quiet"]
    )
    description: Annotated[str, Field(max_length=2000)] | None = Field(
        default=None, description="Why this rule exists, for colleagues.", examples=["Half of them never come back."]
    )
    status: Literal["draft", "shadow", "live", "paused"] = Field(
        default="draft",
        description="draft: is only checked; shadow: decides and reports, but sends nothing; live: sends; "
        "paused: sends nothing new, but still takes back earlier actions.",
        examples=["shadow"],
    )
    when: Condition = Field(description="The condition.", examples=[{"none": "purchase", "for": "45 days"}])
    unless: Condition | None = Field(
        default=None,
        description="Leaves out customers who match this condition.",
        examples=[{"count": "complaint", "at least": 1, "within": "30 days"}],
    )
    for_: Span | None = Field(
        default=None,
        alias="for",
        description="How long the condition must be true before the rule acts. By default it acts at once.",
        examples=["3 days"],
    )
    action: ActionName = Field(
        description="The action to ask for when the condition becomes true: `at-risk`, `win-back`, or one that "
        "sources.yaml declares under `actions`.",
        examples=["at-risk", "win-back"],
    )
    template: Annotated[str, Field(min_length=1, max_length=120)] = Field(
        description="The message that the mailer uses.", examples=["we-miss-you"]
    )
    variables: Annotated[dict[Attribute, Variable], Field(max_length=MOST_VARIABLES)] = Field(
        default_factory=dict,
        description="Template variables: a name, and an attribute of the customer's latest event of a type, or a "
        "measurement.",
        examples=[{"reason": "cancellation.reason"}, {"spent": {"sum": "purchase.amount", "within": "365 days"}}],
    )
    channel: Constant | None = Field(
        default=None, description="How the customer is to be reached; goes with the action.", examples=["push"]
    )
    locale: Constant | None = Field(
        default=None, description="The language of the message; goes with the action.", examples=["nl-BE"]
    )
    labels: Labels | None = Field(
        default=None,
        description="Names with values that go with the action, for those who carry it out.",
        examples=[{"campaign": "spring", "cost": 0.4}],
    )
    again_after: AgainAfter = Field(
        alias="again after",
        default=timedelta(days=30),
        description="How long the rule stays silent for a customer after it acted.",
        examples=["90 days", "never"],
    )
    again_every: Span | None = Field(
        default=None,
        alias="again every",
        description="While it still holds for a customer, the rule asks again after each period of this length, "
        "counted from when it began to hold. Each is an action of its own.",
        examples=["30 days"],
    )
    at_most: MostActions | None = Field(
        default=None,
        alias="at most",
        description="How often a rule with `again every` asks while it holds without a break, the first time "
        "included.",
        examples=["3 actions"],
    )
    expires_after: Duration = Field(
        alias="expires after",
        description="How long the action makes sense; it must not be carried out later.",
        examples=["14 days"],
    )
    priority: Annotated[Annotated[int, Field(ge=1, le=100)] | None, _PRIORITY_SCHEMA] = Field(
        default=None,
        description="A lower-priority rule does not act while an action of a higher-priority rule is active. "
        "`by value` says nothing of rules: of the actions above the pace, those for the customers of the greatest "
        "value go first.",
        examples=[80, BY_VALUE],
    )
    by_value: SkipJsonSchema[Literal[True] | None] = Field(
        default=None, alias="(by value)", description="Filled in for `priority: by value`, never in a file."
    )
    instead_of: Annotated[list[RuleId], Field(min_length=1, max_length=50)] | None = Field(
        default=None,
        alias="instead of",
        description="Rules that do not act while this one is true. Their active actions are taken back when it acts.",
        examples=[["first-time-buyer"]],
    )
    pace: Pace | None = Field(
        default=None, description="The most actions in a period.", examples=["at most 500 per hour"]
    )
    over_pace: Literal["hold", "spread"] = Field(
        default="hold",
        alias="over pace",
        description="Actions above the pace are held for `linger rules release` or `discard`, or spread over time.",
        examples=["spread"],
    )
    hold_out: LeftOut | None = Field(
        default=None,
        alias="hold out",
        description="The share of customers who get nothing, so that the effect can be measured.",
        examples=["10%"],
    )
    experiment: Annotated[str, Field(pattern=RULE_ID_PATTERN)] | None = Field(
        default=None,
        description="Rules of the same experiment hold out the same customers. By default: the rule's id.",
        examples=["winter-2026"],
    )
    variants: Variants | None = Field(
        default=None,
        description="Names of messages to compare, each with its share of the customers who get one. The name goes "
        "with the action.",
        examples=[{"a": "50%", "b": "50%"}],
    )
    as_before: LeftOut | None = Field(
        default=None,
        alias="as before",
        description="A further share of customers who get nothing from Linger, because an older campaign goes on for "
        "them.",
        examples=["10%"],
    )
    success: SuccessAsWritten | None = Field(
        default=None,
        description="What counts as a success of this rule: an event type, and how long after the rule would have "
        "acted. By default, of `at-risk` and `win-back`, a purchase within 30 days.",
        examples=[
            "purchase within 30 days",
            {"event": "purchase", "where": {"amount": {"at least": 20}}, "within": "14 days"},
        ],
    )
    smallest_difference: Points | None = Field(
        default=None,
        alias="smallest difference",
        description="The least difference between the shares of success that matters; 3 points by default.",
        examples=["3 points"],
    )
    count_at_most: CapAsWritten | None = Field(
        default=None,
        alias="count at most",
        description="The most that counts of what one customer spends, so that one large order does not decide. Only "
        "with it is money compared, in this currency; by default in that of `value`, with its rates.",
        examples=["500 EUR"],
    )
    take_back: Literal["never"] | None = Field(
        default=None,
        alias="take back",
        description="never: an action stands when the rule no longer holds, as for a rule about something good. It "
        "is still taken back when the customer opts out, when a late event shows that it was wrong, and when another "
        "rule acts instead. By default it is also taken back as soon as the rule no longer holds.",
        examples=["never"],
    )
    existing: Literal["leave alone", "include"] = Field(
        default="leave alone",
        description="What to do with customers who already match when the rule goes live.",
        examples=["include"],
    )
    examples: Annotated[list["Example"], Field(max_length=50)] = Field(
        default_factory=list,
        description="Made-up customers and the expected results. A live rule needs one example in which it acts "
        "and one in which it does not.",
    )

    @model_validator(mode="before")
    @classmethod
    def _by_value(cls, content: Any) -> Any:
        if isinstance(content, dict) and content.get("priority") == BY_VALUE:
            return {**content, "priority": None, "(by value)": True}
        return content

    @model_validator(mode="after")
    def _sensible(self) -> "Rule":
        check_size([self.when, *([] if self.unless is None else [self.unless])])
        if self.existing == "include" and self.pace is None:
            message = "'existing: include' needs a 'pace', such as 'at most 500 per hour'"
            raise InconsistentEntries(message, "existing")
        if self.over_pace == "spread" and self.pace is None:
            raise InconsistentEntries("'over pace' needs a 'pace', such as 'at most 500 per hour'", "over pace")
        if self.hold_out is None and (said := _said_of_experiment(self)):
            raise InconsistentEntries(f"'{said[0]}' needs a 'hold out', such as '10%'", *said)
        if self.at_most is not None and self.again_every is None:
            raise InconsistentEntries("'at most' needs an 'again every', such as '30 days'", "at most")
        if self.again_every is not None and self.again_every < self.expires_after:
            expiry = write_duration(self.expires_after)
            message = (
                f"an action expires only after {expiry}, so the rule cannot ask again before that: make "
                "'again every' longer, or 'expires after' shorter"
            )
            raise InconsistentEntries(message, "again every")
        if self.instead_of is not None and self.id in self.instead_of:
            raise InconsistentEntries("a rule cannot act instead of itself", "instead of")
        return self


def _said_of_experiment(rule: Rule) -> list[str]:
    """Return the keys by which a rule says how customers are divided, beside the hold-out."""
    said = {"experiment": rule.experiment, "variants": rule.variants, "as before": rule.as_before}
    return [key for key, value in said.items() if value is not None]


def measured(rule: Rule, value: Valuation | None) -> Rule:
    """Return a rule whose conditions on the value of a customer are measured as a file says."""
    unless = None if rule.unless is None else with_value(rule.unless, value)
    return rule.model_copy(update={"when": with_value(rule.when, value), "unless": unless})


# -- settings for every rule -----------------------------------------------------------------------------------


class Limit(Strict):
    """How many actions one customer gets, across all rules."""

    at_most: MostActions = Field(alias="at most", description="The most actions.", examples=["2 actions"])
    within: Span | None = Field(default=None, description="In any period of this length.", examples=["7 days"])
    per: Literal["calendar day", "calendar week"] | None = Field(
        default=None,
        description="In a day or a week (from Monday) of the customer's own calendar.",
        examples=["calendar day"],
    )

    @model_validator(mode="after")
    def _one_way(self) -> "Limit":
        if (self.within is None) == (self.per is None):
            raise InconsistentEntries("needs either 'within: 7 days' or 'per: calendar day'", "within")
        return self


def _read_clock(value: Any) -> Any:
    match = _CLOCK.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise not_in_format("a time of day such as '21:00'", value, "time of day")
    return f"{int(match[1]):02}:{match[2]}"


ClockTime = Annotated[
    str,
    BeforeValidator(_read_clock),
    WithJsonSchema({"type": "string", "pattern": r"^([01]?\d|2[0-3]):[0-5]\d$", "examples": ["21:00"]}),
]


class QuietHours(Strict):
    """Hours in which customers get no messages, in the customer's time zone."""

    from_: ClockTime = Field(alias="from", description="No messages from this time on.", examples=["21:00"])
    until: ClockTime = Field(description="Messages are sent again from this time on.", examples=["08:00"])

    @model_validator(mode="after")
    def _some_time(self) -> "QuietHours":
        if self.from_ == self.until:
            message = "'from' and 'until' are the same: that would be no time, or always"
            raise InconsistentEntries(message, "from")
        return self


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ValueError, OSError, KeyError):  # ZoneInfoNotFoundError is a KeyError
        message = f"there is no time zone '{name}'; zones are called like 'Europe/Berlin'"
        raise WrongFormat(message, "time zone") from None
    return name


Zone = Annotated[str, AfterValidator(_zone), Field(max_length=64, examples=["Europe/Berlin"])]


class TimeZone(Strict):
    """The customer's time zone: the first of these that is known, else UTC."""

    from_: Reference | None = Field(
        default=None,
        alias="from",
        description="The attribute with the zone's name.",
        examples=["profile.time_zone"],
    )
    country: Reference | None = Field(
        default=None, description="The attribute with the country, a key of `zones`.", examples=["profile.country"]
    )
    zones: Annotated[dict[str, Zone], Field(max_length=300)] = Field(
        default_factory=dict,
        description="The time zone of each country.",
        examples=[{"DE": "Europe/Berlin", "PT": "Europe/Lisbon"}],
    )
    otherwise: Zone = Field(
        default="UTC", description="The time zone of all other customers.", examples=["Europe/Berlin"]
    )

    @model_validator(mode="after")
    def _together(self) -> "TimeZone":
        if (self.country is None) != (not self.zones):
            raise InconsistentEntries("'country' and 'zones' go together", "country", "zones")
        return self


class Consent(Strict):
    """Customers who must not get messages."""

    from_: Reference = Field(
        alias="from", description="The attribute with the consent.", examples=["profile.marketing_consent"]
    )
    opted_in: Annotated[list[Plain], Field(max_length=64)] = Field(
        default_factory=list,
        alias="opted in",
        description="Values that mean yes, beyond the common ones such as `true`, `yes`, `1`, `subscribed`.",
        examples=[["ja", "newsletter"]],
    )
    opted_out: Annotated[list[Plain], Field(max_length=64)] = Field(
        default_factory=list,
        alias="opted out",
        description="Values that mean no, beyond the common ones such as `false`, `no`, `0`, `unsubscribed`.",
        examples=[["nein", "bounced"]],
    )
    unknown: Literal["may be written to", "opted out"] = Field(
        default="may be written to",
        description="How to treat customers without a known value.",
        examples=["opted out"],
    )

    @model_validator(mode="after")
    def _one_meaning(self) -> "Consent":
        both = {spelling_of(value) for value in self.opted_in} & {spelling_of(value) for value in self.opted_out}
        if both:
            message = f"'{min(both)}' cannot mean both: it is under 'opted in' and under 'opted out'"
            raise InconsistentEntries(message, "opted in", "opted out")
        return self


class ForEveryRule(Strict):
    """Settings for every rule; in one file only."""

    channel: Constant | None = Field(
        default=None, description="The channel of rules that name none.", examples=["email"]
    )
    locale: Constant | None = Field(
        default=None, description="The locale of rules that name none.", examples=["nl-BE"]
    )
    limits: Annotated[list[Limit], Field(max_length=8)] = Field(
        default_factory=list,
        description="How many actions one customer gets, across all rules.",
        examples=[[{"at most": "2 actions", "within": "7 days"}]],
    )
    quiet_hours: QuietHours | None = Field(
        default=None,
        alias="quiet hours",
        description="Hours in which customers get no messages; actions then have a `not_before`.",
        examples=[{"from": "21:00", "until": "08:00"}],
    )
    time_zone: TimeZone = Field(
        default_factory=TimeZone,
        alias="time zone",
        description="The customer's time zone.",
        examples=[{"from": "profile.time_zone", "otherwise": "Europe/Berlin"}],
    )
    consent: Consent | None = Field(default=None, description="Customers who must not get messages.")
    hold_out: LeftOutOfAll | None = Field(
        default=None,
        alias="hold out",
        description="The share of all customers who get nothing from any rule, so that the effect of all rules "
        "together can be measured.",
        examples=["5% of everybody"],
    )
    success: SuccessAsWritten | None = Field(
        default=None,
        description="What counts as a success of rules that do not say it, and of all rules together; a purchase "
        "within 30 days by default.",
        examples=["purchase within 30 days"],
    )
    smallest_difference: Points | None = Field(
        default=None,
        alias="smallest difference",
        description="The smallest difference of rules that do not say it, and of all rules together.",
        examples=["3 points"],
    )
    count_at_most: CapAsWritten | None = Field(
        default=None,
        alias="count at most",
        description="The most that counts of what one customer spends, for rules that do not say it, and for all "
        "rules together.",
        examples=["500 EUR"],
    )
    brake: Brake | None = Field(
        default=None,
        description="The most actions of all rules together in an hour; what exceeds it is held until it is "
        "released or discarded. By default: ten times the greatest hour of the last 28 days, at least 500.",
        examples=["at most 2,000 per hour"],
    )


# -- examples and tests ----------------------------------------------------------------------------------------


_OFFSET_WORDS: Final = "'start' or a time since the start such as '20 days 6 hours'"


def _read_offset(value: Any) -> Any:
    """Read `start`, `20 days`, or `20 days 6 hours`."""
    if isinstance(value, timedelta):
        return value
    if value == "start":
        return timedelta(0)
    if not isinstance(value, str) or not value.strip():
        raise not_in_format(_OFFSET_WORDS, value, "offset")
    total, rest = timedelta(0), value.strip()
    for match in _OFFSET_PART.finditer(rest):
        total += parse_duration(match[0]) if int(match[1]) else timedelta(0)
    if _OFFSET_PART.sub("", rest).strip():
        raise not_in_format(_OFFSET_WORDS, value, "offset")
    return total


def write_offset(offset: timedelta) -> str:
    """Write a time since the start, such as `20 days 6 hours`."""
    parts = []
    for name, unit in (("day", 86_400_000), ("hour", 3_600_000), ("minute", 60_000), ("second", 1_000)):
        count, rest = divmod(offset // timedelta(milliseconds=1), unit)
        offset = timedelta(milliseconds=rest)
        if count:
            parts.append(f"{count} {name}" + ("" if count == 1 else "s"))
    return " ".join(parts) or "start"


Offset = Annotated[
    timedelta,
    BeforeValidator(_read_offset),
    PlainSerializer(write_offset, return_type=str),
    WithJsonSchema({"type": "string", "examples": ["start", "20 days", "20 days 6 hours"]}),
]


class Given(Strict):
    """An event of a made-up customer, once or repeatedly."""

    at: Offset = Field(description="When, counted from the start.", examples=["start", "20 days 6 hours"])
    event: TypeName = Field(description="The event type.", examples=["purchase"])
    with_: Annotated[dict[Attribute, Plain], Field(max_length=64)] = Field(
        default_factory=dict,
        alias="with",
        description="The attributes. A purchase without `amount` costs 10 EUR.",
        examples=[{"amount": 25}],
    )
    every: Duration | None = Field(default=None, description="Repeat after this time.", examples=["7 days"])
    times: Annotated[int, Field(ge=2, le=500)] | None = Field(
        default=None, description="How often in total.", examples=[5]
    )

    @model_validator(mode="after")
    def _together(self) -> "Given":
        if (self.every is None) != (self.times is None):
            raise InconsistentEntries("'every' and 'times' go together", "every", "times")
        return self


def _read_expected_value(value: Any) -> Any:
    is_amount = isinstance(value, int | float | Decimal) and not isinstance(value, bool)
    return {"amount": value} if is_amount else value


class ExpectedValue(Strict):
    """What is expected of the value of the customer, as it goes with an action or a stage."""

    amount: Decimal | None = Field(default=None, description="The amount.", examples=[480])
    currency: Annotated[str, Field(max_length=16)] | None = Field(
        default=None, description="Its currency.", examples=["EUR"]
    )
    window: Annotated[str, Field(max_length=64)] | None = Field(
        default=None, description="The period that it covers.", examples=["365 days"]
    )
    tier: Annotated[str, Field(max_length=64)] | None = Field(
        default=None, description="The smallest top to which the customer belongs.", examples=["top 20%"]
    )


class Expected(Strict):
    """One expected decision, or one stage on which the customer stands from then on."""

    at: Offset = Field(description="When, counted from the start.", examples=["65 days"])
    rule: RuleId | None = Field(
        default=None,
        description="The rule. By default the rule that has the example.",
        examples=["regular-gone-quiet"],
    )
    action: ActionName | None = Field(
        default=None, description="The rule asks for this action.", examples=["at-risk"]
    )
    retracted: Retraction | None = Field(
        default=None, description="An action is taken back, and why.", examples=["customer_returned"]
    )
    decision: Suppression | None = Field(
        default=None, description="Nothing is sent, and why.", examples=["cooling_down"]
    )
    stage: StageName | None = Field(
        default=None,
        description="The customer stands on this stage from then on; beside `action`, the stage that goes with it. "
        "Stages are compared if one is expected.",
        examples=["quiet"],
    )
    variables: dict[Attribute, Plain | None] | None = Field(
        default=None,
        description="The values for the message. Not compared by default.",
        examples=[{"reason": "price"}],
    )
    channel: Constant | None = Field(
        default=None, description="The channel of the action. Not compared by default.", examples=["push"]
    )
    locale: Constant | None = Field(
        default=None, description="The locale of the action. Not compared by default.", examples=["nl-BE"]
    )
    labels: Labels | None = Field(
        default=None,
        description="All labels of the action. Not compared by default.",
        examples=[{"campaign": "spring"}],
    )
    value: (
        Annotated[
            ExpectedValue, BeforeValidator(_read_expected_value, json_schema_input_type=Decimal | ExpectedValue)
        ]
        | None
    ) = Field(
        default=None,
        description="What the customer is worth, as it goes with the action or the stage: an amount, or as much of "
        "it as is named.",
        examples=[480, {"amount": 480, "tier": "top 20%"}],
    )
    not_before: Offset | None = Field(
        default=None,
        alias="not before",
        description="The earliest time at which it may be sent.",
        examples=["65 days 8 hours"],
    )

    @model_validator(mode="after")
    def _one(self) -> "Expected":
        given = [name for name in ("action", "retracted", "decision", "stage") if getattr(self, name) is not None]
        if len(given) != 1 and given != ["action", "stage"]:
            raise InconsistentEntries("needs one of 'action', 'retracted', 'decision', 'stage'", *given[:1])
        for name in ("rule", "variables", "channel", "locale", "labels", "not_before") if self.is_stage else ():
            if getattr(self, name) is not None:
                raise InconsistentEntries(f"a stage has no '{name.replace('_', ' ')}'", name.replace("_", " "))
        return self

    @property
    def is_stage(self) -> bool:
        """Whether it is about a stage, and not about an action that a customer on this stage gets."""
        return self.stage is not None and self.action is None


class Example(Strict):
    """A made-up customer and the expected results."""

    name: Annotated[str, Field(min_length=3, max_length=200)] = Field(
        description="What the example shows.", examples=["three purchases and then silence"]
    )
    given: Annotated[list[Given], Field(min_length=1, max_length=200)] = Field(
        description="What the customer does.", examples=[[{"at": "start", "event": "purchase"}]]
    )
    expect: Annotated[list[Expected], Field(min_length=1, max_length=100)] | Literal["nothing"] = Field(
        description="Everything that is decided, or `nothing`.", examples=["nothing"]
    )
    start: datetime | None = Field(
        default=None,
        description="When it starts, with a time zone. By default Monday, 2024-01-01, 00:00 UTC.",
        examples=["2024-03-30T12:00:00+01:00"],
    )
    watch_for: Duration | None = Field(
        default=None,
        alias="watch for",
        description="How long to watch, counted from the start. By default until two years after the last event.",
        examples=["100 days"],
    )
    ladder: StageName | None = Field(
        default=None,
        description="The ladder on which the customer stands, also if it is a draft. By default the live one, or the "
        "only one.",
        examples=["loyalty"],
    )

    @model_validator(mode="after")
    def _aware(self) -> "Example":
        if self.start is not None and self.start.tzinfo is None:
            raise InconsistentEntries("'start' needs a time zone, such as 2024-03-30T12:00:00+01:00", "start")
        return self

    def expectations(self) -> list[Expected]:
        """Return everything that is expected."""
        return [] if self.expect == "nothing" else list(self.expect)


class RuleTest(Example):
    """An example of several rules together."""

    rules: list[RuleId] | None = Field(
        default=None,
        description="The rules to test; `[]` for the ladder alone. By default all live and shadow rules.",
        examples=[["first-time-buyer"]],
    )


# -- files -----------------------------------------------------------------------------------------------------


class RuleFile(Strict):
    """A file in `rules/`: rules, named conditions, a ladder, what a customer is worth, settings for every rule."""

    define: Annotated[
        dict[Annotated[str, Field(pattern=DEFINITION_PATTERN)], Condition], Field(min_length=1, max_length=100)
    ] = Field(
        default_factory=dict,
        validate_default=False,
        description="Named conditions, for `meets`. All files share them.",
        examples=[{"regular customer": {"count": "purchase", "at least": 3, "within": "365 days"}}],
    )
    for_every_rule: ForEveryRule | None = Field(
        default=None, alias="for every rule", description="Settings for every rule; in one file only."
    )
    stages: Ladder | None = Field(
        default=None, description="A ladder: the stages on which customers stand. One ladder of all files is live."
    )
    value: Valuation | None = Field(
        default=None,
        description="What a customer is worth; in one file only.",
        examples=[{"revenue": ["purchase.amount"], "less": ["refund.amount"], "within": "365 days"}],
    )
    book: Bookkeeping | None = Field(
        default=None,
        description="Which events mean what in the figures over all customers; in one file only.",
        examples=[{"purchase": "purchase", "contract": ["renewal"]}],
    )
    rules: Annotated[list[Rule], Field(min_length=1, max_length=500)] = Field(
        default_factory=list, validate_default=False, description="The rules."
    )

    @model_validator(mode="after")
    def _something(self) -> "RuleFile":
        content = (self.rules, self.define, self.for_every_rule, self.stages, self.value, self.book)
        if not any(content):
            raise ValueError("needs one of 'rules', 'define', 'stages', 'for every rule', 'value', 'book'")
        return self


class RuleTestFile(Strict):
    """A file `*_test.yaml` beside rule files: tests of several rules together."""

    tests: Annotated[list[RuleTest], Field(min_length=1, max_length=500)] = Field(description="The tests.")


@dataclass(frozen=True, slots=True)
class RuleBook:
    """The content of all rule files.

    Attributes:
        rules: the rules of all files; their ids are unique.
        define: named conditions as written; they can refer to each other.
        for_every_rule: settings for every rule.
        attribute_types: the types that `sources.yaml` declares, by `type.attribute`: the rules read values as these.
        signs_of_life: the event types that show that a customer is back.
        personal: the attributes that `sources.yaml` declares personal, as `type.attribute`.
        forget_after: how long after the last of these a customer is forgotten; None for never.
        value: what a customer is worth; None if no file says it. The conditions of the rules are measured by it.
        ladders: of all files; at most one is live.
        book: which events mean what in the figures over all customers; None if no file says it.
    """

    rules: tuple[Rule, ...] = ()
    define: Mapping[str, Condition] = field(default_factory=dict)
    for_every_rule: ForEveryRule = field(default_factory=ForEveryRule)
    attribute_types: Mapping[str, AttributeType] = field(default_factory=dict)
    signs_of_life: frozenset[str] = SIGNS_OF_LIFE
    personal: frozenset[str] = frozenset()
    forget_after: timedelta | None = None
    value: Valuation | None = None
    ladders: tuple[Ladder, ...] = ()
    book: Bookkeeping | None = None

    @property
    def ladder(self) -> Ladder | None:
        """The live ladder, without steps that are drafts; None if there is none."""
        return next((ladder.counting() for ladder in self.ladders if ladder.status == "live"), None)


for _model in (Rule, RuleFile):
    _model.model_rebuild()
