"""What an event costs the core alone: instructions in short turns, and events a second; no broker, no store.

Instructions are counted by callgrind (https://valgrind.org), so they do not depend on what else the machine does.
Without it, only events a second are measured.

python -m benchmarks.linger_figures.instructions EVENTS CUSTOMERS VARIANTS   # one JSON object, of the core it finds
"""

import gc
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks.linger_figures.reports import Report
from benchmarks.linger_figures.short_turns import ShortTurns, batches, rules_times
from benchmarks.workload import Workload
from tests.support.compiled import ROOT, as_in_the_wheel

_COUNTED: Final = "LINGER_COUNTS_INSTRUCTIONS"
_ROUNDS: Final = 3
SIZES: Final = (1, 10)
"""How many variants of each of the workload's 20 rules."""
_PARTS: Final = {
    "decide": r"\d+Decider_(\d+)?decide",
    "read": r"\d+Stored_(\d+)?read",
    "fold": r"\d+Turn_(\d+)?fold_plain",
    "due": r"\d+Turn_(\d+)?fire",
    "settle": r"\d+Turn_(\d+)?settle",
    "write": r"\d+Stored_(\d+)?write",
    "records": r"\d+Records_(\d+)?written",
    "scanner": r"\d+Scanner_(\d+)?(scan|read)",
}
"""By what it is called here, a function of the compiled core; the first that is found counts, with what it calls."""
_LINE: Final = re.compile(r"\s*([\d,]+)\s+\([^)]*\)\s+(\S+)")


def measure(workload: Workload, sizes: Sequence[int]) -> Report:
    """Play short turns in processes of their own.

    Args:
        workload: its events.
        sizes: how many variants of each rule.
    """
    compiled, plain = as_in_the_wheel(ROOT), {"PYTHONPATH": str(ROOT)}
    tables: dict[str, list[dict[str, Any]]] = {}
    tables["events a second of one thread, bytes in to records out"] = [
        {"core": name, **_in_a_process((), workload, variants, environment)}
        for name, environment in (("compiled", compiled), ("plain Python", plain))
        for variants in sizes
    ]
    if shutil.which("valgrind") and compiled:
        tables["instructions an event"] = [counted(workload, variants, compiled) for variants in sizes]
    title = f"short turns, {workload.events:,} events of {workload.customers:,} customers"
    return Report("instructions", title, tables)


def counted(workload: Workload, variants: int, environment: Mapping[str, str]) -> dict[str, Any]:
    """Return the instructions of each part for an event; of records, for each of them."""
    with tempfile.TemporaryDirectory() as folder:
        found = Path(folder) / "callgrind.out"
        command = ("valgrind", "--tool=callgrind", "--instr-atstart=no", f"--callgrind-out-file={found}")
        fixed = {**environment, "PYTHONHASHSEED": "0", _COUNTED: "1"}
        played = _in_a_process((*command, "--log-file=/dev/null"), workload, variants, fixed)
        printed = subprocess.run(
            ("callgrind_annotate", "--inclusive=yes", "--threshold=100", "--auto=no", str(found)),
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        ).stdout
    parts = dict.fromkeys(_PARTS, 0)
    for line in printed.splitlines():
        one = _LINE.match(line)
        if one is None:
            continue
        for part, name in _PARTS.items():
            if not parts[part] and re.search(name + r"\b(?!.*_pw_)", one[2].split("'")[0]):
                parts[part] = int(one[1].replace(",", ""))
    events, records = played["events"], played["records"]
    figures = {part: round(number / (records if part == "records" else events)) for part, number in parts.items()}
    figures["around"] = figures["decide"] - sum(figures[part] for part in ("read", "fold", "due", "settle", "write"))
    return {
        "rules": played["rules"],
        **{"decide_alone" if part == "decide" else part: n for part, n in figures.items()},
    }


def _in_a_process(
    around: Sequence[str], workload: Workload, variants: int, environment: Mapping[str, str]
) -> dict[str, Any]:
    command = (
        *around,
        sys.executable,
        "-m",
        __spec__.name,
        str(workload.events),
        str(workload.customers),
        str(variants),
    )
    run = subprocess.run(command, env={**os.environ, **environment}, stdout=subprocess.PIPE, text=True, check=True)
    measured: dict[str, Any] = json.loads(run.stdout)
    return measured


def main() -> None:
    """Measure here, and print it."""
    workload, rules = Workload(int(sys.argv[1]), int(sys.argv[2])), rules_times(int(sys.argv[3]))
    found, is_counted = batches(workload), _COUNTED in os.environ
    ShortTurns(rules).play(found[0])  # made on first use: not of an event
    gc.collect()
    gc.freeze()
    best, turns = float("inf"), ShortTurns(rules)
    for _ in range(1 if is_counted else _ROUNDS):
        turns = ShortTurns(rules)
        if is_counted:
            subprocess.run(
                ("callgrind_control", "--instr=on", str(os.getpid())), stdout=subprocess.DEVNULL, check=True
            )
        began = time.process_time()
        for values in found:
            turns.play(values)
        best = min(best, time.process_time() - began)
        if is_counted:
            subprocess.run(
                ("callgrind_control", "--instr=off", str(os.getpid())), stdout=subprocess.DEVNULL, check=True
            )
    played = turns.finish()
    measured = {
        "rules": len(rules.rules),
        "events": played.events,
        "records": played.records,
        "events_per_second": round(played.events / best),
        "turns_per_event": round(played.turns / played.events, 2),
        "looks_per_event": round(played.looks / played.events, 2),
        "records_per_event": round(played.records / played.events, 2),
        "stored_bytes": round(played.stored_bytes / played.customers, 1),
    }
    print(json.dumps(measured))


if __name__ == "__main__":
    main()
