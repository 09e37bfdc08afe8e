"""The figures of an experiment, compared with a count that shares no code with the workers.

Who entered is counted from what was published: a customer enters at the earliest start of the rule that has an action
or a decision `held_out`, in the arm that stands there; every other start is a later episode. Who succeeded is counted
from the log: any event of the type, in time after the start. Only the names of figures are the workers' own.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from schemas.actions import EXPIRED_DETAIL, Action, Decision
from schemas.experiments import ASSIGNED, LATER, WON
from tests.support.naive_book import Heard

DAY_MS = 86_400_000
COMPARED_RULE = "spends-much"
"""In `tests/data/faults/compared.yaml`."""
SUCCESS = "purchase"
WITHIN_MS = 20 * DAY_MS


@dataclass
class Counts:
    """What is counted of one arm."""

    assigned: int = 0
    won: int = 0
    later: int = 0
    over: int = 0


@dataclass
class Compared:
    """What differs.

    Attributes:
        missing: figures that are too small.
        too_much: figures that are too large.
        customers: how many entered.
    """

    missing: list[str] = field(default_factory=list)
    too_much: list[str] = field(default_factory=list)
    customers: int = 0


def entered(records: Iterable[Action | Decision]) -> dict[str, dict[int, str]]:
    """Return by customer the starts of the rule, each with the arm.

    Args:
        records: actions, also those taken back, and decisions.
    """
    found: dict[str, dict[int, str]] = {}
    for record in records:
        counts = isinstance(record, Action) or record.decision == "held_out" or record.detail == EXPIRED_DETAIL
        if record.rule.id == COMPARED_RULE and counts:
            assert record.arm is not None
            start_ms = round(record.episode_started_at.timestamp() * 1000)
            found.setdefault(record.customer_id, {})[start_ms] = record.arm
    return found


def counted(starts: Mapping[str, Mapping[int, str]], log: Iterable[Heard], until_ms: int) -> dict[str, Counts]:
    """Count by arm.

    Args:
        starts: by customer.
        log: every event that the activity topic holds.
        until_ms: up to when everything was seen.
    """
    successes: dict[str, list[int]] = {}
    for event in log:
        if event.type == SUCCESS:
            successes.setdefault(event.customer_id, []).append(event.at_ms)
    arms: dict[str, Counts] = {}
    for customer, own in starts.items():
        start_ms = min(own)
        counts = arms.setdefault(own[start_ms], Counts())
        counts.assigned += 1
        counts.later += len(own) - 1
        counts.won += any(start_ms < at_ms <= start_ms + WITHIN_MS for at_ms in successes.get(customer, ()))
        counts.over += (start_ms // DAY_MS + 1) * DAY_MS + WITHIN_MS <= until_ms
    return arms


def compare_figures(
    expected: Mapping[str, Counts], fields: Iterable[Mapping[str, int]], finished: Mapping[str, int]
) -> Compared:
    """Compare the figures of all partitions with those that should be there.

    Args:
        expected: by arm.
        fields: what each partition has counted, by the name of the figure; of one experiment only.
        finished: by arm, the customers whose time is over, as `linger experiments` shows it.
    """
    found: Counter[tuple[str, str]] = Counter()
    for partition in fields:
        for name, number in partition.items():
            _, arm, *rest = name.split("|")
            found[arm, rest[-1]] += number
    wanted: Counter[tuple[str, str]] = Counter()
    for arm, counts in expected.items():
        wanted[arm, ASSIGNED], wanted[arm, WON], wanted[arm, LATER] = counts.assigned, counts.won, counts.later
        wanted[arm, "finished"] = counts.over
    for arm, number in finished.items():
        found[arm, "finished"] = number
    compared = Compared(customers=sum(counts.assigned for counts in expected.values()))
    for place in sorted({*found, *wanted}):
        if place[1] not in (ASSIGNED, WON, LATER, "finished"):
            continue
        less = wanted[place] - found[place]
        said = f"{place[1]} of {place[0]}: {found[place]}, should be {wanted[place]}"
        if less:
            (compared.missing if less > 0 else compared.too_much).append(said)
    return compared
