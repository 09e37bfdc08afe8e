"""The rules written by hand for the benchmarks decide what Linger's core decides."""

from collections.abc import Iterator

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks import workload
from benchmarks.contenders import by_hand
from benchmarks.workload import DAY_MS, START_MS, TYPES, Decided, Workload
from workers.demo.histories import iso_utc

RULES = workload.load_rules()


class Moments(Workload):
    """A workload of given events of one customer."""

    def __init__(self, moments: list[tuple[int, str, int]]) -> None:
        super().__init__(len(moments), 1)
        object.__setattr__(self, "moments", moments)

    def records(self) -> Iterator[workload.Event]:
        """Yield them; each is a time, a type, and cents."""
        for at_ms, kind, cents in self.moments:  # type: ignore[attr-defined]
            event = {"event_id": f"e-{at_ms}", "customer_id": "c-1", "occurred_at": iso_utc(at_ms), "type": kind}
            if kind == "purchase":
                event |= {"amount": f"{cents // 100}.{cents % 100:02d}", "currency": "USD"}
            yield workload.Event(at_ms, b"c-1", msgspec.json.encode(event))


def decided_by_hand(work: Workload) -> list[Decided]:
    """Decide a workload, each state packed and unpacked for each event, and everything due at its very moment."""
    stored: dict[str, bytes] = {}
    decided = []
    for record in work.records():
        event = by_hand.read_event(record.value)
        known = stored.get(event.customer)
        state, new = by_hand.fold(None if known is None else by_hand.unpack(known), event)
        stored[event.customer] = by_hand.pack(state)
        decided += new
    for customer, known in stored.items():
        state = by_hand.unpack(known)
        while 0 < state.due_ms <= work.end_ms:
            decided += by_hand.fire(customer, state, state.due_ms)
    return decided


@pytest.mark.parametrize(
    "work",
    [Workload(2_000, 60), Workload(3_000, 1_500, seed=2), Workload(2_000, 4, seed=3), Workload(1_500, 15, seed=4)],
    ids=str,
)
def test_it_decides_what_the_core_decides(work: Workload) -> None:
    assert sorted(decided_by_hand(work)) == sorted(workload.expected(work, RULES))


# Whole days and quarters of them, so that events come at the very moment at which a rule is due, and at midnight.
gaps = st.one_of(
    st.integers(1, 60).map(lambda days: days * DAY_MS), st.integers(1, 40).map(lambda n: n * DAY_MS // 4)
)
moments = st.lists(
    st.tuples(gaps, st.sampled_from((*TYPES, "login", "purchase")), st.integers(1, 20_000)), min_size=1
)


@settings(max_examples=150, deadline=None)
@given(moments, st.integers(0, DAY_MS - 1))
def test_it_decides_the_same_when_events_come_at_the_moment_of_due_times(
    history: list[tuple[int, str, int]], first_ms: int
) -> None:
    at_ms, events = START_MS + first_ms, []
    for gap_ms, kind, cents in history:
        at_ms += gap_ms
        events.append((at_ms, kind, cents))
    work = Moments(events)
    assert sorted(decided_by_hand(work)) == sorted(workload.expected(work, RULES))


def test_what_it_writes_is_as_the_benchmarks_want_it() -> None:
    decided = Decided("active", "overdue-1", "c-0000298", 1_709_251_200_000, 1_709_251_200_000)

    assert msgspec.json.decode(by_hand.write(decided)) == decided._asdict()
