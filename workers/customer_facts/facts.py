"""Facts: everything that is stored of one customer, under the names of docs/architecture.md, and back.

They say nothing of a layout: the facts are the same in every layout. `texts` writes moments, days and sums.
A rule is named by its id; one that is not in the rule set by `#` and its code.

What is read is not trusted: `take_facts` refuses what no customer can have, so a customer that it has filled can be
stored. `encode_facts` and `decode_facts` are the facts as JSON.
"""

from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from schemas.actions import ActionName, Known, Reason, Retraction
from workers.core.customer.customer import RING
from workers.customer_facts.texts import (
    Amount,
    Day,
    Moment,
    UnreadableFacts,
)

MAX_DAYS: Final = 1_200
"""Days of one customer, over all series."""
UNKNOWN_RULE: Final = "#"
"""First character of the name of a rule whose id is not known; no id begins with it."""
UNKNOWN: Final = "unknown"
"""In a pair: an event followed, and it is not known which one followed first."""
_MOST: Final = (1 << 62) - 1
_MOST_STRETCHES: Final = 20_000
_MOST_VALUES: Final = 1_000
"""Distinct values; more than any release counts."""
_MOST_CANDIDATES: Final = 10_000
_MOST_EVIDENCE: Final = 3_000

Count = Annotated[int, Meta(ge=0, le=_MOST)]
Whole = Annotated[int, Meta(ge=-_MOST, le=_MOST)]
Plain = bool | Whole | float | str | None
"""A value of an attribute, or of a variable of a template."""


class SeriesFacts(msgspec.Struct, omit_defaults=True, forbid_unknown_fields=True, kw_only=True):
    """Everything kept of one series.

    Attributes:
        type: the event type of its events.
        first, last: its earliest and latest event.
        total: number of events.
        sum: what was added up over the lifetime.
        active_days: number of days with events, over the lifetime.
        incomplete_until: up to and including this day, the days are incomplete; None if they all are complete.
        days: each day that is kept, ascending, with its number of events.
        sums: what was added up on each of them; empty if nothing is added up.
        distinct_values: of each distinct value, its hash and the day on which it was seen last, ascending by day.
        latest_values: values of the latest events, each with the days of its events, ascending.
    """

    type: str
    first: Moment
    last: Moment
    total: Count
    active_days: Count
    sum: Amount = "0"
    incomplete_until: Day | None = None
    days: Annotated[list[tuple[Day, Count]], Meta(max_length=MAX_DAYS)] = []
    sums: Annotated[list[Amount], Meta(max_length=MAX_DAYS)] = []
    distinct_values: Annotated[list[tuple[str, Day]], Meta(max_length=_MOST_VALUES)] = []
    latest_values: Annotated[list[tuple[Plain, list[Day]]], Meta(max_length=_MOST_VALUES)] = []


class EpisodeFacts(msgspec.Struct, omit_defaults=True, forbid_unknown_fields=True, kw_only=True):
    """Everything kept of one rule's episodes; None where there is nothing.

    Attributes:
        began: start of the current or last episode.
        holds: whether the rule holds now.
        acted: when it last acted.
        acted_before: when it acted before that.
        retractable_until: until when the last action can be taken back.
        undecided_at: the moment at which it could not be decided yet, because a type was not seen up to then.
        condition_holds_since: since when the condition holds, for a rule that requires it to last.
        asked: how often a rule that repeats has asked since it holds.
        is_silent: whether nothing was published of the last action, because the customer is left out.
        earlier_episodes: their beginnings and ends.
        earlier_actions: beginnings and ends of the periods in which earlier actions stood.
    """

    began: Moment | None = None
    holds: bool = False
    acted: Moment | None = None
    acted_before: Moment | None = None
    retractable_until: Moment | None = None
    undecided_at: Moment | None = None
    condition_holds_since: Moment | None = None
    asked: Count = 0
    is_silent: bool = False
    earlier_episodes: Annotated[list[Moment], Meta(max_length=_MOST_STRETCHES)] = []
    earlier_actions: Annotated[list[Moment], Meta(max_length=_MOST_STRETCHES)] = []


class EvidenceFacts(msgspec.Struct, omit_defaults=True, forbid_unknown_fields=True, kw_only=True):
    """What the conditions of a rule found at one moment, by their places in that version of the rule.

    Attributes:
        numbers: those that were noted; the rest is 0.
        values: what is no whole number, by the place of its condition.
    """

    numbers: Annotated[list[Whole], Meta(max_length=_MOST_EVIDENCE)] = []
    values: dict[str, Plain] = {}


class PairFacts(msgspec.Struct, omit_defaults=True, forbid_unknown_fields=True, kw_only=True):
    """A pair: the latest first event, and the event that followed it first: None for not yet, or `unknown`."""

    first: Moment
    then: Moment | None = None


class LatestFacts(msgspec.Struct, forbid_unknown_fields=True):
    """The latest known value of an attribute, and the time of its event."""

    value: bool | Whole | float | str
    at: Moment


class CandidateFacts(msgspec.Struct, omit_defaults=True, forbid_unknown_fields=True, kw_only=True):
    """An action that waits until a type is seen further. Its reasons are words, or the numbers behind them.

    Attributes:
        rule: the rule; None if only its version is known, which is not the one of the rule files.
        version: of the rule; the numbers are about this version's conditions.
        began: start of the episode, or a later moment at which its rule asks again.
        doubted_until: up to when everything must have been seen first, because an earlier event came late.
        withdrawn: when the customer returned before it was admitted.
        retracted_because: why it is taken back, if it was withdrawn.
        variables: of its template; None for none yet.
        known: what else goes with it; None for nothing.
        successes: by key of an experiment, what successes have brought since it began.
        found, found_back: what the reasons of the action and of its retraction are worded from.
        action, why, why_back: the action and its reasons in words, if it is worded already.
    """

    rule: str | None = None
    version: str
    began: Moment | None = None
    doubted_until: Moment | None = None
    withdrawn: Moment | None = None
    retracted_because: Retraction | None = None
    variables: dict[str, Plain] | None = None
    known: Known | None = None
    successes: dict[str, Amount] = {}
    found: EvidenceFacts | None = None
    found_back: EvidenceFacts | None = None
    action: ActionName | None = None
    why: list[Reason] | None = None
    why_back: list[Reason] | None = None


class StageFacts(msgspec.Struct, omit_defaults=True, forbid_unknown_fields=True, kw_only=True):
    """Where the customer stood at the latest event, and what the newest record of the topic of stages says.

    Stages are named by `#` and their codes: the names are in the ladder, which may be another one by now.

    Attributes:
        stage, since: the stage that was known last; None if none was ever known.
        came_from: the stage before.
        direction: of the move; `none` for no move.
        by_time: whether time alone changed it.
        published, published_since: what the newest record says. A moment without a stage: it says something else.
    """

    stage: str | None = None
    since: Moment | None = None
    came_from: str | None = None
    direction: Literal["none", "up", "down"] = "none"
    by_time: bool = False
    published: str | None = None
    published_since: Moment | None = None


class EntryFacts(msgspec.Struct, omit_defaults=True, forbid_unknown_fields=True, kw_only=True):
    """The customer in one experiment.

    Attributes:
        entered: since when.
        arm: in which arm.
        succeeded: whether there was a success in time.
        brought: what the successes brought.
    """

    entered: Moment
    arm: Annotated[str, Meta(min_length=1, max_length=64)]
    succeeded: bool = False
    brought: Amount = "0"


class CustomerFacts(msgspec.Struct, omit_defaults=True, forbid_unknown_fields=True, kw_only=True):
    """Everything that is stored of one customer.

    Attributes:
        known_since: the first event that arrived.
        latest_event: the customer's latest event.
        timer_decided: the latest due time that was decided after that event; None for none.
        due: when the customer is evaluated next if no event arrives; None for never.
        generation: of the rule set under which the customer was last decided.
        event_ids: hashes of the latest event ids, oldest first.
        series: by key.
        episodes: by rule.
        candidates: actions that are not admitted yet, oldest first.
        counted_actions: when actions were decided that a limit over all rules still counts.
        template_values: values of the latest event of a type that templates use, by `type.attribute`.
        attributes: the latest known values, by `type.attribute`.
        pairs: by the keys of two series.
        history_until: by event type, the floor: up to when the customer's events of the type are history. Under ""
            that of a customer who is known because of history.
        stage: where they stand on the ladder; None if there is nothing to remember.
        experiments: by key of the experiment.
        ladder_changes: when time alone changes the stage next; None for never, or if that is not known.
        next_changes: by the first rule of each group of rules, the next moment at which time alone changes one of the
            group; a group that is not there has none. None if the groups of the generation are not known.
        next_changes_before: then the same of the groups of an earlier release, by their names.
    """

    known_since: Moment
    latest_event: Moment
    timer_decided: Moment | None = None
    due: Moment | None = None
    generation: Count = 0
    event_ids: Annotated[list[str], Meta(max_length=RING)] = []
    series: dict[str, SeriesFacts] = {}
    episodes: dict[str, EpisodeFacts] = {}
    candidates: Annotated[list[CandidateFacts], Meta(max_length=_MOST_CANDIDATES)] = []
    counted_actions: Annotated[list[Moment], Meta(max_length=_MOST_STRETCHES)] = []
    template_values: dict[str, Plain] = {}
    attributes: dict[str, LatestFacts] = {}
    pairs: dict[str, PairFacts] = {}
    history_until: dict[str, Moment] = {}
    stage: StageFacts | None = None
    experiments: dict[str, EntryFacts] = {}
    ladder_changes: Moment | None = None
    next_changes: dict[str, Moment] | None = None
    next_changes_before: dict[str, Moment] = {}


encode_facts: Final = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(CustomerFacts).decode


def decode_facts(raw: bytes) -> CustomerFacts:
    """Read facts from JSON; whether a customer can have them is for `take_facts` to say.

    Raises:
        UnreadableFacts: if they are no facts.
    """
    try:
        return _decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UnreadableFacts(str(error)) from None
