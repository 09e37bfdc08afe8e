"""The twenty rules of `workload_rules.yaml` by hand: what the contenders in Python decide with.

It does what Linger's core does with these rules and no others, as one would write it for these rules alone. They need
little state. A number of events within days is reached if the event that many events ago is recent enough, and all
but two rules wait for a silence that starts with the latest event. So it is known at each event when which rule
begins to hold if nothing else happens.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Final, NamedTuple

import msgspec
import orjson

from benchmarks.workload import DAY_MS, Decided

NEVER: Final = 0
_FOREVER_MS: Final = 1 << 62


class Event(NamedTuple):
    """One event of the workload; `cents` are those of a purchase, 0 of anything else."""

    customer: str
    type: str
    at_ms: int
    cents: int


class State(msgspec.Struct, array_like=True):
    """What is remembered of one customer; times in epoch milliseconds, 0 for never, days as UTC days since 1970.

    Attributes:
        login_ms: the latest log-in.
        login_days: the days of the latest log-ins, oldest first, as many as a rule counts.
        purchases: of all time.
        first_ms, purchase_ms: the first and the latest purchase.
        active_days: on how many days there were purchases.
        days, cents: of the latest purchases, oldest first, as many as a rule counts or adds up.
        cancelled_ms: the latest cancellation; 0 if there was a purchase after it.
        acted: by rule (its place in `_RULES`), when it acted last.
        open: rules whose latest action has not been taken back, and perhaps not expired.
        login_due_ms: when a rule about log-ins begins to hold if nothing else happens.
        other_due_ms: the same of all other rules.
    """

    login_ms: int = 0
    login_days: list[int] = []
    purchases: int = 0
    first_ms: int = 0
    purchase_ms: int = 0
    active_days: int = 0
    days: list[int] = []
    cents: list[int] = []
    cancelled_ms: int = 0
    acted: dict[int, int] = {}
    open: list[int] = []
    login_due_ms: int = NEVER
    other_due_ms: int = NEVER

    @property
    def due_ms(self) -> int:
        """When to look again because of time alone, 0 for never."""
        return min(self.login_due_ms or _FOREVER_MS, self.other_due_ms or _FOREVER_MS) % _FOREVER_MS


class _Rule(NamedTuple):
    """What all rules have: an id, and durations in milliseconds; it never acts `again` if that is forever."""

    id: str
    again_ms: int
    expires_ms: int


class _Count(NamedTuple):
    """A least number of events in the last days, and none for a while; `rule` is an index of `_RULES`."""

    rule: int
    number: int
    days: int
    quiet_ms: int


class _First(NamedTuple):
    """One purchase ever, some time ago."""

    rule: int
    quiet_ms: int


class _Overdue(NamedTuple):
    """The latest purchase is a number of the customer's usual gaps ago."""

    rule: int
    times: int


class _Sum(NamedTuple):
    """A least sum in cents in the last days, and no purchase for a while."""

    rule: int
    cents: int
    days: int
    quiet_ms: int


def _rules(*families: tuple[str, int, int, int]) -> tuple[_Rule, ...]:
    """List rules: a name, how many there are, and days of cool-down (0 for no end) and of expiry, for each family."""
    return tuple(
        _Rule(name.format(number + 1), again * DAY_MS or _FOREVER_MS, expires * DAY_MS)
        for name, size, again, expires in families
        for number in range(size)
    )


_RULES: Final = _rules(
    ("logins-dried-up-{}", 6, 60, 7),
    ("regular-gone-quiet-{}", 4, 90, 14),
    ("first-time-buyer-{}", 3, 0, 21),
    ("overdue-{}", 3, 60, 14),
    ("valuable-gone-quiet-{}", 2, 120, 10),
    ("cancelled-exit-survey", 1, 180, 30),
    ("worth-winning-back", 1, 180, 30),
)
_LOGIN_COUNTS: Final = (
    _Count(0, 6, 60, 14 * DAY_MS),
    _Count(1, 10, 60, 10 * DAY_MS),
    _Count(2, 4, 60, 21 * DAY_MS),
    _Count(3, 3, 90, 30 * DAY_MS),
    _Count(4, 8, 45, 7 * DAY_MS),
    _Count(5, 5, 30, 12 * DAY_MS),
)
_PURCHASE_COUNTS: Final = tuple(_Count(6 + n, 3, 365, days * DAY_MS) for n, days in enumerate((30, 45, 60, 90)))
_FIRSTS: Final = tuple(_First(10 + n, days * DAY_MS) for n, days in enumerate((20, 30, 50)))
_OVERDUES: Final = tuple(_Overdue(13 + n, times) for n, times in enumerate((2, 3, 4)))
_OVERDUE_PURCHASES: Final = 3
_USUAL_GAP_MS: Final = 30 * DAY_MS
_OVERDUE_LEAST_MS: Final = 14 * DAY_MS
_SUMS: Final = (_Sum(16, 15_000, 365, 40 * DAY_MS), _Sum(17, 40_000, 365, 75 * DAY_MS))
_CANCELLED: Final = 18
_WORTH: Final = _Count(19, 3, 365, 30 * DAY_MS)

_ENDED_BY: Final = {
    "login": frozenset(range(6)),
    "purchase": frozenset(range(6, 20)),
    "cancellation": frozenset(range(20)) - {_CANCELLED},
}
"""Rules that do not hold after an event of a type."""

_LOGINS_KEPT: Final = max(one.number for one in _LOGIN_COUNTS)
_PURCHASES_KEPT: Final = max(one.number for one in (*_PURCHASE_COUNTS, _WORTH))
_CENTS_KEPT: Final = max(one.cents for one in _SUMS)

Turn = tuple[int, int]
"""When a rule begins to hold if nothing else happens, in epoch milliseconds, and its place in `_RULES`."""


class _Canonical(msgspec.Struct):
    customer_id: str
    type: str
    occurred_at: datetime
    amount: str = "0.00"


_decode_event = msgspec.json.Decoder(_Canonical).decode
_decode_state = msgspec.msgpack.Decoder(State).decode
_encode_state = msgspec.msgpack.Encoder().encode


def read_event(value: bytes) -> Event:
    """Read a record of the events topic; amounts have two decimals."""
    event = _decode_event(value)
    at_ms = round(event.occurred_at.timestamp() * 1000)
    return Event(event.customer_id, event.type, at_ms, int(event.amount.replace(".", "")))


def write(decided: Decided) -> bytes:
    """Return the record of the actions topic."""
    return orjson.dumps(decided._asdict())


def pack(state: State) -> bytes:
    """Encode a state to be stored."""
    return _encode_state(state)


def unpack(raw: bytes) -> State:
    """Decode what `pack` made."""
    return _decode_state(raw)


def fold(state: State | None, event: Event) -> tuple[State, list[Decided]]:
    """Decide what is due until an event, fold it, and decide what it changed.

    Args:
        state: of the event's customer, which is changed; None if nothing is known of them.
        event: later than all before it of the same customer.

    Returns:
        The new state, and decisions in the order of time.
    """
    if state is None:
        state = State()
    customer, type_, at_ms, _ = event
    decided = fire(customer, state, at_ms)
    if state.open:
        decided += _take_back(customer, state, _ENDED_BY[type_], at_ms)
    if type_ == "login":
        _fold_login(state, at_ms)
    elif type_ == "purchase":
        decided += _fold_purchase(state, event)
    else:
        decided += _fold_cancellation(customer, state, at_ms)
    return state, decided


def fire(customer: str, state: State, upto_ms: int) -> list[Decided]:
    """Decide everything that is due until then, in the order of time; the state is changed."""
    due: list[Turn] = []
    if 0 < state.login_due_ms <= upto_ms:
        due += _due(_login_turns(state), state.login_due_ms, upto_ms)
        state.login_due_ms = _soonest(_login_turns(state), upto_ms)
    if 0 < state.other_due_ms <= upto_ms:
        due += _due(_other_turns(state), state.other_due_ms, upto_ms)
        state.other_due_ms = _soonest(_other_turns(state), upto_ms)
    return _begin(customer, state, sorted(due)) if due else []


def _due(turns: Iterable[Turn], from_ms: int, upto_ms: int) -> list[Turn]:
    return [turn for turn in turns if from_ms <= turn[0] <= upto_ms]


def _soonest(turns: Iterable[Turn], after_ms: int) -> int:
    return min((at_ms for at_ms, _ in turns if at_ms > after_ms), default=NEVER)


# -- events ----------------------------------------------------------------------------------------------------------


def _fold_login(state: State, at_ms: int) -> None:
    state.login_ms = at_ms
    state.login_days.append(at_ms // DAY_MS)
    if len(state.login_days) > _LOGINS_KEPT:
        del state.login_days[0]
    if not state.cancelled_ms:
        state.login_due_ms = _soonest(_login_turns(state), at_ms)


def _fold_purchase(state: State, event: Event) -> list[Decided]:
    at_ms, day = event.at_ms, event.at_ms // DAY_MS
    if not state.purchases:
        state.first_ms = at_ms
    if day != state.purchase_ms // DAY_MS:
        state.active_days += 1
    state.purchases += 1
    state.purchase_ms = at_ms
    days, cents = state.days, state.cents
    days.append(day)
    cents.append(event.cents)
    left = sum(cents)
    while len(days) > _PURCHASES_KEPT and left - cents[0] >= _CENTS_KEPT:
        left -= cents[0]
        del days[0], cents[0]
    decided = _return(event.customer, state, at_ms) if state.cancelled_ms else []
    state.other_due_ms = _soonest(_other_turns(state), at_ms)
    return decided


def _return(customer: str, state: State, at_ms: int) -> list[Decided]:
    """Reactivate a cancelled customer; a long absence of log-ins continues."""
    state.cancelled_ms = 0
    hold = [
        (at_ms, one.rule)
        for one in _LOGIN_COUNTS
        if state.login_ms + one.quiet_ms <= at_ms < _enough_until(state.login_days, one)
    ]
    state.login_due_ms = _soonest(_login_turns(state), at_ms)
    return _begin(customer, state, hold)


def _fold_cancellation(customer: str, state: State, at_ms: int) -> list[Decided]:
    decided = [] if state.cancelled_ms else _begin(customer, state, [(at_ms, _CANCELLED)])
    state.cancelled_ms = at_ms
    state.login_due_ms = NEVER
    state.other_due_ms = _soonest(_other_turns(state), at_ms)
    return decided


# -- rules -----------------------------------------------------------------------------------------------------------


def _login_turns(state: State) -> list[Turn]:
    """Return when rules about log-ins begin to hold after the latest one; the customer is active."""
    return _count_turns(_LOGIN_COUNTS, state.login_days, state.login_ms)


def _other_turns(state: State) -> list[Turn]:
    """Return when the other rules begin to hold after the latest purchase, or the latest cancellation."""
    if state.cancelled_ms:
        return _count_turns((_WORTH,), state.days, state.cancelled_ms)
    last_ms = state.purchase_ms
    if state.purchases == 1:
        return [(last_ms + one.quiet_ms, one.rule) for one in _FIRSTS] + _sum_turns(state)
    turns = _count_turns(_PURCHASE_COUNTS, state.days, last_ms) + _sum_turns(state)
    if state.purchases >= _OVERDUE_PURCHASES:
        lasted_ms, gaps = 2 * _USUAL_GAP_MS + last_ms - state.first_ms, 1 + state.active_days
        for one in _OVERDUES:
            patience_ms = -(-one.times * lasted_ms // gaps)  # rounded up
            turns.append((last_ms + max(_OVERDUE_LEAST_MS, patience_ms), one.rule))
    return turns


def _count_turns(counts: Iterable[_Count], days: list[int], last_ms: int) -> list[Turn]:
    return [(last_ms + one.quiet_ms, one.rule) for one in counts if last_ms + one.quiet_ms < _enough_until(days, one)]


def _enough_until(days: list[int], count: _Count) -> int:
    """Return until when there are enough events in the last days, today included; 0 if there are not."""
    return (days[-count.number] + count.days) * DAY_MS if len(days) >= count.number else 0


def _sum_turns(state: State) -> list[Turn]:
    turns = []
    for one in _SUMS:
        at_ms = state.purchase_ms + one.quiet_ms
        first_day, spent = at_ms // DAY_MS - one.days + 1, 0
        for day, cents in zip(reversed(state.days), reversed(state.cents), strict=True):
            spent += cents
            if day < first_day or spent >= one.cents:
                break
        if spent >= one.cents and day >= first_day:
            turns.append((at_ms, one.rule))
    return turns


# -- actions ---------------------------------------------------------------------------------------------------------


def _begin(customer: str, state: State, turns: Iterable[Turn]) -> list[Decided]:
    """Let rules act that begin to hold, unless they cool down."""
    decided = []
    for at_ms, rule in turns:
        name, again_ms, _ = _RULES[rule]
        acted_ms = state.acted.get(rule)
        if acted_ms is None or at_ms >= acted_ms + again_ms:
            state.acted[rule] = at_ms
            if rule not in state.open:
                state.open.append(rule)
            decided.append(Decided("active", name, customer, at_ms, at_ms))
    return decided


def _take_back(customer: str, state: State, ended: frozenset[int], at_ms: int) -> list[Decided]:
    """Take back what rules that do not hold any more have asked for, unless it has expired."""
    decided, left = [], []
    for rule in state.open:
        acted_ms = state.acted[rule]
        if acted_ms + _RULES[rule].expires_ms <= at_ms:
            continue
        if rule not in ended:
            left.append(rule)
            continue
        decided.append(Decided("retracted", _RULES[rule].id, customer, acted_ms, at_ms))
        if acted_ms == at_ms:
            del state.acted[rule]  # it came in the same moment: as if the rule had never acted
    state.open = left
    return decided
