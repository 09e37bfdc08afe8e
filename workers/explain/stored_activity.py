"""Everything that is stored of one customer's activity, as plain values for people and machines.

Pure. Nothing is left out: a field of `Activity`, `Series`, `Episode` or `Candidate` that is stored has its place
here, and a test fails for one that has none. Moments are ISO 8601 texts in UTC, days are ISO dates.
"""

import struct
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypedDict

import msgspec

from workers.clock import iso_text
from workers.core.coverage import type_of
from workers.core.customer.specs import SeriesSpec
from workers.core.events.decoding import FINGERPRINT_BYTES, UNIT
from workers.core.objects.customer import codec
from workers.core.objects.customer.activity import KNOWN, UNKNOWN, Activity, Candidate, Episode, reasons_in
from workers.core.objects.customer.series import Series
from workers.core.rules.rule_set import Rule, RuleSet

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC).date()


class KnownSeries(TypedDict):
    """Everything kept of one series: of an event type, or of some events of a type.

    Attributes:
        type: the event type.
        series: its name in what is stored; the type itself, if it holds every event of the type.
        needed: whether a rule still asks for it; if not, it is not continued.
        adds: the attribute that is added up, if a rule still says so.
        tells_apart: the attribute whose distinct values are counted, if a rule still says so.
        first: its first event.
        last: its latest event.
        total: number of events.
        sum: the total of their amounts; None if no rule sums it.
        active_days: number of days with events.
        days_kept: number of days with kept totals.
        days: those days.
        incomplete_until: up to and including this day, the kept days are not complete; None if they all are.
        distinct_values: of each distinct value, its hash and the day on which it was seen last. The value itself is
            not stored.
    """

    type: str
    series: str
    needed: bool
    adds: str | None
    tells_apart: str | None
    first: str
    last: str
    total: int
    sum: float | None
    active_days: int
    days_kept: int
    days: list[dict[str, Any]]
    incomplete_until: str | None
    distinct_values: list[dict[str, str]]


class KnownRule(TypedDict):
    """The state of one rule for the customer.

    Attributes:
        rule: the rule's id.
        holds_since: since when it holds; None if it does not.
        last_acted: its latest action; None if there is none.
        waiting_for_sources: whether it waits until its types have been seen further.
    """

    rule: str
    holds_since: str | None
    last_acted: str | None
    waiting_for_sources: bool


class KnownEpisode(TypedDict):
    """Everything kept of one rule's episodes, also of a rule that no longer exists. None where there is nothing.

    Attributes:
        rule: the rule's id; of a rule that is not in the files, `#` and its code, because no id is stored.
        exists: whether the rule is in the files.
        began: start of the current or last episode.
        holds: whether the rule holds now.
        last_acted: when it last acted.
        acted_before: when it acted before that.
        can_be_retracted_until: until when the last action can be taken back.
        undecided_at: the moment at which it could not be decided yet, because a type was not seen up to then.
        condition_holds_since: since when the condition holds, for a rule that requires it to last.
        earlier_episodes: their beginnings and ends.
        earlier_actions: beginnings and ends of the periods in which earlier actions stood.
    """

    rule: str
    exists: bool
    began: str | None
    holds: bool
    last_acted: str | None
    acted_before: str | None
    can_be_retracted_until: str | None
    undecided_at: str | None
    condition_holds_since: str | None
    earlier_episodes: list[str]
    earlier_actions: list[str]


class KnownCandidate(TypedDict):
    """An action that waits until a type is seen further, with its content.

    Attributes:
        rule: the rule's id, or its code as in `KnownEpisode`.
        began: start of the episode.
        waits_until: up to when everything must have been seen first, because an earlier event came late; else None.
        withdrawn_at: when the customer returned before it was admitted; None if they did not.
        action: the action.
        rule_version: of the rule.
        variables: for the template.
        why: every condition, with the observed value.
        retracted_because: why it would be taken back; None if it would not.
        why_retracted: the same with the observed values.
    """

    rule: str
    began: str | None
    waits_until: str | None
    withdrawn_at: str | None
    action: str
    rule_version: str
    variables: dict[str, Any]
    why: Any
    retracted_because: str | None
    why_retracted: Any


class StoredActivity(TypedDict):
    """An activity as plain values.

    Attributes:
        known_since: the customer's first event.
        latest_event: the customer's latest event.
        timer_decided_at: the latest due time that was decided after that event; None for none.
        looked_again_at: when the customer is evaluated next if no event arrives; None for never.
        decided_under: generation of the rule set under which the customer was last decided.
        events: one entry for each event type.
        filtered_events: one entry for each series of only some events of a type.
        rules: one entry for each rule of the files, in the order of their ids.
        episodes: of every rule for which one is stored.
        attributes: latest known values, by `type.attribute`, with the time of the event.
        template_values: values of the latest event of a type that templates use, by `type.attribute`.
        history_until: by event type, up to when the customer's events are history that was loaded; rules that read
            the type do not act on anything before. Empty for nearly all customers.
        known_by_history_until: the same for what holds because the customer is known; None if the first event that
            arrived was no history.
        pairs: by name of two series, the latest first event, and the event that followed it first: None for not yet,
            `unknown` if something followed and it is not known when.
        waiting_actions: actions that are not admitted yet, oldest first.
        counted_actions: when actions were decided that a limit over all rules still counts.
        nothing_changes_before: by group of rules, a moment before which time alone changes none of them.
        event_ids: hashes of the latest event ids, oldest first; the ids themselves are not stored.
    """

    known_since: str
    latest_event: str
    timer_decided_at: str | None
    looked_again_at: str | None
    decided_under: int
    events: list[KnownSeries]
    filtered_events: list[KnownSeries]
    rules: list[KnownRule]
    episodes: list[KnownEpisode]
    attributes: dict[str, dict[str, Any]]
    template_values: dict[str, Any]
    history_until: dict[str, str]
    known_by_history_until: str | None
    pairs: dict[str, dict[str, str | None]]
    waiting_actions: list[KnownCandidate]
    counted_actions: list[str]
    nothing_changes_before: dict[str, str]
    event_ids: list[str]


def stored_activity(activity: Activity, rules: RuleSet) -> StoredActivity:
    """Return everything that is stored of a customer; `rules` say which rules and series still exist."""
    specs = {spec.key: spec for spec in rules.specs()}
    series = [_series(key, facts, specs.get(key)) for key, facts in sorted(activity.series.items())]
    ids = {rule.id for rule in rules.rules}
    return StoredActivity(
        known_since=iso_text(activity.first_ms),
        latest_event=iso_text(activity.at_ms),
        timer_decided_at=_moment(activity.fired_ms),
        looked_again_at=_moment(activity.due_ms),
        decided_under=activity.generation,
        events=[facts for facts in series if facts["series"] == facts["type"]],
        filtered_events=[facts for facts in series if facts["series"] != facts["type"]],
        rules=[_rule(rule, activity) for rule in rules.rules],
        episodes=[
            _episode(rule_id, episode, exists=rule_id in ids)
            for rule_id, episode in sorted(activity.episodes.items())
        ],
        attributes={
            key: {"value": value, "at": iso_text(at_ms)} for key, (value, at_ms) in activity.attributes.items()
        },
        template_values=dict(activity.latest),
        history_until={name: iso_text(at_ms) for name, at_ms in sorted(activity.floors.items()) if name != KNOWN},
        known_by_history_until=_moment(activity.floors.get(KNOWN, 0)),
        pairs={key: _pair(first_ms, then_ms) for key, (first_ms, then_ms) in activity.pairs.items()},
        waiting_actions=[_candidate(candidate) for candidate in activity.candidates],
        counted_actions=[iso_text(at_ms) for at_ms in activity.acted],
        nothing_changes_before={name: iso_text(at_ms) for name, at_ms in activity.flips.items()},
        event_ids=[
            activity.seen[start : start + FINGERPRINT_BYTES].hex()
            for start in range(0, len(activity.seen), FINGERPRINT_BYTES)
        ],
    )


def read_activity(raw: bytes, rules: RuleSet) -> Activity:
    """Decode a stored activity, and make sure that every value in it can be shown.

    Raises:
        UnknownLayout: if it is damaged or was written by another version.
    """
    activity = codec.decode(raw, rules.codes)
    try:
        stored_activity(activity, rules)
    except (msgspec.MsgspecError, ValueError, OverflowError, OSError, struct.error) as error:
        # A moment beyond the calendar, packed days that are none, reasons that are none.
        raise codec.UnknownLayout(f"stored activity cannot be read: {error}") from None
    return activity


def _series(key: str, series: Series, spec: SeriesSpec | None) -> KnownSeries:
    sums: Sequence[int | None] = series.sums() or [None] * len(series.days())
    return KnownSeries(
        type=type_of(key),
        series=key,
        needed=spec is not None,
        adds=None if spec is None else spec.adds,
        tells_apart=None if spec is None else spec.tells_apart,
        first=iso_text(series.first_ms),
        last=iso_text(series.last_ms),
        total=series.total,
        sum=series.total_sum / UNIT if series.sums() or series.total_sum else None,
        active_days=series.active_days,
        days_kept=len(series.days()),
        days=[
            {"day": _day(day), "events": count, **({} if amount is None else {"sum": amount / UNIT})}
            for day, count, amount in zip(series.days(), series.counts(), sums, strict=True)
        ],
        incomplete_until=_day(series.gone_day) if series.gone_day else None,
        distinct_values=[
            {"hash": f"{value:08x}", "last_seen": _day(day)}
            for value, day in zip(series.values, series.value_days, strict=True)
        ],
    )


def _rule(rule: Rule, activity: Activity) -> KnownRule:
    episode = activity.episodes.get(rule.id)
    return KnownRule(
        rule=rule.id,
        holds_since=iso_text(episode.start_ms) if episode is not None and episode.holding else None,
        last_acted=iso_text(episode.acted_ms) if episode is not None and episode.acted_ms else None,
        waiting_for_sources=(episode is not None and bool(episode.pending_ms))
        or any(candidate.rule == rule.id for candidate in activity.candidates),
    )


def _episode(rule_id: str, episode: Episode, *, exists: bool) -> KnownEpisode:
    return KnownEpisode(
        rule=rule_id,
        exists=exists,
        began=_moment(episode.start_ms),
        holds=episode.holding,
        last_acted=_moment(episode.acted_ms),
        acted_before=_moment(episode.before_ms),
        can_be_retracted_until=_moment(episode.open_until_ms),
        undecided_at=_moment(episode.pending_ms),
        condition_holds_since=_moment(episode.true_since_ms),
        earlier_episodes=[iso_text(at_ms) for at_ms in episode.held],
        earlier_actions=[iso_text(at_ms) for at_ms in episode.stood],
    )


def _candidate(candidate: Candidate) -> KnownCandidate:
    return KnownCandidate(
        rule=candidate.rule,
        began=_moment(candidate.start_ms),
        waits_until=_moment(candidate.doubted_ms),
        withdrawn_at=_moment(candidate.withdrawn_ms),
        action=candidate.action,
        rule_version=candidate.version,
        variables=dict(candidate.variables),
        why=msgspec.to_builtins(reasons_in(candidate.why)),
        retracted_because=candidate.because,
        why_retracted=msgspec.to_builtins(reasons_in(candidate.why_back)) if candidate.why_back else [],
    )


def _pair(first_ms: int, then_ms: int) -> dict[str, str | None]:
    return {"first": _moment(first_ms), "then": "unknown" if then_ms == UNKNOWN else _moment(then_ms)}


def _moment(at_ms: int) -> str | None:
    """Return a moment as text, None for 0: nothing."""
    return iso_text(at_ms) if at_ms else None


def _day(day: int) -> str:
    """Return a day since 1970 as an ISO date."""
    return (_EPOCH + timedelta(days=day)).isoformat()
