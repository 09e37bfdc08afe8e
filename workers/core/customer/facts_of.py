"""What is stored of a customer becomes facts, and facts become a customer that can be stored.

Both directions leave nothing out: a customer that was filled from facts is stored in the same bytes as the customer
the facts were made of.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import blake2b
from typing import Any, Final

import msgspec

from workers.core.coverage import FOREVER_MS, type_of
from workers.core.customer.candidate import NUMBERS_EACH, Candidate, Evidence
from workers.core.customer.customer import Customer
from workers.core.customer.episode import Episode
from workers.core.customer.fact_texts import (
    Moment,
    UnreadableFacts,
    amount_in,
    amount_text,
    day_number,
    day_text,
    moment_ms,
    moment_text,
)
from workers.core.customer.facts import (
    MAX_DAYS,
    RETRACTIONS,
    UNKNOWN,
    UNKNOWN_RULE,
    CandidateFacts,
    CustomerFacts,
    EpisodeFacts,
    EvidenceFacts,
    LatestFacts,
    PairFacts,
    SeriesFacts,
)
from workers.core.customer.series import Series
from workers.core.events.decoding import FINGERPRINT_BYTES

CODE_BYTES: Final = 5
_CODE: Final = re.compile(r"[0-9a-f]{10}")
_FINGERPRINT: Final = re.compile(r"[0-9a-f]{12}")
_HASH: Final = re.compile(r"[0-9a-f]{1,15}")
_UNKNOWN_MS: Final = -1
_LAST_DAY: Final = (1 << 32) - 1
_HEX: Final = 16
_FINGERPRINT_DIGITS: Final = 2 * FINGERPRINT_BYTES


@dataclass(frozen=True)
class Names:
    """The names behind the places of a customer's numbers.

    Attributes:
        rules, versions: of the rules, by place.
        groups: of the groups of rules, by place.
        conditions: how many elementary conditions each rule has, by place.
        generation: of the rule set.
        places: of the rules, by their codes.
    """

    rules: tuple[str, ...] = ()
    versions: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    conditions: tuple[int, ...] = ()
    generation: int = 0
    places: Mapping[bytes, int] = field(default_factory=dict)


@lru_cache(maxsize=65_536)
def code_of(rule: str) -> bytes:
    """Return the code by which a rule is stored; that of an unknown rule is in its name."""
    if rule.startswith(UNKNOWN_RULE):
        return bytes.fromhex(rule[1:])
    return blake2b(rule.encode(), digest_size=CODE_BYTES).digest()


def facts_of(customer: Customer, names: Names) -> CustomerFacts:
    """Return everything that is stored of a customer who is known."""
    event_ids = []
    for place in range(customer.seen_number):
        event_ids.append(f"{customer.seen[place]:0{_FINGERPRINT_DIGITS}x}")
    next_changes: dict[str, Moment] = {}
    if customer.flips_known:
        for place in range(customer.groups):
            if customer.flips[place] != FOREVER_MS:
                next_changes[names.groups[place]] = moment_text(customer.flips[place])
    else:
        for name, at_ms in customer.named_flips.items():
            next_changes[name] = moment_text(at_ms)
    series = {}
    for one in customer.series:
        if one.is_present:
            series[one.key] = _series_facts(one)
    for key, one in customer.other_series.items():
        series[key] = _series_facts(one)
    episodes = {}
    for place in range(len(customer.episodes)):
        if customer.episodes[place].is_present:
            episodes[names.rules[place]] = _episode_facts(customer.episodes[place])
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
        event_ids=event_ids,
        series=series,
        episodes=episodes,
        candidates=candidates,
        counted_actions=_texts(customer.acted),
        template_values=dict(customer.latest),
        attributes={name: LatestFacts(value, moment_text(at)) for name, (value, at) in customer.attributes.items()},
        pairs={key: _pair_facts(first_ms, then_ms) for key, (first_ms, then_ms) in customer.pairs.items()},
        history_until={name: moment_text(at_ms) for name, at_ms in customer.floors.items()},
        next_changes=next_changes,
        next_changes_known=customer.flips_known,
    )


def take_facts(customer: Customer, facts: CustomerFacts, names: Names) -> None:
    """Fill a customer with facts; what the customer held before is gone.

    Args:
        customer: of the rule set of `names`.
        facts: of any rule set, also of an earlier one.
        names: of the rule set.

    Raises:
        UnreadableFacts: if no customer can have them; then the customer is empty.
    """
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
    customer.fired_ms = _ms(facts.timer_decided, "timer_decided")
    customer.due_ms = _ms(facts.due, "due")
    customer.generation = facts.generation
    for place, text in enumerate(facts.event_ids):
        customer.seen[place] = _whole(text, _FINGERPRINT, "event_ids")
    customer.seen_number = len(facts.event_ids)
    if sum(len(one.days) for one in facts.series.values()) > MAX_DAYS:
        raise UnreadableFacts(f"series: more than {MAX_DAYS:,} days in all")
    for key, told in facts.series.items():
        series = customer.by_key.get(key)
        if series is None:
            series = customer.other_series[key] = Series(key, type_of(key), bool(told.sums), 0)
        _take_series(series, told, f"series {key[:80]!r}")
    for rule, held in facts.episodes.items():
        _take_episode(_episode_for(customer, rule, names), held, f"episodes {rule[:80]!r}")
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
    for name, at in facts.history_until.items():
        customer.floors[name] = moment_ms(at, f"history_until {name[:80]!r}")
    _take_next_changes(customer, facts, names)


def _take_next_changes(customer: Customer, facts: CustomerFacts, names: Names) -> None:
    changes = {name: moment_ms(at, "next_changes") for name, at in facts.next_changes.items()}
    places = {name: place for place, name in enumerate(names.groups)}
    if facts.next_changes_known and facts.generation == names.generation and changes.keys() <= places.keys():
        for name, at_ms in changes.items():
            customer.flips[places[name]] = at_ms
        return
    # Of another rule set: the next decision works them out anew.
    customer.flips_known = False
    customer.named_flips = changes


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
    if facts.sums and not series.has_sum:
        raise UnreadableFacts(f"{where}: it adds nothing up, so its days have no sums")
    if series.has_sum and len(facts.sums) != len(facts.days):
        raise UnreadableFacts(f"{where}: {len(facts.sums)} sums for {len(facts.days)} days")
    before = -1
    for place, (written, count) in enumerate(facts.days):
        day = day_number(written, where)
        if not before < day <= _LAST_DAY:
            raise UnreadableFacts(f"{where}: the days do not ascend from 1970 on: {written} stands behind {before}")
        if not count:
            raise UnreadableFacts(f"{where}: a day without events is not kept: {written}")
        series.days.insert(place, day, count, amount_in(facts.sums[place], where) if facts.sums else 0)
        before = day
    _take_values(series, facts, where)


def _take_values(series: Series, facts: SeriesFacts, where: str) -> None:
    found: set[int] = set()
    latest: int | None = None
    for place, (text, written) in enumerate(facts.distinct_values):
        value, day = _whole(text, _HASH, where), day_number(written, where)
        if value in found:
            raise UnreadableFacts(f"{where}: the value {text} is there twice")
        if latest is not None and day < latest:
            raise UnreadableFacts(f"{where}: the days of its values do not ascend")
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
        earlier_episodes=_texts(episode.held),
        earlier_actions=_texts(episode.stood),
    )


def _take_episode(episode: Episode, facts: EpisodeFacts, where: str) -> None:
    episode.is_present = True
    episode.holding = facts.holds
    episode.start_ms = _ms(facts.began, where)
    episode.acted_ms = _ms(facts.acted, where)
    episode.before_ms = _ms(facts.acted_before, where)
    episode.open_until_ms = _ms(facts.retractable_until, where)
    episode.pending_ms = _ms(facts.undecided_at, where)
    episode.true_since_ms = _ms(facts.condition_holds_since, where)
    episode.held = _several(facts.earlier_episodes, where)
    episode.stood = _several(facts.earlier_actions, where)


def _candidate_facts(candidate: Candidate, names: Names) -> CandidateFacts:
    raise NotImplementedError


def _take_candidate(candidate: Candidate, facts: CandidateFacts, names: Names, where: str) -> None:
    raise NotImplementedError


def _episode_for(customer: Customer, rule: str, names: Names) -> Episode:
    """Return the episode of a rule, given by its id or its code."""
    if rule.startswith(UNKNOWN_RULE) and _CODE.fullmatch(rule[1:]) is None:
        raise UnreadableFacts(f"episodes: {rule[:80]!r} is neither a rule's id nor its code")
    code = code_of(rule)
    place = names.places.get(code)
    if place is not None:
        episode: Episode = customer.episodes[place]
    else:
        episode = customer.other_episodes.setdefault(code, Episode())
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


def _whole(text: str, form: re.Pattern[str], where: str) -> int:
    if form.fullmatch(text) is None:
        raise UnreadableFacts(f"{where}: {text[:40]!r} is no hash")
    return int(text, _HEX)
