"""Whether all workers decide by the same rules and read by the same sources. Pure: moments are arguments."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from workers.state.presence.reports import SILENT_SECONDS, WorkerReport


@dataclass(slots=True)
class Alive:
    """Knows which workers are alive: a report counts once its beat has been seen to grow."""

    _beats: dict[str, tuple[str, int]] = field(default_factory=dict)
    _grown_at: dict[str, float] = field(default_factory=dict)

    def note(self, reports: Mapping[str, WorkerReport], now: float) -> dict[str, WorkerReport]:
        """Return the reports of those that are alive.

        Args:
            reports: all that are stored, by name.
            now: seconds of a monotonic clock.
        """
        beats = {name: (report.token, report.beat) for name, report in reports.items()}
        for name, beat in beats.items():
            if self._beats.get(name, beat) != beat:
                self._grown_at[name] = now
        self._beats = beats
        self._grown_at = {name: at for name, at in self._grown_at.items() if name in beats}
        return {name: reports[name] for name, grown_at in self._grown_at.items() if now - grown_at <= SILENT_SECONDS}


def versions_by_worker(own_name: str, own: WorkerReport, others: Mapping[str, WorkerReport]) -> dict[str, str]:
    """Return by which rules and sources each worker decides, in words; empty if all agree.

    Args:
        own_name: the name of this worker.
        own: its report.
        others: the reports of all workers that are alive, by name; one under `own_name` is left out.
    """
    reports = {own_name: own, **{name: report for name, report in others.items() if name != own_name}}
    if len({(report.rule_set, report.sources_generation) for report in reports.values()}) == 1:
        return {}
    return {
        name: f"rule set {report.rule_generation} ({report.rule_set}), sources {report.sources_generation}"
        for name, report in sorted(reports.items())
    }


def worded(own_name: str, versions: Mapping[str, str]) -> str | None:
    """Return these versions as one line, None if all workers agree."""
    if not versions:
        return None
    workers: dict[str, list[str]] = {}
    for name, version in versions.items():
        workers.setdefault(version, []).append("this worker" if name == own_name else f"'{name}'")
    listed = "; ".join(f"{version}: {', '.join(names)}" for version, names in sorted(workers.items()))
    return f"workers of this group decide by different files: {listed}. Give all of them the same files"
