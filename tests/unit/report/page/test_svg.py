"""Charts can be read: ticks are round, texts stand beside each other, and nothing is drawn beyond the axes."""

from itertools import pairwise
from math import isclose, log10

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.drawn import faults, shapes, texts, tree_of
from workers.report.page.markup import Html
from workers.report.page.svg.bars import Bar, bars
from workers.report.page.svg.columns import Part, columns
from workers.report.page.svg.drawing import Axis, Drawing
from workers.report.page.svg.intervals import Interval, Sides, intervals
from workers.report.page.svg.lettering import cut_to, spread, width_of
from workers.report.page.svg.lines import Below, Line, lines
from workers.report.page.svg.picture import WIDTHS, picture
from workers.report.page.svg.scale import Scale, round_ticks
from workers.report.page.svg.triangle import Group, Heads, triangle

AMOUNTS = st.floats(-1e9, 1e9).filter(lambda value: value == 0 or abs(value) > 1e-6)
COUNTS = st.integers(0, 10**7)
NAMES = st.text(st.sampled_from("aijlmwxWM 09.&<"), min_size=1, max_size=12)
AXIS = Axis("customers", lambda value: f"{value:,.0f}", finest=1)
WIDE = st.sampled_from(list(WIDTHS.values()))


def step_of(ticks: tuple[float, ...]) -> float:
    return ticks[1] - ticks[0]


@given(AMOUNTS, AMOUNTS, st.integers(3, 8))
def test_ticks_are_round_and_reach_around_everything(one: float, other: float, most: int) -> None:
    low, high = sorted((one, other))
    ticks = round_ticks(low, high, most=most)
    step = step_of(ticks)
    assert 2 <= len(ticks) <= most
    assert ticks[0] <= low + step * 1e-6
    assert ticks[-1] >= high - step * 1e-6
    digit = step / 10 ** int(log10(step) // 1)
    assert any(isclose(digit, round_one, rel_tol=1e-6) for round_one in (1, 2, 2.5, 5, 10))
    assert all(isclose(tick / step, round(tick / step), abs_tol=1e-4) for tick in ticks)


@given(COUNTS)
def test_where_everything_is_whole_no_tick_is_between(most: int) -> None:
    assert all(float(tick).is_integer() for tick in round_ticks(0, most, finest=1))


def test_a_scale_goes_from_end_to_end() -> None:
    scale = Scale((0, 5, 10), 100, 20)
    assert (scale.at(0), scale.at(5), scale.at(10)) == (100, 60, 20)


@given(st.lists(st.floats(0, 100), min_size=1, max_size=8))
def test_names_that_are_moved_apart_keep_their_order_and_their_distance(places: list[float]) -> None:
    moved = spread(places, 15, 0, 100)
    order = sorted(range(len(places)), key=lambda one: places[one])
    gaps = [moved[right] - moved[left] for left, right in pairwise(order)]
    assert all(gap >= 15 - 1e-6 for gap in gaps)


def test_a_text_that_is_too_long_is_cut_with_a_sign() -> None:
    assert cut_to("short", 100) == "short"
    cut = cut_to("much too long for its place", 60)
    assert cut.endswith("…")
    assert width_of(cut) <= 60


@settings(max_examples=40)
@given(WIDE, st.lists(st.tuples(NAMES, COUNTS), min_size=1, max_size=8))
def test_bars_can_be_read(width: float, rows: list[tuple[str, int]]) -> None:
    assert faults(bars(width, [Bar(name, value, f"{value:,}") for name, value in rows], AXIS)) == []


@settings(max_examples=40)
@given(WIDE, st.lists(st.tuples(NAMES, st.integers(-(10**6), 10**6)), min_size=1, max_size=8))
def test_bars_to_both_sides_can_be_read(width: float, rows: list[tuple[str, int]]) -> None:
    assert faults(bars(width, [Bar(name, value, f"{value:,}") for name, value in rows], AXIS)) == []


@settings(max_examples=40)
@given(WIDE, st.lists(st.tuples(COUNTS, COUNTS), min_size=1, max_size=31), st.booleans())
def test_columns_can_be_read(width: float, values: list[tuple[int, int]], has_parts: bool) -> None:
    names = [f"{place} Nov" for place in range(len(values))]
    parts = [Part("existing customers", [one for one, _ in values]), Part("new", [other for _, other in values])]
    shown = parts if has_parts else [Part("", parts[0].values)]
    assert faults(columns(width, names, shown, AXIS, len(values) - 1)) == []


@settings(max_examples=40)
@given(WIDE, st.lists(st.lists(st.none() | COUNTS, min_size=6, max_size=6), min_size=1, max_size=5))
def test_lines_can_be_read(width: float, values: list[list[int | None]]) -> None:
    names = [f"Month {place}" for place in range(6)]
    drawn = [Line(f"series {number}", one, 5) for number, one in enumerate(values)]
    below = Below(names, "months after the first purchase", ["1,234,567"] * 6, "customers who are old enough")
    assert faults(lines(width, below, drawn, AXIS)) == []


@settings(max_examples=20)
@given(WIDE, st.integers(2, 24), st.lists(COUNTS, min_size=24, max_size=24))
def test_the_year_below_a_month_is_written_where_it_begins(width: float, months: int, values: list[int]) -> None:
    names = [f"{place % 12 + 1:02}\n{2025 + place // 12}" for place in range(months)]
    drawing = lines(width, Below(names), [Line("one", values[:months], months)], AXIS)
    assert faults(drawing) == []
    years = [one.name for one in texts(drawing) if one.name in ("2025", "2026")]
    assert years == ["2025", "2026"][: 1 + (months > 12)]


def test_the_uppermost_line_has_its_values_above_its_points() -> None:
    drawn = [Line("few", [1, 2, 3], 3), Line("many", [40, 50, 60], 3)]
    said = {one.name for one in texts(lines(720, Below(["a", "b", "c"]), drawn, AXIS))}
    assert {"40", "50", "60"} <= said
    assert {"2", "3"}.isdisjoint(said)


def test_a_line_is_named_with_where_it_ends_unless_all_end_at_one_point() -> None:
    apart = [Line("few", [1, 2], 2), Line("many", [3, 4], 2)]
    assert {"few", "b: 2", "many", "b: 4"} <= {one.name for one in texts(lines(720, Below(["a", "b"]), apart, AXIS))}
    together = [Line("few", [1, 4], 2), Line("many", [3, 4], 2)]
    said = {one.name for one in texts(lines(720, Below(["a", "b"]), together, AXIS))}
    assert "few" in said
    assert "b: 4" not in said


@settings(max_examples=40)
@given(WIDE, st.integers(1, 18))
def test_a_triangle_can_be_read(width: float, steps: int) -> None:
    groups = [Group(f"Sep 20{row}", "1,234", [0.5] * (steps - row), steps) for row in range(steps)]
    groups.append(Group("Oct 2030", "1", [None] * steps, steps))
    numbers = [str(step + 1) for step in range(steps)]
    heads = Heads(
        "first purchase", numbers, "% so many months later", "the same number, the same colour", "too early"
    )
    drawing = triangle(width, groups, heads)
    assert faults(drawing) == []
    assert sum(one.name == "50" for one in texts(drawing)) in (0, steps * (steps + 1) // 2)
    assert "too early" in {one.name for one in texts(drawing)}


def test_the_same_number_has_the_same_colour_in_every_row() -> None:
    shares = [[0.291, 0.214, 0.1], [0.286, 0.206], [0.21]]
    groups = [Group(f"row {place}", "9", row, 3) for place, row in enumerate(shares)]
    drawing = triangle(720, groups, Heads("", ["1", "2", "3"], "", "", ""))
    colours: dict[str, set[str]] = {}
    for node in tree_of(drawing).iter("text"):
        kind = node.get("class", "").split()
        if kind[0] == "on":
            colours.setdefault(node.text or "", set()).add(kind[1])
    assert {number: len(shades) for number, shades in colours.items()} == {"29": 1, "21": 1, "10": 1}


@settings(max_examples=40)
@given(WIDE, st.lists(st.tuples(NAMES, st.floats(-60, 60), st.floats(0, 40)), min_size=1, max_size=6))
def test_intervals_can_be_read(width: float, rows: list[tuple[str, float, float]]) -> None:
    drawn = [
        Interval(
            name, middle - half, middle + half, middle, f"{middle:+.1f} ({middle - half:+.1f} to …)", "open",
            "goal: purchase within 30 days; 9,400 customers with the message, 1,042 without, since 3 March 2026",
        )
        for name, middle, half in rows
    ]  # fmt: skip
    sides = Sides("no difference", "fewer", "more", 3, "grey: smaller than 3 points", [("open", "not certain yet")])
    axis = Axis("percentage points", lambda value: f"{value:+.0f}")
    assert (
        faults(intervals(width, [*drawn, Interval("none", None, None, None, "nothing", "open")], axis, sides)) == []
    )


def test_a_column_is_as_high_as_its_value() -> None:
    drawing = columns(720, ["Oct", "Nov"], [Part("", [50, 100])], AXIS, 2)
    small, great = (one.bottom - one.top for one in shapes(drawing))
    assert great == pytest.approx(2 * small, abs=0.2)


def test_each_part_is_named_with_the_value_of_the_last_column() -> None:
    drawing = columns(720, ["Oct", "Nov"], [Part("existing", [50, 100]), Part("new", [0, 0])], AXIS, 2)
    assert {"existing, Nov: 100", "new, Nov: 0"} <= {one.name for one in texts(drawing)}


def test_columns_whose_values_have_no_room_lie_below_each_other_with_their_values() -> None:
    names, values = [f"{place} Nov" for place in range(12)], [1_000_000 + place for place in range(12)]
    drawing = columns(340, names, [Part("", values)], AXIS, 12)
    assert {f"{value:,}" for value in values} <= {one.name for one in texts(drawing)}
    assert faults(drawing) == []


def test_a_chart_of_nothing_still_has_its_axis() -> None:
    drawing = columns(720, ["Nov"], [Part("", [None])], AXIS, 1)
    assert {"0", "1"} <= {one.name for one in texts(drawing)}
    assert list(shapes(drawing)) == []


def test_a_picture_says_in_words_what_it_shows() -> None:
    html = picture("p", "A <b>title</b>", "A sentence.", lambda width: Drawing(width, 10, Html("")))
    assert html.count('role="img"') == 3
    assert html.count("<desc") == 3
    assert "A &lt;b&gt;title&lt;/b&gt;" in html
    assert "<b>" not in html
