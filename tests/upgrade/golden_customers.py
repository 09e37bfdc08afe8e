"""Write customers with everything in them, as the last release that writes layout 3 (commit ea9a324) stores them.

Run with a checkout of that release as the working directory, and send the output to
`tests/data/golden/layout-3.jsonl`:

    PYTHONPATH=. python PATH/TO/tests/upgrade/golden_customers.py

It uses only modules of that release. A line has the stored bytes and what is in them, by name. Of two rules that are
named, the others are unknown to the reader; so it is with series.
"""

import json
import sys
from dataclasses import asdict
from importlib import import_module
from random import Random
from typing import Any

START_MS = 1_704_067_200_000
DAY_MS = 86_400_000
KNOWN_RULES = ("regular-gone-quiet", "logins-dried-up")
GONE_RULES = ("was-removed", "was-removed-too")
SERIES = ("cancellation", "login", "purchase", "nps", "purchase?73b32afe3f3d", "login?0123456789ab")
VALUES = "purchase?f122ff6afc7e"
SUMS = ("purchase", "purchase?73b32afe3f3d")
_MAX_STORED = (1 << 62) - 1


def main() -> int:
    codec = import_module("workers.core.customer.codec")
    chance = Random(18)
    for number in range(40):
        activity = _activity(chance, 1.0 if number < 8 else 0.5)
        named = json.loads(json.dumps(_named(activity)))
        raw = codec.encode(activity)
        read = codec.decode(raw, codec.codes_of((*KNOWN_RULES, *GONE_RULES)))
        assert codec.encode(read) == raw, number
        assert json.loads(json.dumps(_named(read))) == named, number
        print(json.dumps({"stored": raw.hex(), "facts": named}, ensure_ascii=False))
    return 0


def _named(activity: Any) -> dict[str, Any]:
    return {
        "first_ms": activity.first_ms,
        "at_ms": activity.at_ms,
        "fired_ms": activity.fired_ms,
        "due_ms": activity.due_ms,
        "generation": activity.generation,
        "seen": [activity.seen[at : at + 6].hex() for at in range(0, len(activity.seen), 6)],
        "series": {
            key: {
                "first_ms": one.first_ms,
                "last_ms": one.last_ms,
                "total": one.total,
                "total_sum": one.total_sum,
                "active_days": one.active_days,
                "gone_day": one.gone_day,
                "days": one.days(),
                "counts": one.counts(),
                "sums": one.sums(),
                "values": one.values,
                "value_days": one.value_days,
            }
            for key, one in activity.series.items()
        },
        "episodes": {name: asdict(one) for name, one in activity.episodes.items()},
        "flips": activity.flips,
        "acted": activity.acted,
        "latest": activity.latest,
        "attributes": activity.attributes,
        "pairs": activity.pairs,
        "floors": activity.floors,
        "candidates": [
            {
                "rule": one.rule,
                "start_ms": one.start_ms,
                "withdrawn_ms": one.withdrawn_ms,
                "action": one.action,
                "version": one.version,
                "variables": one.variables,
                "why": one.why.hex(),
                "because": one.because,
                "why_back": one.why_back.hex(),
                "doubted_ms": one.doubted_ms,
            }
            for one in activity.candidates
        ],
    }


def _activity(chance: Random, much: float) -> Any:
    module = import_module("workers.core.customer.activity")
    at_ms = START_MS + chance.randint(300 * DAY_MS, 500 * DAY_MS)
    rules = [name for name in (*KNOWN_RULES, *GONE_RULES) if chance.random() < much]
    flips = {
        name: at_ms + chance.randint(-DAY_MS, 90 * DAY_MS) for name in ("0", "3", "12") if chance.random() < much
    }
    activity = module.Activity(first_ms=START_MS + chance.randint(0, 10**9), at_ms=at_ms)
    activity.fired_ms = chance.choice([0, at_ms + 5_000])
    activity.due_ms = chance.choice([min(flips.values(), default=0), at_ms + 77, 0])
    activity.seen = chance.randbytes(6 * (8 if much == 1 else chance.randint(0, 8)))
    activity.series = {key: _series(chance, key, at_ms) for key in (*SERIES, VALUES) if chance.random() < much}
    activity.episodes = {name: _episode(chance, module, at_ms, much) for name in rules}
    activity.generation = chance.choice([0, 1, 7, 300])
    activity.flips = flips
    activity.acted = [_moment(chance, at_ms) for _ in range(3) if chance.random() < much]
    kinds = {"number": -3, "float": 6.5, "text": "Zürich", "whole": _MAX_STORED, "yes": True, "no": False}
    activity.latest = {f"nps.{name}": one for name, one in (kinds | {"none": None}).items() if chance.random() < much}
    activity.attributes = {
        f"profile.{name}": (one, _moment(chance, at_ms)) for name, one in kinds.items() if chance.random() < much
    }
    pairs = {
        "complaint>purchase": [_moment(chance, at_ms), -1],
        "nps>login?0123456789ab": [_moment(chance, at_ms), 0],
        "login>purchase": [_moment(chance, at_ms), _moment(chance, at_ms)],
    }
    activity.pairs = {key: one for key, one in pairs.items() if chance.random() < much}
    activity.floors = {key: _moment(chance, at_ms) for key in ("", "login") if chance.random() < much}
    activity.candidates = [_candidate(chance, module, at_ms) for _ in range(3) if chance.random() < much]
    return activity


def _series(chance: Random, key: str, at_ms: int) -> Any:
    module = import_module("workers.core.customer.series")
    last_ms = at_ms - chance.randint(0, 40 * DAY_MS)
    first_ms = chance.choice([last_ms, last_ms - chance.randint(0, 200 * DAY_MS)])
    last_day = last_ms // DAY_MS
    if key == VALUES:
        days = sorted(last_day - chance.randint(0, 300) for _ in range(chance.choice([3, 101])))
        return module.Series(first_ms, last_ms, 300, 0, 120, 0, b"", [chance.randrange(2**32) for _ in days], days)
    wide = chance.random() < 0.3
    days = sorted(last_day - back for back in chance.sample(range(1500 if wide else 90), chance.randint(0, 12)))
    counts = [chance.choice([1, 1, 2, 300, 2**40]) if wide else chance.choice([1, 1, 2]) for _ in days]
    amounts = chance.choice([[643_500, 100], [643_500, 100 * 70_000], [-250, 0, 7, _MAX_STORED, -_MAX_STORED]])
    sums = [chance.choice(amounts) for _ in days] if key in SUMS else []
    if chance.random() < 0.4 and days and abs(sum(sums)) <= _MAX_STORED:
        return module.Series(first_ms, last_ms, sum(counts), sum(sums), len(days), 0, module.pack(days, counts, sums))
    total = chance.choice([1, len(days) + 1, 250, 2**61])
    total_sum = chance.choice([0, 643_500, -1, _MAX_STORED, -_MAX_STORED]) if key in SUMS else 0
    return module.Series(
        first_ms,
        last_ms,
        total,
        total_sum,
        chance.choice([total, len(days) + 1]),
        chance.choice([0, last_day - 100]),
        module.pack(days, counts, sums),
    )


def _episode(chance: Random, module: Any, at_ms: int, much: float) -> Any:
    start_ms = _moment(chance, at_ms)
    found = module.Episode(start_ms, chance.random() < 0.5, chance.choice([0, start_ms, _moment(chance, at_ms)]))
    for name in ("before_ms", "open_until_ms", "pending_ms", "true_since_ms"):
        if chance.random() < much / 2:
            setattr(found, name, _moment(chance, at_ms))
    if chance.random() < much:
        found.held = [_moment(chance, at_ms) for _ in range(4)]
        found.stood = [_moment(chance, at_ms) for _ in range(2)]
    return found


def _candidate(chance: Random, module: Any, at_ms: int) -> Any:
    reason = import_module("schemas.actions").Reason("no purchase for 45 days", "last on 2024-03-01", "45 days", "w")
    packed = import_module("msgspec").msgpack.encode((reason,))
    variables = chance.choice([{}, {"reason": "too expensive"}, {"score": 3, "until": None, "gone": True}])
    found = module.Candidate(
        chance.choice([*KNOWN_RULES, *GONE_RULES]),
        _moment(chance, at_ms),
        0,
        "at-risk",
        "0123456789ab",
        variables,
        packed,
    )
    if chance.random() < 0.4:
        found.withdrawn_ms, found.because, found.why_back = _moment(chance, at_ms), "customer_returned", packed
    if chance.random() < 0.4:
        found.doubted_ms = at_ms
    return found


def _moment(chance: Random, at_ms: int) -> int:
    return at_ms - chance.choice([0, chance.randint(0, 90) * DAY_MS, chance.randint(0, 200 * DAY_MS)])


if __name__ == "__main__":
    sys.exit(main())
