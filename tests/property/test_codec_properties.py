"""Any activity is decoded as it was encoded."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from tests.support.builders import START, as_stored
from workers.core.events.decoding import FINGERPRINT_BYTES, MAX_STORED
from workers.core.objects.customer import codec
from workers.core.objects.customer.activity import Activity, Candidate, Episode
from workers.core.objects.customer.series import Series, pack

YEARS = 300 * 366 * 86_400_000
moments = st.integers(START - 10**9, START + 10**9) | st.integers(-YEARS, 200 * YEARS)
perhaps = st.just(0) | moments
names = st.text(st.characters(codec="utf-8"), min_size=1, max_size=30)
rule_ids = st.from_regex(r"[a-z][a-z0-9-]{0,40}", fullmatch=True)
numbers = st.integers(0, 300) | st.integers(0, 2**62)
some_days = st.lists(st.integers(0, 30_000), unique=True, max_size=5).map(sorted)


@st.composite
def series(draw: st.DrawFn) -> Series:
    days = draw(some_days)
    values = draw(st.lists(st.integers(0, 2**32 - 1), max_size=3))
    packed = pack(days, [1] * len(days), draw(st.sampled_from([[], [100] * len(days)])))
    last_ms = draw(moments)
    return Series(
        draw(st.just(last_ms) | moments),
        last_ms,
        draw(numbers),
        draw(st.just(0) | st.integers(-MAX_STORED, MAX_STORED)),
        draw(numbers),
        draw(st.just(0) | st.integers(-40_000, 40_000)),
        packed,
        values,
        [draw(st.integers(-40_000, 40_000)) for _ in values],
    )


@st.composite
def episodes(draw: st.DrawFn) -> Episode:
    start_ms = draw(perhaps)
    episode = Episode(start_ms, draw(st.booleans()), draw(st.just(start_ms) | perhaps))
    episode.before_ms, episode.open_until_ms, episode.pending_ms, episode.true_since_ms = [
        draw(perhaps) for _ in range(4)
    ]
    if draw(st.booleans()):
        episode.held, episode.stood = [draw(st.lists(moments, min_size=1, max_size=3)) for _ in range(2)]
    return episode


@st.composite
def activities(draw: st.DrawFn) -> Activity:
    flips = draw(st.dictionaries(names, moments, max_size=4))
    soonest: Sequence[int] = [min(flips.values())] if flips else []
    return Activity(
        draw(moments),
        draw(moments),
        draw(perhaps),
        draw(perhaps | st.sampled_from([0, *soonest])),
        draw(st.binary(max_size=8).map(lambda raw: raw * FINGERPRINT_BYTES)),
        draw(st.dictionaries(st.sampled_from(["purchase", "login", "cancellation"]) | names, series(), max_size=4)),
        draw(st.dictionaries(rule_ids, episodes(), max_size=4)),
        draw(st.dictionaries(names, st.integers(-5, 5) | st.text(max_size=3), max_size=2)),
        draw(numbers),
        flips,
        [Candidate("a", one, 0, "at-risk", "v", {}, b"") for one in draw(st.lists(moments, max_size=2))],
        draw(st.lists(moments, max_size=3)),
        {name: ("x", draw(moments)) for name in draw(st.sets(names, max_size=2))},
        {name: [draw(moments), -1] for name in draw(st.sets(names, max_size=2))},
        draw(st.dictionaries(st.just("") | names, moments, max_size=3)),
    )


@given(activities())
def test_what_is_read_is_what_was_written(activity: Activity) -> None:
    stored = as_stored(activity)
    assert stored == activity
    assert codec.encode(stored) == codec.encode(activity)


@given(activities(), st.data())
def test_what_is_cut_off_is_noticed(activity: Activity, data: st.DataObject) -> None:
    raw = codec.encode(activity)
    cut = raw[: data.draw(st.integers(0, len(raw) - 1))]
    try:
        decoded = codec.decode(cut, {})
    except codec.UnknownLayout:
        return
    raise AssertionError(f"{cut!r} was read as {decoded}")
