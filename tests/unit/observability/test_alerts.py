"""Laws of docs/alerts.yaml: each alarm has its paragraph in docs/operating.md, and asks for metrics that exist."""

import re
import shutil
import subprocess
from typing import Any, Final

import pytest
from ruamel.yaml import YAML

from tests.conftest import need
from tests.support.paths import ROOT
from tests.support.prometheus import missing_promtool
from workers.observability.metrics import REGISTRY

ALERTS: Final = ROOT / "docs/alerts.yaml"
GROUPS: Final[list[dict[str, Any]]] = YAML(typ="safe", pure=True).load(ALERTS.read_text())["groups"]
RULES: Final = [rule for group in GROUPS for rule in group["rules"]]
PAGE: Final = (ROOT / "docs/operating.md").read_text()

_ALARMS: Final = re.compile(r"^## Alarms$(.*?)^## ", re.MULTILINE | re.DOTALL)
_METRIC: Final = re.compile(r"\b((?:linger|process)_[a-z_]+)\b(?:\{([^}]*)\})?")
_BY: Final = re.compile(r"by \(([^)]*)\)")
_EVERYWHERE: Final = {"job", "instance"}
"""What Prometheus adds to every series."""


def labels_of(name: str) -> set[str] | None:
    for metric in REGISTRY._collector_to_names:
        base = getattr(metric, "_name", None)
        if base is not None and name in (base, f"{base}_total", f"{base}_bucket"):
            return {*getattr(metric, "_labelnames", ())}
    of_process = {sample.name for metric in REGISTRY.collect() for sample in metric.samples}
    return set() if name in of_process else None


def test_each_alarm_has_one_runbook_paragraph_and_each_paragraph_its_alarm() -> None:
    (section,) = _ALARMS.findall(PAGE)
    headings = re.findall(r"^### (\w+)\n\n(.+)", section, re.MULTILINE)
    assert [name for name, _ in headings] == [rule["alert"] for rule in RULES]
    summaries = {rule["alert"]: rule["annotations"]["summary"] for rule in RULES}
    assert [name for name, text in headings if not text.startswith(f"**{summaries[name]}**")] == []


@pytest.mark.parametrize("rule", RULES, ids=[rule["alert"] for rule in RULES])
def test_an_alarm_leads_to_its_paragraph_and_says_how_urgent_it_is(rule: dict[str, Any]) -> None:
    assert rule["annotations"]["runbook"] == f"docs/operating.md#{rule['alert'].lower()}"
    assert rule["labels"]["severity"] in ("page", "ticket")


@pytest.mark.parametrize("rule", RULES, ids=[rule["alert"] for rule in RULES])
def test_an_alarm_asks_for_metrics_and_labels_that_there_are(rule: dict[str, Any]) -> None:
    asked = _METRIC.findall(rule["expr"])
    assert asked or "up{" in rule["expr"]
    known = set(_EVERYWHERE)
    for name, matchers in asked:
        labels = labels_of(name)
        assert labels is not None, name
        assert {matcher.split("=")[0].strip() for matcher in matchers.split(",") if matcher} <= labels | _EVERYWHERE
        known |= labels
    grouped = {label.strip() for labels in _BY.findall(rule["expr"]) for label in labels.split(",")}
    assert grouped <= known


def test_prometheus_accepts_the_rules() -> None:
    need(missing_promtool())
    promtool = shutil.which("promtool")
    assert promtool is not None
    done = subprocess.run([promtool, "check", "rules", str(ALERTS)], capture_output=True, text=True)
    assert (done.returncode, "SUCCESS" in done.stdout) == (0, True), done.stdout + done.stderr
