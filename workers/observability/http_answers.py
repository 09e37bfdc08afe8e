"""Answers of the endpoints as bytes. Pure; a text shows nothing that could steer a terminal."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

from workers.observability.conditions import CATALOGUE, LINES_OF_READYZ, Note, Reasons, is_wrong
from workers.observability.escapes import escaped
from workers.observability.http_requests import Refused, Request

TEXT: Final = "text/plain; charset=utf-8"
_JSON: Final = "application/json"


@dataclass(frozen=True, slots=True)
class Answer:
    """What is sent back."""

    status: HTTPStatus
    body: bytes
    content_type: str = _JSON
    headers: Mapping[str, str] = field(default_factory=dict)


def bytes_of(answer: Answer, *, has_body: bool) -> bytes:
    """Return all that is sent."""
    headers = {
        "Content-Type": answer.content_type,
        "Content-Length": str(len(answer.body)),
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
        "Connection": "close",
        **answer.headers,
    }
    lines = [f"HTTP/1.1 {answer.status.value} {answer.status.phrase}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + (answer.body if has_body else b"")


def json_answer(status: HTTPStatus, document: Any, headers: Mapping[str, str] | None = None) -> Answer:
    """Return a document as an answer."""
    return Answer(status, f"{json.dumps(document)}\n".encode(), headers=headers or {})


def problems_answer(status: HTTPStatus, problems: Sequence[str], headers: Mapping[str, str] | None = None) -> Answer:
    """Return problems as an answer."""
    return json_answer(status, {"problems": list(problems)}, headers)


# -- health ------------------------------------------------------------------------------------------------


def live_answer(problem: str | None) -> Answer:
    """Return what /livez answers."""
    return json_answer(_status(problem), {"progress": problem or "ok"})


def ready_answer(problem: str | None, reasons: Reasons) -> Answer:
    """Return what /readyz answers: its first line decides the status; the others say what they said before."""
    lines = {name: reasons[name] or "ok" for name in LINES_OF_READYZ}
    return json_answer(_status(problem), {"ready": problem or "ok", **lines})


def status_answer(request: Request, unready: str | None, reasons: Reasons) -> Answer:
    """Return what /statusz answers, as JSON or as text: every condition, and what to do about those that hold.

    The status is 200 in any case: the page is for people and programs that read it.

    Raises:
        Refused: `format` names another form.
    """
    if _wants_json(request):
        return json_answer(HTTPStatus.OK, _document(unready, reasons))
    return Answer(HTTPStatus.OK, _page(unready, reasons).encode(), TEXT)


def _status(problem: str | None) -> HTTPStatus:
    return HTTPStatus.OK if problem is None else HTTPStatus.SERVICE_UNAVAILABLE


def _document(unready: str | None, reasons: Reasons) -> dict[str, Any]:
    conditions = {}
    for name, condition in CATALOGUE.items():
        reason = reasons[name]
        wrong = is_wrong(reason)
        conditions[name] = {"ok": not wrong, "reason": reason, "remedy": condition.remedy if wrong else None}
    return {"ready": unready is None, "unready_because": unready, "conditions": conditions}


def _page(unready: str | None, reasons: Reasons) -> str:
    """Return the lines as Kubernetes writes its own: `[+]name ok`, `[-]name failed: reason`."""
    lines = []
    for name, condition in CATALOGUE.items():
        reason = reasons[name]
        if is_wrong(reason):
            lines += [f"[-]{name} failed: {escaped(str(reason))}", f"   what to do: {condition.remedy}"]
        else:
            lines.append(f"[+]{name} ok" + (f": {escaped(reason)}" if isinstance(reason, Note) else ""))
    last = "ready" if unready is None else f"not ready: {escaped(unready)}"
    return "\n".join([*lines, last, ""])


def _wants_json(request: Request) -> bool:
    """Return whether JSON is asked for: by `format`, or else by `Accept`; text is the default."""
    wanted = request.query.get("format")
    if wanted not in (None, "json", "text"):
        raise Refused(HTTPStatus.BAD_REQUEST, "malformed", "format is json or text")
    if wanted is not None:
        return wanted == "json"
    weights = {_JSON: 0.0, "text/plain": 0.0, "text/*": 0.0, "text/html": 0.0}
    for part in request.headers.get("accept", "").lower().split(","):
        kind, *parameters = (word.strip() for word in part.split(";"))
        if kind in weights:
            weights[kind] = _weight(parameters)
    json_weight = weights.pop(_JSON)
    return json_weight > 0 and json_weight >= max(weights.values())


def _weight(parameters: Sequence[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return min(1.0, max(0.0, float(value)))
            except ValueError:
                return 0.0
    return 1.0
