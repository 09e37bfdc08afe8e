"""HTTP for machines: /livez, /readyz, /metrics and POST /-/reload, on loopback unless the operator says otherwise.

Shows no customer. Liveness is progress, not "the process is up"; it asks nothing of Kafka or Redis, so that
their blip does not restart every worker.
"""

import json
from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web
from prometheus_client import generate_latest

from workers.telemetry import REGISTRY

Checks = Callable[[], Mapping[str, str | None]]
"""Returns by name what is wrong, None for what is well."""
Reload = Callable[[], Awaitable[list[str]]]
"""Reads the rule files again and returns what is wrong with them."""


class Endpoints:
    """A small web server."""

    def __init__(self, host: str, port: int, live: Checks, ready: Checks, reload: Reload) -> None:
        self._host, self._port = host, port
        app = web.Application()
        app.router.add_get("/livez", lambda request: _answer(live()))
        app.router.add_get("/readyz", lambda request: _answer(ready()))
        app.router.add_get("/metrics", _metrics)
        app.router.add_post("/-/reload", lambda request: _reloaded(reload))
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


async def _answer(checks: Mapping[str, str | None]) -> web.Response:
    wrong = any(problem is not None for problem in checks.values())
    body = {name: problem or "ok" for name, problem in checks.items()}
    return web.Response(text=json.dumps(body) + "\n", status=503 if wrong else 200, content_type="application/json")


async def _reloaded(reload: Reload) -> web.Response:
    problems = await reload()
    body = {"problems": problems} if problems else {"rules": "loaded"}
    return web.Response(
        text=json.dumps(body) + "\n", status=400 if problems else 200, content_type="application/json"
    )


async def _metrics(request: web.Request) -> web.Response:
    return web.Response(body=generate_latest(REGISTRY), headers={"Content-Type": "text/plain; version=0.0.4"})
