"""Mapping alone: one thread turns the records of several kinds of sources into events; no broker, no store.

python -m benchmarks.linger_figures.mapping      # one JSON object, of the core that it finds
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from typing import Any, Final

from benchmarks.linger_figures.reports import Report
from schemas.sources import Source
from tests.support.compiled import ROOT, as_in_the_wheel
from workers.core.mapping.converter import compile_converter, compile_many
from workers.core.mapping.record import SourceRecord

_ROUNDS: Final = 200
_CALLS: Final = 100
_LATEST_MS: Final = 4_000_000_000_000

_ORDER: Final = {
    "order_id": "A-10432",
    "customer": "c-20417",
    "total": "64.35",
    "cents": 6435,
    "currency": "USD",
    "placed_at": "2025-10-03T09:14:52Z",
    "lines": [{"sku": "a-1", "quantity": 2}, {"sku": "b-7", "quantity": 1}],
}
_FIELDS: Final = {
    "event_id": "order_id",
    "customer_id": "customer",
    "occurred_at": "placed_at",
    "amount": "total",
    "currency": "currency",
}


def _kinds() -> dict[str, dict[str, Any]]:
    """Return what is written of each kind of source, beside its topic and silence."""
    first = {"path": "guest", "nothing": [0]}
    return {
        "plain paths": {"event": "purchase", "fields": _FIELDS},
        "with `only_when`": {"event": "purchase", "fields": _FIELDS, "only_when": {"currency": ["USD", "EUR"]}},
        "a list of places, minor units": {
            "event": "purchase",
            "fields": {**_FIELDS, "customer_id": [first, "customer"], "amount": {"path": "cents", "unit": "minor"}},
        },
        "the third of three cases": {
            "fields": _FIELDS,
            "one_of": [
                {"event": "purchase", "only_when": {"currency": "EUR"}},
                {"event": "purchase", "only_when": {"currency": {"matches": "^G"}}},
                {"event": "purchase", "only_when": {"currency": {"given": True}}},
            ],
        },
        "one `find`": {
            "event": "purchase",
            "fields": {**_FIELDS, "order_id": {"find": "lines[?quantity==`1`].sku | [0]"}},
        },
        "two items of a list": {
            "event": "login",
            "unwrap": {"each": "lines"},
            "fields": {"event_id": {"position": True}, "customer_id": "sku", "occurred_at": {"whole": "placed_at"}},
        },
    }


def measure() -> Report:
    """Map in processes of their own, compiled and in plain Python."""
    tables = {
        f"microseconds a record, {name}": _in_a_process(environment)
        for name, environment in (("compiled", as_in_the_wheel(ROOT)), ("plain Python", {"PYTHONPATH": str(ROOT)}))
    }
    return Report("mapping", f"mapping alone, CPU time of one thread, best of {_ROUNDS} rounds", tables)


def _in_a_process(environment: Mapping[str, str]) -> list[dict[str, Any]]:
    command = (sys.executable, "-m", __spec__.name)
    run = subprocess.run(command, env={**os.environ, **environment}, stdout=subprocess.PIPE, text=True, check=True)
    measured: list[dict[str, Any]] = json.loads(run.stdout)
    return measured


def main() -> None:
    """Measure here, and print it."""
    record = SourceRecord("shop", 0, 7, 1_759_482_892_000, b"c-20417", json.dumps(_ORDER).encode(), ())
    measured: dict[str, float] = {}
    for kind, written in _kinds().items():
        source = Source.model_validate({"topic": "shop", "max_silence": "1 day", **written})
        convert = compile_many(source, ()) if source.has_many() else compile_converter(source, ())
        best = float("inf")
        for _ in range(_ROUNDS):
            began = time.thread_time_ns()
            for _ in range(_CALLS):
                convert(record, _LATEST_MS)
            best = min(best, (time.thread_time_ns() - began) / _CALLS / 1000)
        measured[kind] = best
    plain = measured["plain paths"]
    rows = [
        {"source": kind, "microseconds": round(cost, 2), "times_plain": round(cost / plain, 2)}
        for kind, cost in measured.items()
    ]
    print(json.dumps(rows))


if __name__ == "__main__":
    main()
