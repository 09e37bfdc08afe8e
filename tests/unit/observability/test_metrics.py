"""Laws of the metrics: the page lists each, known labels begin at zero, and no gauge outlives what it measures."""

import re
from collections.abc import Mapping
from typing import Any, Final

import pytest
from prometheus_client import CollectorRegistry, Gauge

from tests.support.paths import ROOT
from workers.observability.metrics import REGISTRY
from workers.observability.series import Series

PAGE: Final = (ROOT / "docs/operating.md").read_text()
KNOWN: Final = {
    "linger_events_total": ("outcome", ("folded", "duplicate", "dead_letter", "tombstone", "erased")),
    "linger_orders_total": ("order", ("erase", "suppress", "resume")),
    "linger_rule_reloads_total": ("outcome", ("loaded", "refused")),
    "linger_source_changes_total": ("what", ("added", "removed", "changed", "type_again")),
    "linger_registry_answers_total": ("outcome", ("found", "unknown", "failed")),
    "linger_consent_not_understood_total": ("answer", ("(others)",)),
}

_ROW: Final = re.compile(r"^\| `(linger_\w+)` \| (\w+) \| (.*?) \| (.*) \|$", re.MULTILINE)


def shown(registry: CollectorRegistry, name: str) -> Mapping[str, float]:
    (found,) = [metric for metric in registry.collect() if metric.name == name]
    return {sample.labels["topic"]: sample.value for sample in found.samples}


def test_the_page_lists_every_metric_with_its_kind_labels_and_meaning() -> None:
    listed = {row[0]: row[1:] for row in _ROW.findall(PAGE)}
    there = {}
    metrics: list[Any] = [*REGISTRY._collector_to_names]
    for metric in metrics:
        if (labels := getattr(metric, "_labelnames", None)) is not None:
            kind, name = metric._type, metric._name
            name = f"{name}_total" if kind == "counter" else name
            there[name] = (kind, ", ".join(f"`{label}`" for label in labels), metric._documentation)
    assert listed == there


@pytest.mark.parametrize("name", sorted(KNOWN))
def test_a_counter_with_known_labels_is_there_before_anything_is_counted(name: str) -> None:
    label, values = KNOWN[name]
    assert [value for value in values if REGISTRY.get_sample_value(name, {label: value}) is None] == []


def test_the_process_is_measured_and_the_page_names_what_is_shown() -> None:
    names = {sample.name for metric in REGISTRY.collect() for sample in metric.samples}
    of_process = {name for name in names if name.startswith("process_")}
    assert "process_cpu_seconds_total" in of_process
    assert of_process == set(re.findall(r"`(process_[a-z_]+)`", PAGE[: PAGE.index("## Alarms")]))


def test_a_series_goes_with_what_it_measures_and_comes_back_with_it() -> None:
    registry = CollectorRegistry()
    series = Series(Gauge("lag", "Of a source.", ["topic"], registry=registry))
    series.show({"orders": 3, "logins": 1})
    assert shown(registry, "lag") == {"orders": 3, "logins": 1}
    series.show({"logins": 2})
    assert shown(registry, "lag") == {"logins": 2}
    series.show({"orders": 5})
    assert shown(registry, "lag") == {"orders": 5}
    series.show({})
    assert shown(registry, "lag") == {}
