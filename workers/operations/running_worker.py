"""What running workers say, as findings: the one on this machine with the same settings, and all that share Redis."""

import asyncio
import json
import time
from typing import Any, Final

from workers.observability.conditions import CATALOGUE
from workers.operations.findings import Finding, ok, problem
from workers.operations.liveness_probe import Answer, address, ask
from workers.printing import one_line
from workers.settings import Settings
from workers.state.presence.reports import BEAT_SECONDS, WorkerReport, read_reports
from workers.state.presence.versions import Alive, versions_by_worker
from workers.state.store import Store

_SECONDS: Final = 3.0
_WATCHED_SECONDS: Final = 2.5 * BEAT_SECONDS
"""A report says only by its next one that its worker is alive."""
_WHY: Final = "the worker on this machine says so in /statusz"


async def running_worker(settings: Settings) -> list[Finding]:
    """Return whether it is ready, and every condition that needs action; that none runs is no problem.

    With port 0 it cannot be found, and nothing is returned.
    """
    if not settings.http_port:
        return []
    url = address(settings.http_host, settings.http_port, "/statusz?format=json")
    try:
        answer = await asyncio.to_thread(ask, url, _SECONDS)
    except (OSError, ValueError) as error:
        return [ok("worker", "readiness", f"none was asked: {url} does not answer ({error})")]
    return said(answer)


def said(answer: Answer) -> list[Finding]:
    """Return an answer of /statusz as findings. Pure."""
    try:
        document: dict[str, Any] = json.loads(answer.text)
        is_ready, because = document["ready"], document["unready_because"]
        holding = {name: state["reason"] for name, state in document["conditions"].items() if not state["ok"]}
    except (ValueError, TypeError, LookupError, AttributeError):
        older = "an older release, or another program, answers there: it has no /statusz"
        return [ok("worker", "readiness", older)]
    findings = [ok("worker", "readiness", "the worker on this machine is ready")]
    if not is_ready:
        why = "a rolling update waits for it"
        findings = [problem("worker", "readiness", one_line(str(because)), why, "look at /statusz and the log")]
    for name, reason in holding.items():
        condition = CATALOGUE.get(name)
        if condition is None or condition.needs_action:
            remedy = "see docs/operating.md of its release" if condition is None else condition.remedy
            findings.append(problem("worker", name, one_line(str(reason)), _WHY, remedy))
    return findings


async def running_workers(store: Store) -> Finding:
    """Return whether the workers that are alive agree; with the reports of any, it takes some seconds.

    Raises:
        Transient: if Redis does not answer.
    """
    alive = Alive()
    reports = await read_reports(store)
    alive.note(reports, time.monotonic())
    if reports:
        await asyncio.sleep(_WATCHED_SECONDS)
        reports = await read_reports(store)
    return agreement(alive.note(reports, time.monotonic()))


async def differing_workers(store: Store) -> dict[str, str]:
    """Return by which rules and sources each worker decides, in words; empty if all that are alive agree.

    Takes some seconds only if reports differ: one that does may be of a worker that has ended.

    Raises:
        Transient: if Redis does not answer.
    """
    alive = Alive()
    reports = await read_reports(store)
    if not _versions(reports):
        return {}
    alive.note(reports, time.monotonic())
    await asyncio.sleep(_WATCHED_SECONDS)
    return _versions(alive.note(await read_reports(store), time.monotonic()))


def agreement(alive: dict[str, WorkerReport]) -> Finding:
    """Return whether these workers agree; `alive` has their reports by name. Pure."""
    checked = "files of running workers"
    if not alive:
        return ok("state", checked, "no worker of this release reports that it runs")
    versions = _versions(alive)
    if not versions:
        report = alive[min(alive)]
        same = f"rule set {report.rule_generation}, sources {report.sources_generation}"
        return ok("state", checked, f"{len(alive)} workers, all with {same}")
    listed = "; ".join(f"'{name}' has {version}" for name, version in versions.items())
    why = "customers of different partitions are decided by different rules"
    return problem(
        "state", checked, listed, why, "give every worker the same files; they load them without a restart"
    )


def _versions(reports: dict[str, WorkerReport]) -> dict[str, str]:
    if not reports:
        return {}
    first = min(reports)
    return versions_by_worker(first, reports[first], reports)
