"""Gauges with one label, one series for each thing that is measured now; what is not measured any more has none."""

from collections.abc import Mapping

from prometheus_client import Gauge


class Series:
    """The series of one gauge.

    Args:
        gauge: with one label.
    """

    def __init__(self, gauge: Gauge) -> None:
        self._gauge = gauge
        self._shown: dict[str, Gauge] = {}

    def show(self, values: Mapping[str, float]) -> None:
        """Show these values and no others.

        Args:
            values: by the value of the label.
        """
        for name in self._shown.keys() - values.keys():
            del self._shown[name]
            self._gauge.remove(name)
        for name, value in values.items():
            if (child := self._shown.get(name)) is None:
                child = self._shown[name] = self._gauge.labels(name)
            child.set(value)
