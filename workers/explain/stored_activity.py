"""Everything that is stored of one customer's activity, as plain values for people and machines.

Pure. Nothing is left out: each of the facts of a customer (`core.customer.facts`) has its place here, and a test
fails for one that has none. Moments are ISO 8601 texts in UTC, to the second; days are ISO dates.
"""

from typing import Any, Final, TypedDict

import msgspec

from workers.core.coverage import FOREVER_MS, type_of
from workers.core.customer.customer import KNOWN
from workers.core.customer.specs import SeriesSpec
from workers.core.customer.stage import CODE_BYTES, code_of_stage
from workers.core.customer.stored import UnknownLayout
from workers.core.decisions.decide import decider_of
from workers.core.rules.rule_set import Rule, RuleSet
from workers.customer_facts.facts import (
    UNKNOWN,
    CandidateFacts,
    CustomerFacts,
    EntryFacts,
    EpisodeFacts,
    PairFacts,
    SeriesFacts,
    StageFacts,
)
from workers.customer_facts.facts_of import stored_facts
from workers.customer_facts.texts import Day, Moment, moment_text

_TO_THE_SECOND: Final = len("2026-11-30T12:00:00")


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
        sees: the attribute whose latest values are kept, if a rule still says so.
        latest_values: these, each with the days of its events.
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
    sees: str | None
    latest_values: list[dict[str, Any]]


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
        asked: how often a rule that repeats has asked since it holds.
        was_left_out: whether nothing was sent the last time it acted, because the customer is left out.
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
    asked: int
    was_left_out: bool
    earlier_episodes: list[str]
    earlier_actions: list[str]


class KnownCandidate(TypedDict):
    """An action that waits until a type is seen further, with its content.

    Attributes:
        rule: the rule's id, or its code as in `KnownEpisode`; `unknown` if no one knows that version of it.
        began: start of the episode, or a later moment at which the rule asks again.
        waits_until: up to when everything must have been seen first, because an earlier event came late; else None.
        withdrawn_at: when the customer returned before it was admitted; None if they did not.
        action: the action; `unknown` as the rule.
        rule_version: of the rule.
        variables: for the template.
        known: what else goes with it.
        successes: by key of an experiment, what successes have brought since it began.
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
    known: dict[str, Any]
    successes: dict[str, str]
    why: Any
    retracted_because: str | None
    why_retracted: Any


class KnownStage(TypedDict):
    """Where the customer stands on the ladder; a stage that the ladder does not have is named by `#` and its code.

    Attributes:
        stage: that was known last, at the latest event; None if none ever was.
        since: when the customer came there.
        came_from: the stage before.
        direction: `up` or `down`; `none` for no move.
        by_time: whether time alone changed it.
        published: the stage of the newest record; None if the present one is still to be published.
        published_since: since when, by that record.
        changes_at: when time alone changes the stage next; None for never, or if that is not known.
    """

    stage: str | None
    since: str | None
    came_from: str | None
    direction: str
    by_time: bool
    published: str | None
    published_since: str | None
    changes_at: str | None


class KnownEntry(TypedDict):
    """The customer in one experiment.

    Attributes:
        experiment: its name; its key if it has ended.
        entered: since when.
        arm: in which arm.
        succeeded: whether there was a success in time.
        brought: what the successes brought.
    """

    experiment: str
    entered: str
    arm: str
    succeeded: bool
    brought: str


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
        nothing_changes_before: by group of rules, a moment before which time alone changes none of them. A group is
            named by its first rule; in what releases up to 0.2 stored, by the name that it had there.
        event_ids: hashes of the latest event ids, oldest first; the ids themselves are not stored.
        stage: where the customer stood at the latest event, and what was published; None if nothing is stored.
        experiments: one entry for each experiment in which the customer is.
        forgotten_from: the start of the month from which on the customer is forgotten, if there is no sign of life
            before it; None for never. It is not stored, but follows from what is.
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
    stage: KnownStage | None
    experiments: list[KnownEntry]
    forgotten_from: str | None


def stored_activity(facts: CustomerFacts, rules: RuleSet, forgotten_ms: int) -> StoredActivity:
    """Return everything that is stored of a customer.

    Args:
        facts: of the customer, with what waits in words.
        rules: they say which rules and series still exist.
        forgotten_ms: from when on the customer is forgotten; FOREVER_MS for never.

    Raises:
        ValueError: if a moment or day is in no calendar.
    """
    specs = {spec.key: spec for spec in rules.specs()}
    series = [_series(key, one, specs.get(key)) for key, one in sorted(facts.series.items())]
    ids = {rule.id for rule in rules.rules}
    changes = facts.next_changes_before if facts.next_changes is None else facts.next_changes
    return StoredActivity(
        known_since=_moment(facts.known_since),
        latest_event=_moment(facts.latest_event),
        timer_decided_at=_perhaps(facts.timer_decided),
        looked_again_at=_perhaps(facts.due),
        decided_under=facts.generation,
        events=[one for one in series if one["series"] == one["type"]],
        filtered_events=[one for one in series if one["series"] != one["type"]],
        rules=[_rule(rule, facts) for rule in rules.rules],
        episodes=[
            _episode(rule_id, episode, exists=rule_id in ids) for rule_id, episode in sorted(facts.episodes.items())
        ],
        attributes={key: {"value": one.value, "at": _moment(one.at)} for key, one in facts.attributes.items()},
        template_values=dict(facts.template_values),
        history_until={name: _moment(at) for name, at in sorted(facts.history_until.items()) if name != KNOWN},
        known_by_history_until=_perhaps(facts.history_until.get(KNOWN)),
        pairs={key: _pair(pair) for key, pair in facts.pairs.items()},
        waiting_actions=[_candidate(candidate) for candidate in facts.candidates],
        counted_actions=[_moment(at) for at in facts.counted_actions],
        nothing_changes_before={name: _moment(at) for name, at in changes.items()},
        event_ids=list(facts.event_ids),
        stage=None if facts.stage is None else _stage(facts.stage, facts.ladder_changes, rules),
        experiments=[_entry(key, entry, rules) for key, entry in facts.experiments.items()],
        forgotten_from=None if forgotten_ms == FOREVER_MS else _moment(moment_text(forgotten_ms)),
    )


def read_activity(raw: bytes, rules: RuleSet) -> StoredActivity:
    """Read a stored customer: everything that is stored, in a form in which it can be shown.

    Raises:
        UnknownLayout: if it is damaged or was written by another version.
    """
    try:
        decider = decider_of(rules)
        return stored_activity(stored_facts(decider, raw), rules, decider.forgotten_ms(raw))
    except UnknownLayout:
        raise
    except (msgspec.MsgspecError, ValueError) as error:
        # A moment beyond the calendar, reasons that are none.
        raise UnknownLayout(f"stored activity cannot be read: {error}") from None


def _series(key: str, series: SeriesFacts, spec: SeriesSpec | None) -> KnownSeries:
    return KnownSeries(
        type=type_of(key),
        series=key,
        needed=spec is not None,
        adds=None if spec is None else spec.adds,
        tells_apart=None if spec is None else spec.tells_apart,
        first=_moment(series.first),
        last=_moment(series.last),
        total=series.total,
        sum=float(series.sum) if series.sums or series.sum != "0" else None,
        active_days=series.active_days,
        days_kept=len(series.days),
        days=[
            {"day": _day(day), "events": count, **({"sum": float(series.sums[place])} if series.sums else {})}
            for place, (day, count) in enumerate(series.days)
        ],
        incomplete_until=None if series.incomplete_until is None else _day(series.incomplete_until),
        distinct_values=[{"hash": value, "last_seen": _day(day)} for value, day in series.distinct_values],
        sees=None if spec is None else spec.sees,
        latest_values=[{"value": value, "days": [*map(_day, days)]} for value, days in series.latest_values],
    )


def _rule(rule: Rule, facts: CustomerFacts) -> KnownRule:
    episode = facts.episodes.get(rule.id, EpisodeFacts())
    return KnownRule(
        rule=rule.id,
        holds_since=_perhaps(episode.began) if episode.holds else None,
        last_acted=_perhaps(episode.acted),
        waiting_for_sources=episode.undecided_at is not None
        or any(candidate.rule == rule.id for candidate in facts.candidates),
    )


def _stage(facts: StageFacts, changes_at: Moment | None, rules: RuleSet) -> KnownStage:
    stages = () if rules.ladder is None else rules.ladder.stages
    names = {f"#{code_of_stage(name):0{2 * CODE_BYTES}x}": name for name in stages}

    def named(code: str | None) -> str | None:
        return None if code is None else names.get(code, code)

    return KnownStage(
        stage=named(facts.stage),
        since=_perhaps(facts.since),
        came_from=named(facts.came_from),
        direction=facts.direction,
        by_time=facts.by_time,
        published=named(facts.published),
        published_since=_perhaps(facts.published_since),
        changes_at=_perhaps(changes_at),
    )


def _episode(rule_id: str, episode: EpisodeFacts, *, exists: bool) -> KnownEpisode:
    return KnownEpisode(
        rule=rule_id,
        exists=exists,
        began=_perhaps(episode.began),
        holds=episode.holds,
        last_acted=_perhaps(episode.acted),
        acted_before=_perhaps(episode.acted_before),
        can_be_retracted_until=_perhaps(episode.retractable_until),
        undecided_at=_perhaps(episode.undecided_at),
        condition_holds_since=_perhaps(episode.condition_holds_since),
        asked=episode.asked,
        was_left_out=episode.is_silent,
        earlier_episodes=[_moment(at) for at in episode.earlier_episodes],
        earlier_actions=[_moment(at) for at in episode.earlier_actions],
    )


def _entry(key: str, entry: EntryFacts, rules: RuleSet) -> KnownEntry:
    names = {one.key: one.arms.salt for one in rules.experiments}
    return KnownEntry(
        experiment=names.get(key, key),
        entered=_moment(entry.entered),
        arm=entry.arm,
        succeeded=entry.succeeded,
        brought=entry.brought,
    )


def _candidate(candidate: CandidateFacts) -> KnownCandidate:
    # Without words, no one knows what that version of its rule said.
    return KnownCandidate(
        rule=UNKNOWN if candidate.rule is None else candidate.rule,
        began=_perhaps(candidate.began),
        waits_until=_perhaps(candidate.doubted_until),
        withdrawn_at=_perhaps(candidate.withdrawn),
        action=UNKNOWN if candidate.action is None else candidate.action,
        rule_version=candidate.version,
        variables=dict(candidate.variables or {}),
        known=msgspec.to_builtins(candidate.known or {}),
        successes=dict(candidate.successes),
        why=msgspec.to_builtins(candidate.why or []),
        retracted_because=candidate.retracted_because,
        why_retracted=msgspec.to_builtins(candidate.why_back or []),
    )


def _pair(pair: PairFacts) -> dict[str, str | None]:
    return {"first": _moment(pair.first), "then": UNKNOWN if pair.then == UNKNOWN else _perhaps(pair.then)}


def _perhaps(at: Moment | None) -> str | None:
    """Return a moment as it is shown, None for none."""
    return None if at is None else _moment(at)


def _moment(at: Moment) -> str:
    """Return a moment as it is shown: to the second."""
    if isinstance(at, int):
        raise ValueError(f"{at} ms is a moment of no calendar")
    return f"{at[:_TO_THE_SECOND]}Z"


def _day(day: Day) -> str:
    """Return a day as it is shown."""
    if isinstance(day, int):
        raise ValueError(f"day {day} is in no calendar")
    return day
