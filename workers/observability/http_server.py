"""HTTP for machines: /livez, /readyz, /metrics and POST /-/reload, on loopback unless the operator says otherwise.

Shows no customer. What changes anything wants a token, if one is set; without one it is open on loopback only, and
switched off everywhere else. Liveness is progress, not "the process is up"; it asks nothing of Kafka or Redis, so
that their blip does not restart every worker.
"""

import hmac
import ipaddress
import json
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus

from aiohttp import web
from prometheus_client import generate_latest

from workers.observability.metrics import REGISTRY

Checks = Callable[[], Mapping[str, str | None]]
"""Returns by name what is wrong, None for what is well."""
Reload = Callable[[], Awaitable[list[str]]]
"""Reads the rule files again and returns what is wrong with them."""

_token: str | None = None


def set_token(token: str | None) -> None:
    """Set what POST /-/reload wants as `Authorization: Bearer <token>`; for this process, before it listens."""
    global _token
    _token = token


def is_loopback(host: str) -> bool:
    """Tell whether only programs on this machine reach what listens at a host."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def refusal(host: str, authorization: str) -> web.Response | None:
    """Return the answer to somebody who may not change anything, None for somebody who may.

    Args:
        host: where we listen.
        authorization: that header, empty if there was none.
    """
    if _token is None:
        if is_loopback(host):
            return None
        return _refused(HTTPStatus.FORBIDDEN, "switched off: it can be reached from outside; set LINGER_HTTP_TOKEN")
    scheme, _, given = authorization.partition(" ")
    is_right = hmac.compare_digest(_bytes(given.strip()), _bytes(_token))
    if scheme.lower() == "bearer" and is_right:
        return None
    return _refused(HTTPStatus.UNAUTHORIZED, "wants the header `Authorization: Bearer <LINGER_HTTP_TOKEN>`")


def _bytes(text: str) -> bytes:
    return text.encode(errors="surrogateescape")


def _refused(status: HTTPStatus, problem: str) -> web.Response:
    headers = {"WWW-Authenticate": "Bearer"} if status is HTTPStatus.UNAUTHORIZED else {}
    body = json.dumps({"problems": [problem]}) + "\n"
    return web.Response(text=body, status=status, content_type="application/json", headers=headers)


class Endpoints:
    """A small web server."""

    def __init__(self, host: str, port: int, live: Checks, ready: Checks, reload: Reload) -> None:
        self._host, self._port = host, port
        app = web.Application()
        self._live, self._ready, self._reload = live, ready, reload
        app.router.add_get("/livez", self._answer_live)
        app.router.add_get("/readyz", self._answer_ready)
        app.router.add_get("/metrics", _metrics)
        app.router.add_post("/-/reload", self._answer_reload)
        self._runner = web.AppRunner(app, access_log=None)

    async def start(self) -> int:
        """Listen, and return the port.

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
        if (refused := refusal(self._host, request.headers.get("Authorization", ""))) is not None:
            return refused
        return _reloaded(await self._reload())


def _answer(checks: Mapping[str, str | None]) -> web.Response:
    wrong = any(problem is not None for problem in checks.values())
    body = {name: problem or "ok" for name, problem in checks.items()}
    return web.Response(text=json.dumps(body) + "\n", status=503 if wrong else 200, content_type="application/json")


def _reloaded(problems: list[str]) -> web.Response:
    body = {"problems": problems} if problems else {"rules": "loaded"}
    return web.Response(
        text=json.dumps(body) + "\n", status=400 if problems else 200, content_type="application/json"
    )


async def _metrics(request: web.Request) -> web.Response:
    return web.Response(body=generate_latest(REGISTRY), headers={"Content-Type": "text/plain; version=0.0.4"})
