"""HTTP for machines: /livez, /readyz, /metrics and POST /-/reload, on loopback unless the operator sets another host.

No answer shows a customer. A request that changes anything needs the token, if one is set; without a token it is
open on loopback only and switched off everywhere else. Liveness means progress, not a running process. It does not
depend on Kafka or Redis: a short outage there must not restart every worker.
"""

import hmac
import ipaddress
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus

from aiohttp import web
from prometheus_client import generate_latest

from workers.observability.metrics import REGISTRY

Checks = Callable[[], Mapping[str, str | None]]
"""Returns the checks by name, each with its problem or None."""


class Note(str):
    """What a check says without making the worker unready."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Reloaded:
    """The result of a reload.

    Attributes:
        problems: why nothing was taken over, empty if it was.
        changes: what is different about the sources, in sentences.
    """

    problems: Sequence[str] = ()
    changes: Sequence[str] = ()


Reload = Callable[[], Awaitable[Reloaded]]
"""Reads the rule files and `sources.yaml` again."""


def is_loopback(host: str) -> bool:
    """Return whether only programs on this machine reach a server that listens at this host."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def _refusal(host: str, token: str | None, authorization: str) -> web.Response | None:
    """Return the answer to a client that must not change anything, None for a client that may.

    Args:
        host: where the server listens.
        token: the bearer token that is needed; None if none is set.
        authorization: the header of that name, empty if it is missing.
    """
    if token is None:
        if is_loopback(host):
            return None
        return _refused(HTTPStatus.FORBIDDEN, "switched off: it can be reached from outside; set LINGER_HTTP_TOKEN")
    scheme, _, given = authorization.partition(" ")
    # Compared in constant time, so that the duration does not show how much of a guess is right.
    is_right = hmac.compare_digest(_bytes(given.strip()), _bytes(token))
    if scheme.lower() == "bearer" and is_right:
        return None
    return _refused(HTTPStatus.UNAUTHORIZED, "needs the header `Authorization: Bearer <LINGER_HTTP_TOKEN>`")


def _bytes(text: str) -> bytes:
    return text.encode(errors="surrogateescape")


def _refused(status: HTTPStatus, problem: str) -> web.Response:
    headers = {"WWW-Authenticate": "Bearer"} if status is HTTPStatus.UNAUTHORIZED else {}
    body = json.dumps({"problems": [problem]}) + "\n"
    return web.Response(text=body, status=status, content_type="application/json", headers=headers)


class Endpoints:
    """A small web server.

    Args:
        host: where to listen.
        port: where to listen; 0 for any free port.
        live: answers /livez.
        ready: answers /readyz.
        reload: carries out POST /-/reload.
        token: what POST /-/reload needs as `Authorization: Bearer <token>`; None if no token is set.
    """

    def __init__(self, host: str, port: int, live: Checks, ready: Checks, reload: Reload, token: str | None) -> None:
        self._host, self._port, self._token = host, port, token
        app = web.Application()
        self._live, self._ready, self._reload = live, ready, reload
        app.router.add_get("/livez", self._answer_live)
        app.router.add_get("/readyz", self._answer_ready)
        app.router.add_get("/metrics", _metrics)
        app.router.add_post("/-/reload", self._answer_reload)
        self._runner = web.AppRunner(app, access_log=None)

    async def start(self) -> int:
        """Start to listen, and return the port.

        Raises:
            OSError: if the port is taken.
        """
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._host, self._port)
        await site.start()
        port: int = self._runner.addresses[0][1]
        return port

    async def stop(self) -> None:
        """Stop listening."""
        await self._runner.cleanup()

    async def _answer_live(self, request: web.Request) -> web.Response:
        return _answer(self._live())

    async def _answer_ready(self, request: web.Request) -> web.Response:
        return _answer(self._ready())

    async def _answer_reload(self, request: web.Request) -> web.Response:
        refused = _refusal(self._host, self._token, request.headers.get("Authorization", ""))
        if refused is not None:
            return refused
        return _reloaded(await self._reload())


def _answer(checks: Mapping[str, str | None]) -> web.Response:
    wrong = any(problem is not None and not isinstance(problem, Note) for problem in checks.values())
    body = {name: problem or "ok" for name, problem in checks.items()}
    return web.Response(text=json.dumps(body) + "\n", status=503 if wrong else 200, content_type="application/json")


def _reloaded(result: Reloaded) -> web.Response:
    problems = list(result.problems)
    sources = list(result.changes) or "nothing is read otherwise than before"
    body = {"problems": problems} if problems else {"rules": "loaded", "sources": sources}
    return web.Response(
        text=json.dumps(body) + "\n", status=400 if problems else 200, content_type="application/json"
    )


async def _metrics(request: web.Request) -> web.Response:
    return web.Response(body=generate_latest(REGISTRY), headers={"Content-Type": "text/plain; version=0.0.4"})
