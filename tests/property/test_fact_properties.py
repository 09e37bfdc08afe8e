"""Facts of a customer: nothing is left out in either direction, and nothing that is read can do harm."""

from typing import Any, cast

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.actions import Known, Reason, Value
from schemas.durations import DAY_MS
from tests.support.customers import told_whole
from workers.core.coverage import FOREVER_MS, type_of
from workers.core.customer.candidate import Candidate
from workers.core.customer.customer import Customer
from workers.core.customer.episode import Episode
from workers.core.customer.layout_3 import Waiting
from workers.core.customer.names import NamedRule, Names
from workers.core.customer.seen import note_seen
from workers.core.customer.series import Series
from workers.core.customer.specs import SeriesSpec
from workers.core.customer.stored import Stored
from workers.core.decisions.decided import RETRACTIONS
from workers.core.events.decoding import MAX_STORED
from workers.customer_facts.facts import decode_facts, encode_facts
from workers.customer_facts.facts_of import facts_of, take_facts
from workers.customer_facts.texts import (
    UnreadableFacts,
    amount_in,
    amount_text,
    day_number,
    day_text,
    moment_ms,
    moment_text,
)

RULES = ("again", "quiet", "won-back")
SERIES = (
    SeriesSpec("login", "login", None, None, 90),
    SeriesSpec("purchase", "purchase", "amount", None, 400),
    SeriesSpec("purchase?1f", "purchase", None, None, 0, "product"),
)
GENERATION = 7


def some_names() -> Names:
    """The names of a rule set, with a customer of its own: `again` and `quiet` are one group."""
    customer = Customer(SERIES, len(RULES), 2, 3)
    customer.clear()
    rules = [NamedRule("again", "a" * 12, 0), NamedRule("quiet", "b" * 12, 0), NamedRule("won-back", "c" * 12, 1)]
    return Names(customer, GENERATION, rules)


moments = st.integers(1_700_000_000_000, 1_800_000_000_000) | st.integers(-(1 << 54) + 1, (1 << 54) - 1)
perhaps = st.just(0) | moments
names = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)
stretches = st.lists(st.tuples(moments, moments), max_size=2).map(lambda pairs: [at for pair in pairs for at in pair])
counts = st.integers(0, 400) | st.integers(0, (1 << 62) - 1)
amounts = st.integers(-10_000_000, 10_000_000) | st.integers(-MAX_STORED, MAX_STORED)
few, some = (
    st.integers(1, 400) | st.integers(1, 1 << 40),
    st.integers(-10_000_000, 10_000_000) | st.integers(-(1 << 58), 1 << 58),
)
days = st.lists(st.integers(0, 30_000) | st.integers(0, (1 << 32) - 1), unique=True, max_size=6).map(sorted)
values = (
    st.booleans()
    | st.integers(-MAX_STORED, MAX_STORED)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8"), max_size=20)
)
codes = st.binary(min_size=5, max_size=5)
reasons = st.builds(
    Reason, st.text(max_size=5), values | st.none(), st.text(max_size=5), st.none() | st.text(max_size=5)
)


def fill_series(draw: st.DrawFn, series: Series) -> None:
    series.is_present = True
    series.first_ms, series.last_ms = sorted([draw(moments), draw(moments)])
    series.total, series.active_days = draw(counts), draw(counts)
    series.total_sum = draw(amounts) if series.has_sum else 0
    series.gone_day = draw(st.just(0) | st.integers(-40_000, 40_000))
    last = series.last_ms // DAY_MS
    for place, day in enumerate(day for day in draw(days) if day <= last):
        series.days.insert(place, day, draw(counts) or 1, draw(amounts) if series.has_sum else 0)
    known = draw(st.lists(st.integers(0, (1 << 32) - 1), unique=True, max_size=4))
    for place, day in enumerate(sorted(last - draw(st.integers(0, 40_000)) for _ in known)):
        series.values.insert(place, day, known[place], 0)
    for value, day in draw(st.lists(st.tuples(values, st.integers(0, 40_000)), max_size=4)):
        note_seen(series.seen, value, day)


def fill_episode(draw: st.DrawFn, customer: Customer, episode: Episode) -> None:
    customer.add_episode(episode)
    episode.holding = draw(st.booleans())
    episode.start_ms, episode.acted_ms, episode.before_ms = draw(perhaps), draw(perhaps), draw(perhaps)
    episode.open_until_ms, episode.pending_ms, episode.true_since_ms = draw(perhaps), draw(perhaps), draw(perhaps)
    episode.held, episode.stood = draw(stretches), draw(stretches)


what_is_known: st.SearchStrategy[Known | None] = st.none() | st.fixed_dictionaries(
    {},
    optional={
        "value": st.builds(
            Value,
            st.integers(-(2**53), 2**53) | st.floats(-1e12, 1e12).map(lambda amount: round(amount, 2)),
            st.none() | st.just("EUR"),
            st.just("365 days"),
            st.none() | st.text(max_size=9),
        ),
        "stage": st.text(max_size=9),
    },
).map(lambda found: cast("Known", found) if found else None)
"""What goes with an action: nothing is None."""


def fill_candidate(draw: st.DrawFn, candidate: Candidate) -> None:
    candidate.rule = draw(st.integers(0, len(RULES) - 1))
    candidate.former = ""
    candidate.start_ms, candidate.withdrawn_ms, candidate.doubted_ms = draw(perhaps), draw(perhaps), draw(perhaps)
    variables = draw(st.dictionaries(names, values | st.none(), max_size=2))
    if draw(st.booleans()):
        if draw(st.booleans()):
            candidate.rule, candidate.former = -1, "f" * 12
        candidate.because = draw(st.integers(0, len(RETRACTIONS) - 1)) if candidate.withdrawn_ms else 0
        candidate.variables, candidate.known = draw(st.none() | st.just(variables)), draw(what_is_known)
        for evidence in (candidate.evidence, candidate.evidence_back):
            if evidence is candidate.evidence_back and not candidate.withdrawn_ms:
                continue
            evidence.fill(draw(st.lists(st.just(0) | amounts, max_size=6)))
            for place in draw(st.sets(st.integers(0, 2))):
                evidence.keep(place, draw(values))
        return
    known = draw(st.booleans())
    candidate.rule = candidate.rule if known else -1
    candidate.worded = Waiting(
        RULES[candidate.rule] if known else "gone",
        candidate.start_ms,
        candidate.withdrawn_ms,
        "win-back",
        draw(st.text(max_size=5)),
        variables,
        draw(st.just(b"") | st.lists(reasons, max_size=2).map(tuple)),
        draw(st.none() | st.sampled_from(RETRACTIONS)),
        draw(st.just(b"") | st.lists(reasons, max_size=2).map(tuple)),
        candidate.doubted_ms,
        draw(what_is_known),
    )


@st.composite
def customers(draw: st.DrawFn) -> Names:
    """The names of a rule set whose customer is filled."""
    known = some_names()
    customer = known.customer
    customer.is_known = True
    customer.first_ms, customer.at_ms = draw(moments), draw(st.integers(0, 1_800_000_000_000))
    customer.fired_ms, customer.due_ms = draw(perhaps), draw(perhaps)
    customer.generation = draw(st.just(GENERATION) | counts)
    for fingerprint in draw(st.lists(st.integers(0, (1 << 48) - 1), max_size=8)):
        customer.remember(fingerprint)
    for series in customer.series:
        if draw(st.booleans()):
            fill_series(draw, series)
    for key in draw(st.sets(names.filter(lambda key: type_of(key) and key not in customer.by_key), max_size=2)):
        other = customer.other_series[key] = Series(key, type_of(key), False, 0)
        fill_series(draw, other)
        other.has_sum = other.days.number > 0 and draw(st.booleans())
    for episode in customer.episodes:
        if draw(st.booleans()):
            fill_episode(draw, customer, episode)
    for code in draw(st.sets(codes, max_size=2)):
        if known.by_code.of(int.from_bytes(code, "big")) < 0:
            unknown = customer.other_episodes[code] = Episode()
            fill_episode(draw, customer, unknown)
    for _ in range(draw(st.integers(0, 2))):
        fill_candidate(draw, customer.another_candidate())
    customer.acted = draw(st.lists(moments, max_size=3))
    customer.latest = draw(st.dictionaries(names, values | st.none(), max_size=3))
    customer.attributes = draw(st.dictionaries(names, st.tuples(values, moments), max_size=3))
    pairs = st.tuples(moments.filter(lambda at: at != -1), perhaps)
    customer.pairs = {key: list(pair) for key, pair in draw(st.dictionaries(names, pairs, max_size=2)).items()}
    customer.floors = draw(st.dictionaries(st.just("") | names, moments, max_size=2))
    if customer.generation == GENERATION and draw(st.booleans()):
        for place in range(customer.groups):
            customer.set_flip(place, draw(st.just(FOREVER_MS) | moments))
    else:
        customer.flips_known, customer.named_flips = False, draw(st.dictionaries(names, moments, max_size=2))
    return known


def plain(customer: Customer) -> dict[str, Any]:
    """Everything that a customer holds, to be compared."""
    named = {"known": customer.is_known, "named flips": customer.named_flips, "flips are known": customer.flips_known}
    return told_whole(customer) | named


def again(raw: bytes) -> Names:
    """Fill another customer from facts."""
    other = some_names()
    take_facts(other, decode_facts(raw))
    return other


@given(customers())
def test_a_customer_of_facts_is_the_one_the_facts_were_made_of(known: Names) -> None:
    raw = encode_facts(facts_of(known))
    other = again(raw)
    assert plain(other.customer) == plain(known.customer)
    assert encode_facts(facts_of(other)) == raw


@given(customers(), st.sampled_from([3, 4]))
def test_what_is_stored_becomes_facts_and_the_same_bytes_again(known: Names, layout: int) -> None:
    customer = known.customer
    if layout == 3:  # it has no numbers of what waits
        customer.waiting = 0
    stored = Stored(known)
    written = stored.write(layout)
    stored.read(written)
    assert Stored(again(encode_facts(facts_of(known)))).write(layout) == written


@given(customers(), customers())
def test_nothing_of_the_customer_before_is_left_in_the_next(before: Names, known: Names) -> None:
    take_facts(before, facts_of(known))
    assert plain(before.customer) == plain(known.customer)


anything = st.recursive(
    st.none() | values | st.integers() | names,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=5,
)


@given(customers(), st.data())
def test_facts_with_something_else_in_any_place_are_refused_or_can_be_stored(
    known: Names, data: st.DataObject
) -> None:
    document = msgspec.json.decode(encode_facts(facts_of(known)))
    replace_somewhere(document, data)
    other = some_names()
    try:
        take_facts(other, decode_facts(msgspec.json.encode(document)))
    except UnreadableFacts:
        assert plain(other.customer) == plain(some_names().customer)
        return
    raw = encode_facts(facts_of(other))
    assert plain(again(raw).customer) == plain(other.customer)
    stored = Stored(other)
    stored.layout_3.wording = worded
    stored.read(stored.write(4))
    stored.read(stored.write(3))


def test_a_series_without_a_type_is_refused() -> None:
    at = "2024-01-02T00:00:00.000Z"
    series = {"type": "", "first": at, "last": at, "total": 0, "active_days": 0}
    for key in ("", "?0123456789ab"):
        facts = decode_facts(msgspec.json.encode({"known_since": at, "latest_event": at, "series": {key: series}}))
        with pytest.raises(UnreadableFacts, match="names no event type"):
            take_facts(some_names(), facts)


def worded(candidate: Candidate) -> Waiting:
    return Waiting(RULES[candidate.rule], 0, 0, "at-risk", "v", {}, b"")


def replace_somewhere(document: Any, data: st.DataObject) -> None:
    """Replace one value, or add a key, at a random place of a JSON document."""
    place: Any = document
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        if not keys:
            if isinstance(place, dict):
                place[data.draw(names)] = data.draw(anything)
            return
        key = data.draw(st.sampled_from(keys))
        if isinstance(place[key], dict | list) and place[key] and data.draw(st.integers(0, 3)):
            place = place[key]
            continue
        if isinstance(place, dict) and not data.draw(st.integers(0, 4)):
            place[data.draw(names)] = data.draw(anything)
        else:
            place[key] = data.draw(anything)
        return


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode(errors="replace")))
def test_what_is_no_json_is_refused(raw: bytes) -> None:
    try:
        decode_facts(raw)
    except UnreadableFacts:
        return


@given(st.integers(-(1 << 54) + 1, (1 << 54) - 1))
def test_a_moment_survives_exactly(at_ms: int) -> None:
    assert moment_ms(moment_text(at_ms), "here") == at_ms


@given(st.integers(-(1 << 32) + 1, (1 << 32) - 1))
def test_a_day_survives(day: int) -> None:
    assert day_number(day_text(day), "here") == day


@given(st.integers(-MAX_STORED, MAX_STORED))
def test_an_amount_survives_exactly(amount: int) -> None:
    assert amount_in(amount_text(amount), "here") == amount


@pytest.mark.parametrize("number", range(len(RETRACTIONS)))
def test_facts_give_the_reason_with_which_the_action_would_be_taken_back(number: int) -> None:
    known = some_names()
    customer = known.customer
    customer.is_known, customer.first_ms, customer.at_ms = True, 1_000, 3_000
    candidate = customer.another_candidate()
    candidate.rule, candidate.start_ms, candidate.withdrawn_ms, candidate.because = 0, 1_000, 2_000, number
    assert facts_of(known).candidates[0].retracted_because == RETRACTIONS[number]
    candidate.withdrawn_ms = candidate.because = 0
    assert facts_of(known).candidates[0].retracted_because is None
