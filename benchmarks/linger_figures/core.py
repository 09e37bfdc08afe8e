"""Deciding alone, as a preview does it: `decide()` in one thread over whole histories; no broker, no store.

python -m benchmarks.linger_figures.core EVENTS CUSTOMERS      # one JSON object, of the core that it finds
"""

import gc
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from typing import Any, Final

from benchmarks.linger_figures.reports import Report
from benchmarks.workload import Workload, histories, load_rules, watched
from tests.support.compiled import ROOT, as_in_the_wheel
from workers.core.customer.layout_4 import LAYOUT as LATEST
from workers.core.decisions.decide import decide

_ROUNDS: Final = 5


def measure(workload: Workload) -> Report:
    """Decide everything about a workload in processes of their own, compiled and in plain Python."""
    rows = [
        {"core": name, **_in_a_process(workload, environment)}
        for name, environment in (("compiled", as_in_the_wheel(ROOT)), ("plain Python", {"PYTHONPATH": str(ROOT)}))
    ]
    title = (
        f"decide() alone, {workload.events:,} events of {workload.customers:,} customers, best of {_ROUNDS} rounds"
    )
    return Report("core", title, {"CPU time of one thread": rows})


def _in_a_process(workload: Workload, environment: Mapping[str, str]) -> dict[str, Any]:
    command = (sys.executable, "-m", __spec__.name, str(workload.events), str(workload.customers))
    run = subprocess.run(command, env={**os.environ, **environment}, stdout=subprocess.PIPE, text=True, check=True)
    measured: dict[str, Any] = json.loads(run.stdout)
    return measured


def main() -> None:
    """Measure here, and print it."""
    workload, rules = Workload(int(sys.argv[1]), int(sys.argv[2])), load_rules()
    observed, events = watched(rules), histories(workload)
    gc.freeze()
    best, decided = float("inf"), 0
    for _ in range(_ROUNDS):
        began, decided = time.process_time(), 0
        for customer, facts in events.items():
            decided += len(decide(customer, None, facts, rules, observed, workload.end_ms, LATEST).decided)
        best = min(best, time.process_time() - began)
    measured = {
        "events_per_second": round(workload.events / best),
        "microseconds_per_event": round(best / workload.events * 1e6, 1),
        "decisions_per_event": round(decided / workload.events, 2),
    }
    print(json.dumps(measured))


if __name__ == "__main__":
    main()
