"""Findings: the outcome of each check, as values; nothing here checks or prints anything."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from workers.errors import LingerError

Area = Literal["settings", "rules", "Kafka", "schema registry", "Redis", "state", "worker", "upgrade", "clocks"]
Health = Literal["ok", "problem", "could not be checked"]


@dataclass(frozen=True, slots=True)
class Finding:
    """The outcome of one check.

    Attributes:
        area: the part of the setup that was checked.
        checked: what was checked.
        health: the result of the check.
        observed: what was seen.
        why: why it matters; empty if all is well.
        remedy: how to fix it, with a command where there is one; empty if all is well.
    """

    area: Area
    checked: str
    health: Health
    observed: str
    why: str = ""
    remedy: str = ""


def ok(area: Area, checked: str, observed: str) -> Finding:
    """Return the finding that all is well."""
    return Finding(area, checked, "ok", observed)


def problem(area: Area, checked: str, observed: str, why: str, remedy: str) -> Finding:
    """Return the finding of a problem."""
    return Finding(area, checked, "problem", observed, why, remedy)


def unknown(area: Area, checked: str, observed: str, why: str, remedy: str) -> Finding:
    """Return the finding that something could not be checked; `observed` states why."""
    return Finding(area, checked, "could not be checked", observed, why, remedy)


def judged(finding: Finding, *, is_well: bool) -> Finding:
    """Return a problem as it is, or without reason and remedy if all is well."""
    return ok(finding.area, finding.checked, finding.observed) if is_well else finding


def unreadable(area: Literal["settings", "rules"], error: LingerError) -> list[Finding]:
    """Return the problems of an error as findings; nothing else can be checked."""
    problems: Sequence[str] = getattr(error, "problems", (str(error),))
    why = "a worker refuses to start"
    remedy = "linger config show" if area == "settings" else "linger rules check"
    return [problem(area, "readable", text, why, remedy) for text in problems]


def document(finding: Finding) -> dict[str, str]:
    """Return a finding as `linger doctor --json` prints it; users parse these keys, so they stay."""
    return {
        "area": finding.area,
        "checked": finding.checked,
        "health": finding.health,
        "found": finding.observed,
        "why": finding.why,
        "mend": finding.remedy,  # codespell:ignore mend
    }
