"""What is stored of a customer becomes facts, and facts become a customer that can be stored.

Both directions leave nothing out: a customer that was filled from facts is stored in the same bytes as the customer
the facts were made of.
"""

import re
from typing import Any, Final, Literal

from schemas.actions import Reason
from schemas.durations import DAY_MS
from workers.core.coverage import FOREVER_MS, type_of
from workers.core.customer.candidate import Candidate, Evidence
from workers.core.customer.customer import Customer
from workers.core.customer.episode import Episode
from workers.core.customer.layout_3 import Waiting, reasons_in
from workers.core.customer.names import Names, code_of
from workers.core.customer.seen import are_in_order
from workers.core.customer.series import Series
from workers.core.customer.stage import CODE_BYTES, Stage
from workers.core.decisions.decide import Decider
from workers.core.decisions.decided import RETRACTIONS
from workers.core.events.decoding import FINGERPRINT_BYTES
from workers.customer_facts.facts import (
    MAX_DAYS,
    UNKNOWN,
    UNKNOWN_RULE,
    CandidateFacts,
    CustomerFacts,
    EntryFacts,
    EpisodeFacts,
    EvidenceFacts,
    LatestFacts,
    PairFacts,
    SeriesFacts,
    StageFacts,
)
from workers.customer_facts.texts import (
    Moment,
    UnreadableFacts,
    amount_in,
    amount_text,
    day_number,
    day_text,
    moment_ms,
    moment_text,
)

_CODE: Final = re.compile(r"[0-9a-f]{10}")
_FINGERPRINT: Final = re.compile(r"[0-9a-f]{12}")
_HASH: Final = re.compile(r"[0-9a-f]{8}")
_VERSION: Final = re.compile(r"[0-9a-f]{12}")
_STAGE: Final = re.compile(rf"{UNKNOWN_RULE}[0-9a-f]{{{2 * CODE_BYTES}}}")
DIRECTIONS: Final[tuple[Literal["none", "up", "down"], ...]] = ("none", "up", "down")
"""The directions of moves, by their numbers."""
_PLACE: Final = re.compile(r"0|[1-9][0-9]{0,2}")
_UNKNOWN_MS: Final = -1
_LATEST_MS: Final = 1 << 47
"""No event is as late; the year 6429."""
_HEX: Final = 16
_SHORT_SERIES: Final = 100
"""Days up to which a series takes another one without asking for room."""


def stored_facts(decider: Decider, raw: bytes) -> CustomerFacts:
    """Return everything that is stored of a customer, the actions that wait in words where their rules are known.

    Raises:
        UnknownLayout: if the state cannot be read.
    """
    decider.read(raw)
    decider.word_waiting()
    return facts_of(decider.names)


def facts_of(names: Names) -> CustomerFacts:
    """Return everything that is stored of the customer of a rule set's names, who is known."""
    customer = names.customer
    series = {}
    for one in customer.series:
        if one.is_present:
            series[one.key] = _series_facts(one)
    for key, one in customer.other_series.items():
        series[key] = _series_facts(one)
    episodes = {}
    for place in range(len(customer.episodes)):
        if customer.episodes[place].is_present:
            episodes[names.rules[place].id] = _episode_facts(customer.episodes[place])
    for code, episode in customer.other_episodes.items():
        episodes[UNKNOWN_RULE + code.hex()] = _episode_facts(episode)
    candidates = []
    for place in range(customer.waiting):
        candidates.append(_candidate_facts(customer.candidates[place], names))
    return CustomerFacts(
        known_since=moment_text(customer.first_ms),
        latest_event=moment_text(customer.at_ms),
        timer_decided=_perhaps(customer.fired_ms),
        due=_perhaps(customer.due_ms),
        generation=customer.generation,
        event_ids=[one.to_bytes(FINGERPRINT_BYTES, "little").hex() for one in customer.read_seen()],
        series=series,
        episodes=episodes,
        candidates=candidates,
        counted_actions=_texts(customer.acted),
        template_values=dict(customer.latest),
        attributes={name: LatestFacts(value, moment_text(at)) for name, (value, at) in customer.attributes.items()},
        pairs={key: _pair_facts(first_ms, then_ms) for key, (first_ms, then_ms) in customer.pairs.items()},
        history_until={name: moment_text(at_ms) for name, at_ms in customer.floors.items()},
        stage=_stage_facts(customer.stage),
        experiments={
            key: EntryFacts(entered=moment_text(at_ms), arm=arm, succeeded=won > 0, brought=amount_text(amount))
            for key, (at_ms, arm, won, amount) in customer.experiments.items()
        },
        ladder_changes=_ladder_change(customer, names),
        next_changes=_next_changes(names) if customer.flips_known else None,
        next_changes_before={}
        if customer.flips_known
        else {name: moment_text(at_ms) for name, at_ms in customer.named_flips.items()},
    )


def take_facts(names: Names, facts: CustomerFacts) -> None:
    """Fill the customer of a rule set's names with facts; who was there before is forgotten.

    Args:
        names: of the rule set.
        facts: of any rule set, also of an earlier one.

    Raises:
        UnreadableFacts: if no customer can have them; then no one is there.
    """
    customer = names.customer
    customer.clear()
    try:
        _take(customer, facts, names)
    except UnreadableFacts:
        customer.clear()
        raise
    customer.is_known = True


def _take(customer: Customer, facts: CustomerFacts, names: Names) -> None:
    customer.first_ms = moment_ms(facts.known_since, "known_since")
    customer.at_ms = moment_ms(facts.latest_event, "latest_event")
    if not 0 <= customer.at_ms < _LATEST_MS:
        raise UnreadableFacts(f"latest_event: {facts.latest_event} is no moment of an event")
    if facts.stage is not None:
        _take_stage(customer.stage, facts.stage)
    customer.fired_ms = _ms(facts.timer_decided, "timer_decided")
    customer.due_ms = _ms(facts.due, "due")
    customer.generation = facts.generation
    for text in facts.event_ids:
        customer.remember(_fingerprint(text))
    # Each short series may have begun when there were that many days already.
    most_days = MAX_DAYS + _SHORT_SERIES * len(facts.series)
    if sum(len(one.days) for one in facts.series.values()) > most_days:
        raise UnreadableFacts(f"series: more than {most_days:,} days in all")
    for key, given in facts.series.items():
        if not type_of(key):
            raise UnreadableFacts(f"series {key[:80]!r}: it names no event type")
        series = names.series_of(key)
        if key in customer.other_series:
            series.has_sum = bool(given.sums) or given.sum != "0"
        _take_series(series, given, f"series {key[:80]!r}")
    for rule, held in facts.episodes.items():
        episode = _episode_for(customer, rule, names)
        customer.add_episode(episode)
        _take_episode(episode, held, f"episodes {rule[:80]!r}")
        customer.repeats = customer.repeats or episode.asked > 0
        customer.is_left_out = customer.is_left_out or episode.is_silent
    for number, waiting in enumerate(facts.candidates):
        _take_candidate(customer.another_candidate(), waiting, names, f"candidates {number}")
    customer.acted = _several(facts.counted_actions, "counted_actions")
    customer.latest = dict(facts.template_values)
    for name, latest in facts.attributes.items():
        customer.attributes[name] = (latest.value, moment_ms(latest.at, f"attributes {name[:80]!r}"))
    for key, pair in facts.pairs.items():
        where = f"pairs {key[:80]!r}"
        then_ms = _UNKNOWN_MS if pair.then == UNKNOWN else _ms(pair.then, where)
        customer.pairs[key] = [moment_ms(pair.first, where), then_ms]
    for name, entry in facts.experiments.items():
        where = f"experiments {name[:80]!r}"
        amount = amount_in(entry.brought, where)
        customer.experiments[name] = (moment_ms(entry.entered, where), entry.arm, int(entry.succeeded), amount)
    for name, at in facts.history_until.items():
        customer.floors[name] = moment_ms(at, f"history_until {name[:80]!r}")
    _take_next_changes(customer, facts, names)


def _stage_facts(stage: Stage) -> StageFacts | None:
    if not stage.is_present():
        return None
    return StageFacts(
        stage=_stage_name(stage.code),
        since=_perhaps(stage.since_ms),
        came_from=_stage_name(stage.from_code),
        direction=DIRECTIONS[stage.direction],
        by_time=bool(stage.by_time),
        published=_stage_name(stage.published_code),
        published_since=_perhaps(stage.published_since_ms),
    )


def _stage_name(code: int) -> str | None:
    return f"{UNKNOWN_RULE}{code:0{2 * CODE_BYTES}x}" if code else None


def _take_stage(stage: Stage, facts: StageFacts) -> None:
    codes = [_stage_code(name) for name in (facts.stage, facts.came_from, facts.published)]
    stage.code, stage.from_code = codes[0], codes[1]
    stage.since_ms = _ms(facts.since, "stage: since")
    stage.direction, stage.by_time = DIRECTIONS.index(facts.direction), facts.by_time
    stage.note_published(codes[2], _ms(facts.published_since, "stage: published_since"))
    if not stage.is_present():
        raise UnreadableFacts("stage: it says nothing")


def _stage_code(name: str | None) -> int:
    if name is None:
        return 0
    if not _STAGE.fullmatch(name):
        raise UnreadableFacts(f"stage: {name[:40]!r} is no code of a stage")
    return int(name.removeprefix(UNKNOWN_RULE), _HEX)


def _ladder_change(customer: Customer, names: Names) -> Moment | None:
    """Return when time alone changes the stage next, which stands behind the groups of rules."""
    places = len(_first_rules(names))
    if not customer.flips_known or customer.groups == places:
        return None
    flip_ms = customer.read_flips()[places]
    return None if flip_ms == FOREVER_MS else moment_text(flip_ms)


def _next_changes(names: Names) -> dict[str, Moment]:
    """Return the next change of each group of rules, under the id of its first rule."""
    flips, found = names.customer.read_flips(), {}
    for place, rule in _first_rules(names).items():
        if flips[place] != FOREVER_MS:
            found[rule] = moment_text(flips[place])
    return found


def _take_next_changes(customer: Customer, facts: CustomerFacts, names: Names) -> None:
    changes = {rule: moment_ms(at, "next_changes") for rule, at in (facts.next_changes or {}).items()}
    before = {name: moment_ms(at, "next_changes_before") for name, at in facts.next_changes_before.items()}
    places = {rule: place for place, rule in _first_rules(names).items()}
    is_known = facts.next_changes is not None and facts.generation == names.generation
    customer.flips_known = is_known and changes.keys() <= places.keys()
    if customer.flips_known:
        for rule, at_ms in changes.items():
            customer.set_flip(places[rule], at_ms)
        if customer.groups > len(places) and facts.ladder_changes is not None:
            customer.set_flip(len(places), moment_ms(facts.ladder_changes, "ladder_changes"))
    else:
        # Of another rule set: the next decision works them out again.
        customer.named_flips = before


def _first_rules(names: Names) -> dict[int, str]:
    """Return the id of the first rule of each group of rules, by the group's place."""
    found: dict[int, str] = {}
    for rule in names.rules:
        found.setdefault(rule.group, rule.id)
    return found


def _series_facts(series: Series) -> SeriesFacts:
    days, sums = [], []
    for day, count, total in series.days.read():
        days.append((day_text(day), count))
        if series.has_sum:
            sums.append(amount_text(total))
    return SeriesFacts(
        type=series.type,
        first=moment_text(series.first_ms),
        last=moment_text(series.last_ms),
        total=series.total,
        sum=amount_text(series.total_sum),
        active_days=series.active_days,
        incomplete_until=day_text(series.gone_day) if series.gone_day else None,
        days=days,
        sums=sums,
        distinct_values=[(f"{value:08x}", day_text(day)) for day, value, _ in series.values.read()],
        latest_values=[(value, [day_text(day) for day in days]) for value, days in series.seen],
    )


def _take_series(series: Series, facts: SeriesFacts, where: str) -> None:
    if facts.type != series.type:
        raise UnreadableFacts(f"{where}: its type is {series.type!r}, not {facts.type[:80]!r}")
    series.is_present = True
    series.first_ms, series.last_ms = moment_ms(facts.first, where), moment_ms(facts.last, where)
    if series.first_ms > series.last_ms:
        raise UnreadableFacts(f"{where}: its first event is later than its last")
    series.total, series.active_days = facts.total, facts.active_days
    series.total_sum = amount_in(facts.sum, where)
    series.gone_day = 0 if facts.incomplete_until is None else day_number(facts.incomplete_until, where)
    if (facts.sums or series.total_sum) and not series.has_sum:
        raise UnreadableFacts(f"{where}: it adds nothing up, so its days have no sums")
    if series.has_sum and len(facts.sums) != len(facts.days):
        raise UnreadableFacts(f"{where}: {len(facts.sums)} sums for {len(facts.days)} days")
    before, last = -1, series.last_ms // DAY_MS
    for place, (written, count) in enumerate(facts.days):
        day = day_number(written, where)
        if not before < day <= last:
            raise UnreadableFacts(f"{where}: the days do not ascend from 1970 up to the last event: {written}")
        if not count:
            raise UnreadableFacts(f"{where}: a day without events is not kept: {written}")
        amount = amount_in(facts.sums[place], where) if facts.sums else 0
        series.days.insert(place, day, count, amount)
        before = day
    _take_values(series, facts, where)
    series.seen = [(value, [day_number(written, where) for written in days]) for value, days in facts.latest_values]
    if not are_in_order(series.seen):
        raise UnreadableFacts(f"{where}: its latest values, or the days of one, are not in order")


def _take_values(series: Series, facts: SeriesFacts, where: str) -> None:
    found: set[int] = set()
    latest: int | None = None
    for place, (text, written) in enumerate(facts.distinct_values):
        value, day = _whole(text, _HASH, where), day_number(written, where)
        if value in found:
            raise UnreadableFacts(f"{where}: the value {text} is there twice")
        if day > series.last_ms // DAY_MS or (latest is not None and day < latest):
            raise UnreadableFacts(f"{where}: the days of its values do not ascend up to the last event")
        series.values.insert(place, day, value, 0)
        found.add(value)
        latest = day


def _episode_facts(episode: Episode) -> EpisodeFacts:
    return EpisodeFacts(
        began=_perhaps(episode.start_ms),
        holds=episode.holding,
        acted=_perhaps(episode.acted_ms),
        acted_before=_perhaps(episode.before_ms),
        retractable_until=_perhaps(episode.open_until_ms),
        undecided_at=_perhaps(episode.pending_ms),
        condition_holds_since=_perhaps(episode.true_since_ms),
        asked=episode.asked,
        is_silent=bool(episode.is_silent),
        earlier_episodes=_texts(episode.held),
        earlier_actions=_texts(episode.stood),
    )


def _take_episode(episode: Episode, facts: EpisodeFacts, where: str) -> None:
    episode.holding = facts.holds
    episode.start_ms = _ms(facts.began, where)
    episode.acted_ms = _ms(facts.acted, where)
    episode.before_ms = _ms(facts.acted_before, where)
    episode.open_until_ms = _ms(facts.retractable_until, where)
    episode.pending_ms = _ms(facts.undecided_at, where)
    episode.true_since_ms = _ms(facts.condition_holds_since, where)
    episode.asked = facts.asked
    episode.is_silent = facts.is_silent
    episode.held = _stretches(facts.earlier_episodes, where)
    episode.stood = _stretches(facts.earlier_actions, where)


def _candidate_facts(candidate: Candidate, names: Names) -> CandidateFacts:
    began, withdrawn = _perhaps(candidate.start_ms), _perhaps(candidate.withdrawn_ms)
    doubted_until = _perhaps(candidate.doubted_ms)
    waiting = candidate.worded
    if waiting is not None:
        return CandidateFacts(
            rule=waiting.rule,
            version=waiting.version,
            action=waiting.action,
            variables=waiting.variables,
            known=waiting.known,
            why=_reasons(waiting.why),
            why_back=_reasons(waiting.why_back),
            retracted_because=waiting.because,
            began=began,
            withdrawn=withdrawn,
            doubted_until=doubted_until,
            successes=_successes(candidate),
        )
    rule = names.rules[candidate.rule] if candidate.rule >= 0 else None
    return CandidateFacts(
        rule=None if rule is None else rule.id,
        version=candidate.former if rule is None else rule.version,
        variables=candidate.variables,
        known=candidate.known,
        found=_evidence_facts(candidate.evidence),
        found_back=_evidence_facts(candidate.evidence_back),
        retracted_because=None if withdrawn is None else RETRACTIONS[candidate.because],
        began=began,
        withdrawn=withdrawn,
        doubted_until=doubted_until,
        successes=_successes(candidate),
    )


def _successes(candidate: Candidate) -> dict[str, str]:
    return {key: amount_text(amount) for key, amount in (candidate.tally or {}).items()}


def _take_candidate(candidate: Candidate, facts: CandidateFacts, names: Names, where: str) -> None:
    candidate.start_ms = _ms(facts.began, where)
    candidate.withdrawn_ms = _ms(facts.withdrawn, where)
    candidate.doubted_ms = _ms(facts.doubted_until, where)
    if facts.successes:
        candidate.tally = {key: amount_in(amount, where) for key, amount in facts.successes.items()}
    if facts.action is not None:
        if facts.found is not None or facts.found_back is not None:
            raise UnreadableFacts(f"{where}: it has its reasons in words, and numbers to make words of")
        if facts.rule is None:
            raise UnreadableFacts(f"{where}: it has its reasons in words, and no rule")
        candidate.rule = names.by_id.get(facts.rule, -1)
        candidate.worded = Waiting(
            facts.rule,
            candidate.start_ms,
            candidate.withdrawn_ms,
            facts.action,
            facts.version,
            {} if facts.variables is None else facts.variables,
            _packed(facts.why),
            facts.retracted_because,
            _packed(facts.why_back),
            candidate.doubted_ms,
            facts.known,
        )
        return
    if facts.found is None or facts.found_back is None or facts.why is not None or facts.why_back is not None:
        raise UnreadableFacts(f"{where}: it has neither its reasons in words nor the numbers to make words of")
    version = _whole(facts.version, _VERSION, where)
    candidate.rule = names.by_version.of(version)
    if candidate.rule < 0:
        candidate.former = facts.version
    candidate.variables, candidate.known = facts.variables, facts.known
    if (facts.retracted_because is None) != (facts.withdrawn is None):
        raise UnreadableFacts(f"{where}: an action that is taken back has a reason for it, and no other has one")
    candidate.because = 0 if facts.retracted_because is None else RETRACTIONS.index(facts.retracted_because)
    _take_evidence(candidate.evidence, facts.found, where)
    _take_evidence(candidate.evidence_back, facts.found_back, where)


def _reasons(why: bytes | tuple[Reason, ...]) -> list[Reason] | None:
    return None if why == b"" else list(reasons_in(why))


def _packed(reasons: list[Reason] | None) -> bytes | tuple[Reason, ...]:
    return b"" if reasons is None else tuple(reasons)


def _evidence_facts(evidence: Evidence) -> EvidenceFacts:
    numbers = evidence.read()
    while numbers and not numbers[-1]:
        numbers.pop()
    values = evidence.values or {}
    return EvidenceFacts(numbers=numbers, values={str(place): value for place, value in values.items()})


def _take_evidence(evidence: Evidence, facts: EvidenceFacts, where: str) -> None:
    evidence.fill(facts.numbers)
    for text, value in facts.values.items():
        if _PLACE.fullmatch(text) is None:
            raise UnreadableFacts(f"{where}: {text[:40]!r} is no place of a condition")
        evidence.keep(int(text), value)


def _episode_for(customer: Customer, rule: str, names: Names) -> Episode:
    """Return the episode of a rule, given by its id or its code."""
    code = code_of(rule)
    if rule.startswith(UNKNOWN_RULE):
        if _CODE.fullmatch(rule[1:]) is None:
            raise UnreadableFacts(f"episodes: {rule[:80]!r} is neither a rule's id nor its code")
        code = int(rule[1:], _HEX)
    place = names.by_code.of(code)
    episode: Episode = customer.episodes[place] if place >= 0 else customer.other_episode(code)
    if episode.is_present:
        raise UnreadableFacts(f"episodes: {rule[:80]!r} is there twice, by its id and by its code")
    return episode


def _pair_facts(first_ms: int, then_ms: int) -> PairFacts:
    return PairFacts(first=moment_text(first_ms), then=UNKNOWN if then_ms == _UNKNOWN_MS else _perhaps(then_ms))


def _perhaps(at_ms: int) -> Moment | None:
    """Return a moment as text, None for 0: nothing."""
    return moment_text(at_ms) if at_ms else None


def _ms(written: Moment | None, where: str) -> int:
    return 0 if written is None else moment_ms(written, where)


def _texts(moments: Any) -> list[Moment]:
    return [moment_text(at_ms) for at_ms in moments]


def _several(written: list[Moment], where: str) -> list[int]:
    return [moment_ms(one, where) for one in written]


def _stretches(written: list[Moment], where: str) -> list[int]:
    if len(written) % 2:
        raise UnreadableFacts(f"{where}: a beginning without an end among its earlier episodes or actions")
    return _several(written, where)


def _fingerprint(text: str) -> int:
    if _FINGERPRINT.fullmatch(text) is None:
        raise UnreadableFacts(f"event_ids: {text[:40]!r} is no hash")
    return int.from_bytes(bytes.fromhex(text), "little")


def _whole(text: str, form: re.Pattern[str], where: str) -> int:
    if form.fullmatch(text) is None:
        raise UnreadableFacts(f"{where}: {text[:40]!r} is no hash")
    return int(text, _HEX)
