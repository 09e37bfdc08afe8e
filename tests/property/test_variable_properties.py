"""Template variables: each is what a plain count over the events says, in any order of arrival."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

from hypothesis import given
from hypothesis import strategies as st

from schemas.actions import moment
from schemas.durations import DAY_MS, parse_duration
from tests.support.builders import TYPES, day, event, rule, rules, watched
from tests.support.examples import examples
from workers.core.coverage import Coverage
from workers.core.customer.seen import MOST_SEEN
from workers.core.decisions.program import Program
from workers.core.events.decoding import DecodedEvent

WHERE: Final[tuple[dict[str, Any], ...]] = ({}, {"where": {"shop": "north"}})
WITHIN: Final[tuple[dict[str, Any], ...]] = ({}, {"within": "1 day"}, {"within": "30 days"})
OTHERWISE: Final[tuple[dict[str, Any], ...]] = ({}, {"otherwise": "unknown"})
MEASURED: Final = (
    {"sum": "purchase.amount"},
    {"count": "purchase"},
    {"average": "purchase.amount"},
    {"top": "purchase.shop"},
)
AT_ONCE: Final = ({"days since": "purchase"}, {"first": "purchase"}, {"last": "purchase"})

windowed = st.builds(
    lambda *parts: {key: value for part in parts for key, value in part.items()},
    st.sampled_from(MEASURED),
    st.sampled_from(WHERE),
    st.sampled_from(WITHIN),
    st.sampled_from(OTHERWISE),
)
others = st.builds(
    lambda *parts: {key: value for part in parts for key, value in part.items()},
    st.sampled_from(AT_ONCE),
    st.sampled_from(WHERE),
    st.sampled_from(OTHERWISE),
)
known = st.builds(
    lambda *parts: {key: value for part in parts for key, value in part.items()},
    st.sampled_from(({"last known": "purchase.shop"}, {"latest event": "purchase.shop"})),
    st.sampled_from(OTHERWISE),
)
variables = windowed | others | known
shops = st.sampled_from(("north", "south", "east", 7, None))
purchases = st.builds(
    lambda at, amount, shop: event("purchase", at, amount=amount, **({} if shop is None else {"shop": shop})),
    st.sampled_from((0.0, 0.5, 1.0, 2.5)) | st.floats(0, 100),
    st.integers(-50, 200) | st.just(12.5),
    shops,
)


def folded(written: Mapping[str, Any], events: Sequence[DecodedEvent], is_watched: bool) -> Any:
    """Return the variable after these events, in this order of arrival."""
    rule_set = rules(rule(variables={"it": written}), types=TYPES)
    program = Program(rule_set)
    program.begin()
    program.observe(watched(rule_set) if is_watched else Coverage(since={}))
    customer = program.customer
    for one in events:
        if not customer.is_known:
            customer.is_known, customer.first_ms = True, one.at_ms
        customer.at_ms = max(customer.at_ms, one.at_ms)
        folding = program.types[one.type].folding
        assert folding is not None
        folding.fold(one)
    (variable,) = program.rules[0].variables
    return variable.value(day(101))


def counted(written: Mapping[str, Any], events: Sequence[DecodedEvent], is_watched: bool) -> Any:
    """Return the same by looking at all events again."""
    found = measured(written, events, is_watched)
    return written.get("otherwise") if found is None else found


def measured(written: Mapping[str, Any], events: Sequence[DecodedEvent], is_watched: bool) -> Any:
    word, at_ms = next(iter(written)), day(101)
    wanted = written.get("where", {})
    meant = [one for one in events if all(one.attributes.get(name) == value for name, value in wanted.items())]
    in_order = sorted(meant, key=lambda one: one.at_ms)
    if word in ("days since", "last"):
        last = in_order[-1].at_ms if in_order else None
        if last is None:
            return None
        return (at_ms - last) // DAY_MS if word == "days since" else str(moment(last).date())
    if word == "last known":
        return next((one.attributes["shop"] for one in reversed(in_order) if "shop" in one.attributes), None)
    if word == "latest event":
        return in_order[-1].attributes.get("shop") if in_order else None
    if not is_watched:
        return None
    if word == "first":
        return str(moment(in_order[0].at_ms).date()) if in_order else None
    first_day = 0
    if "within" in written:
        first_day = at_ms // DAY_MS - parse_duration(written["within"]).days + 1
    if word == "top":
        pairs = sorted(
            (one.at_ms // DAY_MS, str(one.attributes["shop"]), one.attributes["shop"])
            for one in meant
            if "shop" in one.attributes
        )[-MOST_SEEN:]
        numbers = Counter(shop for on_day, _, shop in pairs if on_day >= first_day)
        if not numbers:
            return None
        last_days = {shop: on_day for on_day, _, shop in pairs}
        return min(numbers, key=lambda shop: (-numbers[shop], -last_days[shop], str(shop)))
    amounts: list[float] = [one.attributes["amount"] for one in meant if one.at_ms // DAY_MS >= first_day]
    if word == "count":
        return len(amounts)
    if word == "sum":
        return sum(amounts)
    return round(sum(amounts) / len(amounts), 4) if amounts else None


@given(variables, st.lists(purchases, max_size=45), st.booleans(), st.randoms(use_true_random=False))
@examples(600)
def test_a_variable_is_what_a_plain_count_says_in_any_order_of_arrival(
    written: Any, events: list[DecodedEvent], is_watched: bool, random: Any
) -> None:
    if "latest event" in written or "last known" in written:
        events = list({one.at_ms: one for one in events}.values())  # of two at one moment, the one read last counts
    arrived = list(events)
    random.shuffle(arrived)
    assert folded(written, arrived, is_watched) == counted(written, events, is_watched)


def test_what_is_not_known_is_null_or_what_the_rule_says_to_take_then() -> None:
    bought = [event("purchase", 1, amount=20)]
    for written in ({"sum": "purchase.amount"}, {"count": "purchase", "within": "30 days"}, {"top": "purchase.shop"}):
        assert folded(written, bought, False) is None
        assert folded({**written, "otherwise": 0}, bought, False) == 0
