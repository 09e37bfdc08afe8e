"""The rules written by hand for the benchmarks decide what Linger's core decides."""

from collections.abc import Iterator
from random import Random

import msgspec
import pytest

from benchmarks import workload
from benchmarks.contenders import by_hand
from benchmarks.workload import DAY_MS, START_MS, TYPES, Decided, Workload
from workers.histories.history import iso_utc

RULES = workload.load_rules()
GAPS_MS = [DAY_MS // 4] * 4 + [days * DAY_MS for days in (1, 1, 2, 3, 5, 7, 10, 12, 14, 16, 20, 21, 30, 45, 60)]
"""Many of them as long as rules wait, so that events come at the very moment at which a rule is due."""


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


@pytest.mark.parametrize("first_ms", [START_MS, START_MS + DAY_MS // 3, START_MS + DAY_MS - 1])
def test_it_decides_the_same_when_events_come_at_the_moment_of_due_times(first_ms: int) -> None:
    chance = Random(first_ms)
    for _ in range(100):
        at_ms, events = first_ms, []
        often, dearest = chance.choice(TYPES), chance.choice((4_000, 20_000))
        for _ in range(40):
            events.append((at_ms, chance.choice((*TYPES, often, often)), chance.randrange(1, dearest)))
            at_ms += chance.choice(GAPS_MS)
        work = Moments(events)
        assert sorted(decided_by_hand(work)) == sorted(workload.expected(work, RULES))


def test_the_day_on_which_a_window_ends_does_not_count() -> None:
    """Three log-ins within 90 days, by a customer who returns at the moment when the first one is too old."""
    days = [(0, "login"), (1, "login"), (2, "login"), (3, "cancellation"), (90, "purchase")]
    work = Moments([(START_MS + day * DAY_MS, kind, 1_000) for day, kind in days])
    assert sorted(decided_by_hand(work)) == sorted(workload.expected(work, RULES))


def test_what_it_writes_is_as_the_benchmarks_want_it() -> None:
    decided = Decided("active", "overdue-1", "c-0000298", 1_709_251_200_000, 1_709_251_200_000)

    assert msgspec.json.decode(by_hand.write(decided)) == decided._asdict()
