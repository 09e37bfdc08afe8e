"""What an event costs the core alone: instructions in short turns, and events a second; no broker, no store.

Instructions are counted by callgrind (https://valgrind.org), so they do not depend on what else the machine does.
Without it, only events a second are measured.

python -m benchmarks.linger_figures.instructions EVENTS CUSTOMERS VARIANTS BESIDE   # one JSON object
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
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.linger_figures.reports import Report
from benchmarks.linger_figures.short_turns import Beside, ShortTurns, batches, rules_times
from benchmarks.workload import Workload
from tests.support.compiled import ROOT, as_in_the_wheel

_COUNTED: Final = "LINGER_COUNTS_INSTRUCTIONS"
_ROUNDS: Final = 3


@dataclass(frozen=True, slots=True)
class Played:
    """Rules that are played.

    Attributes:
        variants: how many of each of the workload's 20 rules.
        beside: what there is besides.
    """

    variants: int = 1
    beside: Beside = Beside.NOTHING

    def arguments(self) -> tuple[str, ...]:
        """Return it for the command line."""
        return str(self.variants), self.beside.name


SETS: Final = (Played(), Played(10))
WITHOUT_AND_WITH: Final = (Played(beside=Beside.ASKING_ONCE), Played(beside=Beside.EVERYTHING))
"""The same rules without stages, value and repetition, and with them."""
_PARTS: Final = {
    "decide": r"\d+Decider_(\d+)?decide",
    "read": r"\d+Stored_(\d+)?read",
    "publish_stage": r"\d+Decider_(\d+)?publish_stage",
    "fold": r"\d+Turn_(\d+)?fold_plain",
    "due": r"\d+Turn_(\d+)?fire",
    "settle": r"\d+Turn_(\d+)?settle",
    "write": r"\d+Stored_(\d+)?write",
    "records": r"\d+Records_(\d+)?written",
    "stages": r"\d+StageRecords_(\d+)?written",
    "scanner": r"\d+Scanner_(\d+)?(scan|read)",
    "decoded": r"decoding_(\d+)?decode_event",
    "book_begin": r"\d+Bookkeeper_(\d+)?begin",
    "book_plain": r"\d+Bookkeeper_(\d+)?note_plain",
    "book_decoded": r"\d+Bookkeeper_(\d+)?note",
    "book_keep": r"\d+Turn_(\d+)?keep_facts",
    "book_take": r"\d+Decider_(\d+)?take_facts",
}
"""By what it is called here, a function of the compiled core; the first that is found counts, with what it calls."""
_OF_THE_BOOK: Final = tuple(part for part in _PARTS if part.startswith("book_"))
_AFTER_TURNS: Final = "book_take"
"""Once for each step, and no part of a turn."""
_LINE: Final = re.compile(r"\s*([\d,]+)\s+\([^)]*\)\s+(\S+)")


def measure(workload: Workload, sets: Sequence[Played], few_and_many: Sequence[Workload]) -> Report:
    """Play short turns in processes of their own.

    Args:
        workload: its events.
        sets: of rules.
        few_and_many: what is played with and without stages, value and repetition: customers with few events (time
            changes their stage almost as often as events do), and customers with many.
    """
    compiled, plain = as_in_the_wheel(ROOT), {"PYTHONPATH": str(ROOT)}
    tables: dict[str, list[dict[str, Any]]] = {}
    tables["events a second of one thread, bytes in to records out"] = [
        {"core": name, **_in_a_process((), workload, rules, environment)}
        for name, environment in (("compiled", compiled), ("plain Python", plain))
        for rules in sets
    ]
    if shutil.which("valgrind") and compiled:
        tables["instructions an event"] = [counted(workload, rules, compiled) for rules in sets]
        tables["the same without and with stages, value and repetition"] = [
            row
            for one in few_and_many
            for row in _with_ratio([counted(one, rules, compiled) for rules in WITHOUT_AND_WITH])
        ]
    title = f"short turns, {workload.events:,} events of {workload.customers:,} customers"
    return Report("instructions", title, tables)


def counted(workload: Workload, rules: Played, environment: Mapping[str, str]) -> dict[str, Any]:
    """Return the instructions of each part for an event, and how much there is to decide; records come on top."""
    with tempfile.TemporaryDirectory() as folder:
        found = Path(folder) / "callgrind.out"
        command = ("valgrind", "--tool=callgrind", "--instr-atstart=no", f"--callgrind-out-file={found}")
        fixed = {**environment, "PYTHONHASHSEED": "0", _COUNTED: "1"}
        played = _in_a_process((*command, "--log-file=/dev/null"), workload, rules, fixed)
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
    figures = {part: round(number / played["events"]) for part, number in parts.items()}
    # A stage that is no move is published in a turn of its own: it belongs to what an event costs.
    turns = figures.pop("decide") + figures.pop("publish_stage")
    figures["around"] = turns - sum(figures[part] for part in ("read", "fold", "due", "settle", "write"))
    alone = turns + figures[_AFTER_TURNS]
    book = sum(figures.pop(part) for part in _OF_THE_BOOK)
    with_records = alone + figures["records"] + figures["stages"]
    everything = with_records + figures["scanner"] + figures["decoded"]
    figures |= {
        "book": book,
        "book_percent_of_alone": round(100 * book / alone, 1),
        "book_percent": round(100 * book / everything, 1),
    }
    named = ("rules", "beside", "turns_per_event", "records_per_event", "stages_per_event")
    return {
        "events_each": round(workload.events / workload.customers),
        **{name: played[name] for name in named},
        "decide_alone": alone,
        "with_records": with_records,
        **figures,
    }


def _with_ratio(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Add how many times the instructions of the first row each row takes, alone and with all records."""
    ratios = ("decide_alone", "with_records")
    return [{**row, **{f"times_{name}": round(row[name] / rows[0][name], 2) for name in ratios}} for row in rows]


def _in_a_process(
    around: Sequence[str], workload: Workload, rules: Played, environment: Mapping[str, str]
) -> dict[str, Any]:
    command = (
        *around,
        sys.executable,
        "-m",
        __spec__.name,
        str(workload.events),
        str(workload.customers),
        *rules.arguments(),
    )
    run = subprocess.run(command, env={**os.environ, **environment}, stdout=subprocess.PIPE, text=True, check=True)
    measured: dict[str, Any] = json.loads(run.stdout)
    return measured


def main() -> None:
    """Measure here, and print it."""
    workload = Workload(int(sys.argv[1]), int(sys.argv[2]))
    beside = Beside[sys.argv[4]]
    rules = rules_times(int(sys.argv[3]), beside)
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
        "beside": beside.value,
        "events": played.events,
        "records": played.records,
        "events_per_second": round(played.events / best),
        "turns_per_event": round((played.turns + played.looks + played.published) / played.events, 2),
        "looks_per_event": round((played.looks + played.published) / played.events, 2),
        "records_per_event": round(played.records / played.events, 2),
        "stages_per_event": round(played.stages / played.events, 2),
        "stored_bytes": round(played.stored_bytes / played.customers, 1),
    }
    print(json.dumps(measured))


if __name__ == "__main__":
    main()
