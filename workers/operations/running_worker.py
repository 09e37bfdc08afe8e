"""What a worker that runs on this machine with the same settings says of itself, as findings."""

import asyncio
import json
from typing import Any, Final

from workers.observability.conditions import CATALOGUE
from workers.operations.findings import Finding, ok, problem
from workers.operations.liveness_probe import Answer, address, ask
from workers.settings import Settings

_SECONDS: Final = 3.0
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
        findings = [problem("worker", "readiness", _line(because), why, "look at /statusz and the log")]
    for name, reason in holding.items():
        condition = CATALOGUE.get(name)
        if condition is None or condition.needs_action:
            remedy = "see docs/operating.md of its release" if condition is None else condition.remedy
            findings.append(problem("worker", name, _line(reason), _WHY, remedy))
    return findings


def _line(text: object) -> str:
    return "".join(character if character.isprintable() else "?" for character in str(text))
