"""Write 40 activities with everything in them, as release 0.1.0 stores and reads them.

Run with a checkout of that release as the working directory, and send the output to
`tests/data/upgrade/activities.jsonl`:

    PYTHONPATH=. python PATH/TO/tests/upgrade/old_activities.py

It uses only modules of that release, whose names have changed since. A line has the stored bytes, the rules that the
reader knew, and what it read, as lists of values in the order of the fields.
"""

import json
import sys
from importlib import import_module
from random import Random
from typing import Any

_START_MS = 1_704_067_200_000
_WIDE = 300 * 366 * 86_400_000
_KNOWN = ("regular-gone-quiet", "first-time-buyer", "cancelled-exit-survey", "logins-dried-up")
_GONE = ("was-removed", "was-removed-too")
_LATEST = (0, -3, 6.5, "gold", "ä", True, None)
_SERIES = ("purchase", "login", "cancellation", "nps", "purchase?currency=EUR", "login?device=ä")


def main() -> int:
    codec, facts = import_module("workers.core.codec"), import_module("workers.core.facts")
    chance = Random(16)
    for number in range(40):
        activity = _activity(chance, facts)
        raw = codec.encode(activity)
        read = codec.decode(raw, codec.codes_of(_KNOWN))
        assert codec.encode(read) == raw, number
        print(json.dumps({"stored": raw.hex(), "rules": _KNOWN, "read": plain(read)}, ensure_ascii=False))
    return 0


ADDED_LATER = frozenset({"doubted_ms", "floors"})
"""Fields that release 0.1 did not have; they are empty in what it stored."""


def plain(value: Any) -> Any:
    """Return a value as JSON has it; of an object, the values of its fields in their order."""
    if isinstance(value, bytes):
        return {"bytes": value.hex()}
    if isinstance(value, dict):
        return {name: plain(one) for name, one in sorted(value.items())}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    names = getattr(value, "__struct_fields__", None) or getattr(value, "__dataclass_fields__", None)
    if names is None and hasattr(value, "packed"):  # a series
        names = ("first_ms", "last_ms", "total", "total_sum", "active_days", "gone_day", "days", "counts", "sums")
        names += ("values", "value_days")
    if names is None:
        return value
    found = [getattr(value, name) for name in names if name not in ADDED_LATER or getattr(value, name)]
    return [plain(one() if callable(one) else one) for one in found]


def _activity(chance: Random, facts: Any) -> Any:
    module = import_module("workers.core.activity")
    rules = [name for name in (*_KNOWN, *_GONE) if chance.random() < 0.6]
    flips = {name: _moment(chance) for name in rules if chance.random() < 0.5}
    return module.Activity(
        _moment(chance),
        _moment(chance),
        _perhaps(chance),
        chance.choice([0, _moment(chance), min(flips.values(), default=0)]),
        chance.randbytes(facts.FINGERPRINT_BYTES * chance.randint(0, 8)),
        {name: _series(chance, facts) for name in _SERIES if chance.random() < 0.5},
        {name: _episode(chance, module) for name in rules},
        {
            name: chance.choice([0, -3, 6.5, "gold", "ä", True, None])
            for name in _some(chance, "nps.score", "loyalty.tier")
        },
        chance.choice([0, 1, 7, 300]),
        flips,
        [_candidate(chance, module) for _ in range(chance.choice([0, 0, 1, 2]))],
        [_moment(chance) for _ in range(chance.choice([0, 0, 3]))],
        {
            name: (chance.choice(["x", False, 12, 1.5, "Europe/Berlin"]), _moment(chance))
            for name in _some(chance, "cancellation.reason", "profile.time_zone")
        },
        {
            name: [_moment(chance), chance.choice([-1, 0, _moment(chance)])]
            for name in _some(chance, "complaint>purchase")
        },
    )


def _series(chance: Random, facts: Any) -> Any:
    module = import_module("workers.core.series")
    days = sorted(chance.sample(range(30_000), chance.randint(0, 5)))
    counts = [chance.choice([1, 1, 2, 300]) for _ in days]
    sums = [chance.choice([0, 100, -250, facts.MAX_STORED]) for _ in days] if chance.random() < 0.5 else []
    values = [chance.randrange(2**32) for _ in range(chance.choice([0, 0, 3]))]
    last_ms = _moment(chance)
    total = chance.choice([1, len(days), 250, 2**62])
    return module.Series(
        chance.choice([last_ms, _moment(chance)]),
        last_ms,
        total,
        chance.choice([0, 643_500, -1, facts.MAX_STORED, -facts.MAX_STORED]),
        chance.choice([total, len(days)]),
        chance.choice([0, 0, 19_700, -5]),
        module.pack(days, counts, sums),
        values,
        [chance.randint(-40_000, 40_000) for _ in values],
    )


def _episode(chance: Random, module: Any) -> Any:
    start_ms = _perhaps(chance)
    found = module.Episode(start_ms, chance.random() < 0.5, chance.choice([0, start_ms, _moment(chance)]))
    found.before_ms, found.open_until_ms = _perhaps(chance), _perhaps(chance)
    found.pending_ms, found.met_ms = _perhaps(chance), _perhaps(chance)
    if chance.random() < 0.4:
        found.held = [_moment(chance) for _ in range(chance.randint(1, 4))]
        found.stood = [_moment(chance) for _ in range(chance.randint(0, 2))]
    return found


def _candidate(chance: Random, module: Any) -> Any:
    variables = chance.choice([{}, {"reason": "too expensive"}, {"score": 3, "until": None, "gone": True}])
    withdrawn_ms, because = chance.choice([(0, None), (_moment(chance), "customer_returned")])
    rule, reasons = chance.choice([*_KNOWN, *_GONE]), b"\x91\x94\xa1c\x03\xa1b\xc0"
    return module.Candidate(
        rule, _moment(chance), withdrawn_ms, "at-risk", "0123456789ab", variables, reasons, because, reasons
    )


def _some(chance: Random, *names: str) -> list[str]:
    return [name for name in names if chance.random() < 0.4]


def _moment(chance: Random) -> int:
    wide = chance.random() < 0.1
    return chance.randint(-_WIDE, _WIDE) if wide else _START_MS + chance.randint(-(10**9), 10**10)


def _perhaps(chance: Random) -> int:
    return 0 if chance.random() < 0.5 else _moment(chance)


if __name__ == "__main__":
    sys.exit(main())
