"""Facts of a customer: nothing is left out in either direction, and nothing that is read can do harm."""

from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from workers.core.coverage import FOREVER_MS
from workers.core.customer.customer import Customer
from workers.core.customer.episode import Episode
from workers.core.customer.fact_texts import (
    UnreadableFacts,
    amount_in,
    amount_text,
    day_number,
    day_text,
    moment_ms,
    moment_text,
)
from workers.core.customer.facts import decode_facts, encode_facts
from workers.core.customer.facts_of import Names, code_of, facts_of, take_facts
from workers.core.customer.series import Series
from workers.core.customer.specs import SeriesSpec
from workers.core.events.decoding import MAX_STORED

RULES = ("again", "quiet", "won-back")
NAMES = Names(
    rules=RULES,
    versions=("v1", "v2", "v3"),
    groups=("login", "purchase"),
    conditions=(1, 2, 3),
    generation=7,
    places={code_of(rule): place for place, rule in enumerate(RULES)},
)
SERIES = (
    SeriesSpec("login", "login", None, None, 90),
    SeriesSpec("purchase", "purchase", "amount", None, 400),
    SeriesSpec("purchase?1f", "purchase", None, None, 0, "product"),
)

moments = st.integers(1_700_000_000_000, 1_800_000_000_000) | st.integers(-(1 << 54) + 1, (1 << 54) - 1)
perhaps = st.just(0) | moments
names = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)
counts = st.integers(0, 400) | st.integers(0, (1 << 62) - 1)
amounts = st.integers(-10_000_000, 10_000_000) | st.integers(-MAX_STORED, MAX_STORED)
days = st.lists(st.integers(0, 30_000) | st.integers(0, (1 << 32) - 1), unique=True, max_size=6).map(sorted)
values = (
    st.booleans()
    | st.integers(-MAX_STORED, MAX_STORED)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8"), max_size=20)
)
codes = st.binary(min_size=5, max_size=5).filter(lambda code: code not in NAMES.places)


def empty() -> Customer:
    customer = Customer(SERIES, len(RULES), len(NAMES.groups), 3)
    customer.clear()
    return customer


def fill_series(draw: st.DrawFn, series: Series) -> None:
    series.is_present = True
    series.first_ms, series.last_ms = sorted([draw(moments), draw(moments)])
    series.total, series.active_days, series.total_sum = draw(counts), draw(counts), draw(amounts)
    series.gone_day = draw(st.just(0) | st.integers(-40_000, 40_000))
    for place, day in enumerate(draw(days)):
        series.days.insert(place, day, draw(counts) or 1, draw(amounts) if series.has_sum else 0)
    known = draw(st.lists(st.integers(0, (1 << 32) - 1), unique=True, max_size=4))
    for place, day in enumerate(sorted(draw(st.integers(-40_000, 40_000)) for _ in known)):
        series.values.insert(place, day, known[place], 0)


def fill_episode(draw: st.DrawFn, episode: Episode) -> None:
    episode.open()
    episode.holding = draw(st.booleans())
    episode.start_ms, episode.acted_ms, episode.before_ms = draw(perhaps), draw(perhaps), draw(perhaps)
    episode.open_until_ms, episode.pending_ms, episode.true_since_ms = draw(perhaps), draw(perhaps), draw(perhaps)
    episode.held, episode.stood = draw(st.lists(moments, max_size=3)), draw(st.lists(moments, max_size=3))


@st.composite
def customers(draw: st.DrawFn) -> Customer:
    customer = empty()
    customer.is_known = True
    customer.first_ms, customer.at_ms = draw(moments), draw(moments)
    customer.fired_ms, customer.due_ms = draw(perhaps), draw(perhaps)
    customer.generation = draw(st.just(7) | counts)
    for fingerprint in draw(st.lists(st.integers(0, (1 << 48) - 1), max_size=8)):
        customer.seen[customer.seen_number] = fingerprint
        customer.seen_number += 1
    for series in customer.series:
        if draw(st.booleans()):
            fill_series(draw, series)
    for key in draw(st.sets(names.filter(lambda key: key not in customer.by_key), max_size=2)):
        other = customer.other_series[key] = Series(key, key.partition("?")[0], False, 0)
        fill_series(draw, other)
    for episode in customer.episodes:
        if draw(st.booleans()):
            fill_episode(draw, episode)
    for code in draw(st.sets(codes, max_size=2)):
        unknown = customer.other_episodes[code] = Episode()
        fill_episode(draw, unknown)
    customer.acted = draw(st.lists(moments, max_size=3))
    customer.latest = draw(st.dictionaries(names, values | st.none(), max_size=3))
    customer.attributes = draw(st.dictionaries(names, st.tuples(values, moments), max_size=3))
    pairs = st.tuples(moments.filter(lambda at: at != -1), perhaps)
    customer.pairs = {key: list(pair) for key, pair in draw(st.dictionaries(names, pairs, max_size=2)).items()}
    customer.floors = draw(st.dictionaries(st.just("") | names, moments, max_size=2))
    if customer.generation == NAMES.generation:
        for place in range(customer.groups):
            customer.flips[place] = draw(st.just(FOREVER_MS) | moments)
    else:
        customer.flips_known, customer.named_flips = False, draw(st.dictionaries(names, moments, max_size=2))
    return customer


def plain(customer: Customer) -> dict[str, Any]:
    """Everything that a customer holds, to be compared."""
    series = {one.key: one for one in customer.series if one.is_present} | customer.other_series
    episodes: dict[Any, Episode] = dict(enumerate(customer.episodes))
    episodes |= customer.other_episodes
    return {
        "own": [
            getattr(customer, name)
            for name in ("is_known", "first_ms", "at_ms", "fired_ms", "due_ms", "generation", "flips_known")
        ],
        "seen": [customer.seen[place] for place in range(customer.seen_number)],
        "series": {key: told(one) for key, one in series.items()},
        "episodes": {
            key: [getattr(one, name) for name in Episode.__slots__] for key, one in episodes.items() if one.is_present
        },
        "flips": [customer.flips[place] for place in range(customer.groups)],
        "rest": [
            customer.acted, customer.latest, customer.attributes, customer.pairs, customer.floors, customer.named_flips
        ],
    }  # fmt: skip


def told(series: Series) -> list[Any]:
    numbers = [
        getattr(series, name)
        for name in ("first_ms", "last_ms", "total", "total_sum", "active_days", "gone_day", "type")
    ]
    return [*numbers, series.days.read(), series.values.read()]


@given(customers())
def test_a_customer_of_facts_is_the_one_the_facts_were_made_of(customer: Customer) -> None:
    raw = encode_facts(facts_of(customer, NAMES))
    again = empty()
    take_facts(again, decode_facts(raw), NAMES)
    assert plain(again) == plain(customer)
    assert encode_facts(facts_of(again, NAMES)) == raw


@given(customers(), customers())
def test_nothing_of_the_customer_before_is_left_in_the_next(before: Customer, customer: Customer) -> None:
    take_facts(before, facts_of(customer, NAMES), NAMES)
    assert plain(before) == plain(customer)


anything = st.recursive(
    st.none() | values | st.integers() | names,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=5,
)


@given(customers(), st.data())
def test_facts_with_something_else_in_any_place_are_refused_or_can_be_stored(
    customer: Customer, data: st.DataObject
) -> None:
    document = msgspec.json.decode(encode_facts(facts_of(customer, NAMES)))
    replace_somewhere(document, data)
    again = empty()
    try:
        take_facts(again, decode_facts(msgspec.json.encode(document)), NAMES)
    except UnreadableFacts:
        assert plain(again) == plain(empty())
        return
    assert_can_be_stored(again)


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


def assert_can_be_stored(customer: Customer) -> None:
    raw = encode_facts(facts_of(customer, NAMES))
    again = empty()
    take_facts(again, decode_facts(raw), NAMES)
    assert plain(again) == plain(customer)


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
