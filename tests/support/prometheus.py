"""Prometheus' own judgement: what workers showed, written as a test of `promtool`, with the alarms at each moment.

A timeline has one sample a minute. What takes seconds here is written as minutes there, so that a rule that waits for
a quarter of an hour need not be changed, nor be waited for.
"""

import json
import shutil
import subprocess
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from prometheus_client.parser import text_string_to_metric_families

_JOB: Final = "linger"


def missing_promtool() -> str | None:
    """Say why Prometheus' rules cannot be evaluated here and how to change that, or None if they can."""
    if shutil.which("promtool") is None:
        return "there is no promtool; on Debian: apt-get install prometheus"
    return None


@dataclass
class Timeline:
    """What was scraped, and which alarms must be there.

    Attributes:
        rules: the file with the rules.
        metrics: the metrics that are kept; every other one is dropped.
    """

    rules: Path
    metrics: Collection[str]
    _minute: int = 0
    _samples: dict[str, dict[int, float]] = field(default_factory=dict)
    _expected: list[tuple[int, str, frozenset[str], frozenset[str]]] = field(default_factory=list)

    def add(self, scrapes: Mapping[str, str | None], minutes: int = 1) -> None:
        """Let every target show this for some minutes.

        Args:
            scrapes: by instance, what it answered; None if it did not.
            minutes: how long it goes on.
        """
        seen: dict[str, float] = {}
        for instance, text in scrapes.items():
            where = f'instance="{instance}",job="{_JOB}"'
            seen[f"up{{{where}}}"] = float(text is not None)
            for family in text_string_to_metric_families(text or ""):
                for sample in family.samples:
                    if sample.name in self.metrics:
                        labels = ",".join(
                            [*(f"{name}={json.dumps(label)}" for name, label in sample.labels.items()), where]
                        )
                        seen[f"{sample.name}{{{labels}}}"] = sample.value
        for minute in range(self._minute, self._minute + minutes):
            for name, value in seen.items():
                self._samples.setdefault(name, {})[minute] = value
        self._minute += minutes

    def expect(self, what: str, firing: Collection[str], others: Collection[str] = ()) -> None:
        """Expect that at the last minute these alarms fire, and none else but perhaps `others`."""
        self._expected.append((self._minute - 1, what, frozenset(firing), frozenset(others)))

    def fired(self) -> frozenset[str]:
        """Return the alarms that had to fire at some moment."""
        return frozenset().union(*(firing for _, _, firing, _ in self._expected))

    def judge(self, folder: Path, alarms: Collection[str]) -> list[str]:
        """Let promtool evaluate everything; return every difference from what was expected.

        Args:
            folder: for the file of the test.
            alarms: the names of all alarms.
        """
        tests: list[dict[str, object]] = []
        said: dict[str, str] = {}
        for minute, what, firing, others in self._expected:
            for alarm in sorted(alarms):
                if alarm in others and alarm not in firing:
                    continue
                asked = f'count(ALERTS{{alertname="{alarm}",alertstate="firing"}}) > bool 0 or vector(0)'
                value = int(alarm in firing)
                expr = f"({asked}) + 0 * {len(tests)}"  # each has its own text, by which promtool names it
                samples = [{"labels": "{}", "value": value}]
                tests.append({"expr": expr, "eval_time": f"{minute}m", "exp_samples": samples})
                said[expr] = f"{what}: {alarm} must {'' if value else 'not '}fire"
        series = [
            {"series": name, "values": self._values(samples)} for name, samples in sorted(self._samples.items())
        ]
        document = {
            "rule_files": [str(self.rules)],
            "evaluation_interval": "1m",
            "tests": [{"interval": "1m", "input_series": series, "promql_expr_test": tests}],
        }
        path = folder / "alerts_test.yaml"
        path.write_text(json.dumps(document, indent=1))  # JSON is YAML
        done = subprocess.run(["promtool", "test", "rules", str(path)], capture_output=True, text=True)
        output = done.stdout + done.stderr
        if done.returncode == 0:
            return []
        return [text for expr, text in said.items() if json.dumps(expr) in output] or [output]

    def _values(self, samples: Mapping[int, float]) -> str:
        """Return the values of a series as promtool writes them; a series that ends is stale at once."""
        values: list[str] = []
        minute = 0
        while minute < self._minute:
            value, length = samples.get(minute), 1
            while minute + length < self._minute and samples.get(minute + length) == value:
                length += 1
            if value is not None:
                values.append(f"{_decimal(value)}+0x{length - 1}" if length > 1 else _decimal(value))
            elif minute and length > 1:
                values += ["stale", f"_x{length - 1}"]
            else:
                values.append("stale" if minute else f"_x{length}")
            minute += length
        return " ".join(values)


def _decimal(value: float) -> str:
    return f"{value:.6f}".rstrip("0").rstrip(".")
