"""Laws of folding: what is kept of any history is what the list of its events says."""

from bisect import insort
from decimal import Decimal
from typing import Any, Final

from hypothesis import example, given
from hypothesis import strategies as st

from schemas.conditions import Bounds
from tests.support.builders import DAY, START
from tests.support.customers import customer_of, foldings_of, shown
from tests.support.examples import examples
from workers.core.customer.customer import RING, Customer
from workers.core.customer.folding import TypeFolding, fingerprint_number
from workers.core.customer.requirement import Requirement
from workers.core.customer.specs import EventTypeSpec, Specs
from workers.core.events.decoding import MAX_STORED, DecodedEvent

TYPES: Final = ("login", "complaint", "topup", "purchase")
REFERENCES: Final = {"complaint": ("topic",), "topup": ("amount", "what")}


def everything_kept() -> dict[str, EventTypeSpec]:
    """One of everything that rules can ask to be kept; of logins, only the plain series."""
    specs = Specs(TYPES)
    specs.require("login", None, days=30)
    specs.require("purchase", None, "amount", 400)
    specs.require("purchase", {"category": ["shoes", 5]}, "amount", 2)
    specs.require("purchase", {"category": "shoes"})
    specs.require("topup", None, "amount", 10)
    specs.require_mean("topup", {"amount": Bounds.model_validate({"at least": 1})}, "amount", 5)
    specs.require_different("topup", None, "what")
    specs.require_pair(("complaint", {"topic": "price"}), ("purchase", None))
    specs.require_pair(("topup", None), ("topup", None))
    for reference in ("topup.amount", "topup.what", "purchase.category", "complaint.topic"):
        specs.require_attribute(reference)
    specs.require_before("topup.amount")
    specs.require_given("complaint.topic")
    specs.require_levels("topup.amount", 20)
    return specs.facts_by_type()


FACTS: Final = everything_kept()
values = (
    st.sampled_from(
        ["shoes", "price", "1", "007", "true", "x" * 300, "\ud800", 5, 1, True, None, float("nan"), 1e300]
    )
    | st.integers(-(10**20), 10**20)
    | st.decimals(allow_nan=True, allow_infinity=True)
    | st.floats()
    | st.integers(0, 200).map(lambda number: f"value {number}")
)
moments = (
    st.integers(0, 30).map(lambda days: START + days * DAY)
    | st.integers(START, START + 500 * DAY)
    | st.integers(0, START)
)


@st.composite
def events(draw: st.DrawFn) -> DecodedEvent:
    kind = draw(st.sampled_from(TYPES))
    names = {"login": (), "complaint": ("topic",), "topup": ("amount", "what"), "purchase": ("amount", "category")}
    attributes: dict[str, Any] = {name: draw(values) for name in names[kind] if draw(st.booleans())}
    history_ms = draw(st.just(0) | moments)
    return DecodedEvent(f"e{draw(st.integers(0, 12))}", kind, "ada", draw(moments), attributes, history_ms)


def folded_into_numbers(customer: Customer, folding: TypeFolding, event: DecodedEvent) -> None:
    is_first = not customer.is_known
    if is_first:
        customer.is_known = True
        customer.first_ms = customer.at_ms = event.at_ms
    customer.remember(fingerprint_number(event.fingerprint()))
    customer.at_ms = max(customer.at_ms, event.at_ms)
    if folding.is_plain:
        folding.fold_plain(event.at_ms, 0)
    else:
        folding.fold(event)
    if event.history_ms:
        customer.note_history(event.type, event.history_ms, is_first)


@examples(300)
@given(st.lists(st.lists(events(), min_size=1, max_size=40), min_size=1, max_size=3))
def test_what_is_kept_of_any_history_is_what_its_events_say(histories: list[list[DecodedEvent]]) -> None:
    customer = customer_of(FACTS)
    foldings = foldings_of(customer, FACTS, REFERENCES)
    assert [name for name, one in foldings.items() if one.is_plain] == ["login"]
    for history in histories:  # one customer after the other, in the same objects
        customer.clear()
        for number, event in enumerate(history):
            ids = [one.fingerprint() for one in history[:number]][-RING:]
            assert customer.has_seen(fingerprint_number(event.fingerprint())) == (event.fingerprint() in ids)
            folded_into_numbers(customer, foldings[event.type], event)
        known = shown(customer)
        assert (known["first"], known["at"]) == (history[0].at_ms, max(one.at_ms for one in history))
        assert known["seen"] == [one.fingerprint() for one in history][-RING:]
        for name in TYPES:
            of_type = [one for one in history if one.type == name]
            assert (name in known["series"]) == bool(of_type)
            if of_type:
                series = known["series"][name]
                moments = [one.at_ms for one in of_type]
                assert (series["first"], series["last"]) == (min(moments), max(moments))
                assert series["total"] == len(of_type)
                assert_days_are_the_latest(series, moments)
            least, most = len(of_type), len(of_type)
            assert Requirement(customer, ((name, least, most),)).is_met()
            assert not Requirement(customer, ((name, least + 1, 1 << 62),)).is_met()
            assert not of_type or not Requirement(customer, ((name, 0, most - 1),)).is_met()


def assert_days_are_the_latest(series: dict[str, Any], moments: list[int]) -> None:
    """The kept days are the newest ones, each with all of its events; which are gone is known."""
    by_day: dict[int, int] = {}
    for at_ms in moments:
        by_day[at_ms // DAY] = by_day.get(at_ms // DAY, 0) + 1
    gone = series["gone"]
    kept = {day: count for day, count in by_day.items() if day > gone}
    # A day of 0 is no day up to which days are gone, so nothing is said of the first of January 1970.
    assert {day: count for day, count in zip(series["days"], series["counts"], strict=True) if day} == kept


class KeptDays:
    """The days that are kept of some series, as plainly as possible.

    Attributes:
        keep_days: by series, how many days before the customer's latest one are kept.
        days: by series, the days that are kept, ascending.
    """

    def __init__(self, keep_days: dict[str, int]) -> None:
        self.keep_days = keep_days
        self.days: dict[str, list[int]] = {name: [] for name in keep_days}

    def add(self, name: str, day: int, latest_day: int) -> None:
        days, oldest = self.days[name], latest_day - self.keep_days[name]
        if day > oldest and day not in days:
            insort(days, day)
        while days and days[0] <= oldest:
            del days[0]
        # A series of at most a hundred days grows without asking for room, so several days may be too many at once.
        while len(days) > 100 and sum(map(len, self.days.values())) > 1_200:
            longest = max(self.days, key=lambda one: (len(self.days[one]), one))
            del self.days[longest][0]


KEPT: Final = st.sampled_from([360, 1000, 3000])


@examples(60)
@given(
    st.fixed_dictionaries(dict.fromkeys(TYPES, KEPT)),
    st.lists(st.tuples(st.sampled_from(TYPES), st.integers(-3, 400)), min_size=5, max_size=12),
)
@example(dict.fromkeys(TYPES, 3000), [("complaint", 371), ("topup", 370), ("login", 360), ("purchase", 101)])
def test_a_customer_with_too_many_days_loses_the_oldest_of_the_longest_series(
    keep_days: dict[str, int], steps: list[tuple[str, int]]
) -> None:
    specs = Specs(TYPES)
    for name in TYPES:
        specs.require(name, None, days=keep_days[name])
    facts = specs.facts_by_type()
    customer = customer_of(facts)
    foldings = foldings_of(customer, facts, {})
    customer.is_known, customer.first_ms, customer.at_ms = True, START, START
    kept = KeptDays(keep_days)
    day = 0
    moments: dict[str, list[int]] = {}
    for name, number in steps:
        for _ in range(max(1, number)):
            day += 1 if number > 0 else number
            event = DecodedEvent("e", name, "ada", START + abs(day) * DAY, {"amount": Decimal(1)})
            moments.setdefault(name, []).append(event.at_ms)
            customer.at_ms = max(customer.at_ms, event.at_ms)
            foldings[name].fold(event)
            kept.add(name, event.at_ms // DAY, customer.at_ms // DAY)
            assert {one.key: one.days.number for one in customer.series} == {
                one: len(days) for one, days in kept.days.items()
            }, "only the longest gives way"
    series = shown(customer)["series"]
    assert {name: one["days"] for name, one in series.items()} == {name: kept.days[name] for name in moments}
    assert sum(map(len, kept.days.values())) <= 1_200 + 100 * len(TYPES)
    for name, of_type in moments.items():
        assert series[name]["total"] == len(of_type)
        assert_days_are_the_latest(series[name], of_type)


LEVELS: Final = st.lists(st.tuples(st.integers(1, 60 * 24), st.integers(-3, 50)), min_size=1, max_size=20)


@examples(200)
@given(LEVELS.map(lambda reports: list(dict(reports).items())), st.data())
def test_what_is_kept_of_levels_does_not_depend_on_the_order_of_the_log(
    reports: list[tuple[int, int]], data: st.DataObject
) -> None:
    specs = Specs(TYPES)
    specs.require_before("topup.amount")
    key = specs.require_levels("topup.amount", 20)
    facts = specs.facts_by_type()
    found = []
    for order in (sorted(reports), data.draw(st.permutations(reports))):
        customer = customer_of(facts)
        folding = foldings_of(customer, facts, {})["topup"]
        customer.is_known = True
        for hour, level in order:
            event = DecodedEvent("e", "topup", "ada", START + hour * DAY // 24, {"amount": level})
            customer.at_ms = max(customer.at_ms, event.at_ms)
            folding.fold(event)
        series = customer.by_key[key]
        found.append((customer.attributes, series.days.read(), series.gone_day))
    assert found[0] == found[1]
    newest = [level for _, level in sorted(reports)[-2:]]
    assert [value for value, _ in found[0][0].values()] == newest[::-1]
    by_day = {(START + hour * DAY // 24) // DAY: level for hour, level in sorted(reports)}
    before = [day for day in by_day if day <= max(by_day) - 20]
    kept = [day for day in by_day if day > max(by_day) - 20 or day == max(before)]
    assert [(day, amount) for day, _, amount in found[0][1]] == [(day, 10_000 * by_day[day]) for day in kept]


@given(st.lists(st.sampled_from([MAX_STORED, -MAX_STORED, 10**13, -(10**13), 1]), max_size=20))
def test_sums_stay_where_they_can_be_stored(amounts: list[int]) -> None:
    customer = customer_of(FACTS)
    series = customer.by_key["purchase"]
    expected = 0
    for amount in amounts:
        series.add(START, amount, START // DAY)
        expected = max(-MAX_STORED, min(MAX_STORED, expected + amount))
    if amounts:
        assert series.total_sum == expected
        assert series.days.read() == [(START // DAY, len(amounts), expected)]
