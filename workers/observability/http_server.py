"""HTTP for machines: /livez, /readyz, /statusz, /metrics and POST /-/reload.

It listens on loopback unless the operator sets another host.

No answer shows a customer. A request that changes anything needs the token, if one is set; without a token it is
open on loopback only and switched off everywhere else. Liveness means progress, not a running process. It does not
depend on Kafka or Redis: a short outage there must not restart every worker.

A connection is for one request. A client that is slow, or sends no request, loses only its own connection; it is
counted and never logged: `http_requests` reads a request, `http_access` says who may ask.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

import structlog
from prometheus_client import generate_latest

from workers.observability import log_events, metrics
from workers.observability.conditions import Health
from workers.observability.http_access import Access
from workers.observability.http_answers import (
    Answer,
    bytes_of,
    json_answer,
    live_answer,
    problems_answer,
    ready_answer,
    status_answer,
)
from workers.observability.http_requests import END_OF_HEAD, Reason, Refused, Request, parse_head, require_possible
from workers.observability.listening import BACKLOG, open_sockets

log = structlog.get_logger(__name__)

REQUEST_SECONDS: Final = 5.0
"""How long a client may take to send its request."""
ANSWER_SECONDS: Final = 10.0
"""How long it may take to receive the answer."""
_CLOSING_SECONDS: Final = 1.0
"""How long it may take to close the connection; a server that closes first with bytes unread destroys its answer."""
MOST_CONNECTIONS: Final = 64
MOST_RELOADS: Final = 2
"""One reads the files, and one more waits: it reads them later than any that is refused could have wanted."""
_ACCEPTED_AT_ONCE: Final = 8
"""Connections beyond `MOST_CONNECTIONS` are closed a moment after they are accepted; until then each takes a file."""
_CHUNK: Final = 4_096


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


class Endpoints:
    """A small web server.

    Args:
        host: where to listen.
        port: where to listen; 0 for any free port.
        health: answers /livez, /readyz and /statusz.
        reload: carries out POST /-/reload.
        token: what POST /-/reload needs as `Authorization: Bearer <token>`; None if no token is set.
        allowed_hosts: see `Access`.
        request_seconds: how long a client may take to send its request.
    """

    def __init__(
        self,
        host: str,
        port: int,
        health: Health,
        reload: Reload,
        token: str | None,
        *,
        allowed_hosts: Collection[str] = (),
        request_seconds: float = REQUEST_SECONDS,
    ) -> None:
        self._host, self._port = host, port
        self._access = Access(host, allowed_hosts, token)
        self._request_seconds = request_seconds
        self._health, self._reload = health, reload
        self._looking: dict[str, Callable[[Request], Answer]] = {
            "/livez": lambda _: live_answer(health.live()),
            "/readyz": lambda _: ready_answer(health.ready(), health.conditions()),
            "/statusz": lambda request: status_answer(request, health.ready(), health.conditions()),
            "/metrics": self._metrics,
        }
        self._changing: dict[str, Callable[[], Awaitable[Answer]]] = {"/-/reload": self._answer_reload}
        self._reloads = 0
        self._servers: list[asyncio.Server] = []
        self._open: set[asyncio.Task[Any]] = set()
        self._idle: dict[asyncio.Task[Any], asyncio.StreamWriter] = {}

    async def start(self) -> int:
        """Start to listen, and return the port.

        Raises:
            OSError: if the port is taken, or the host is not here.
        """
        sockets = open_sockets(self._host, self._port)
        port: int = sockets[0].getsockname()[1]
        for listening in sockets:
            self._servers.append(
                await asyncio.start_server(self._accept, sock=listening, limit=_CHUNK, backlog=_ACCEPTED_AT_ONCE)
            )
            listening.listen(BACKLOG)  # asyncio also shortens the queue to what it accepts at once
        return port

    async def stop(self) -> None:
        """Stop listening, and close every connection."""
        for server in self._servers:
            server.close()
        open_tasks = list(self._open)
        for task in open_tasks:
            task.cancel()
        await asyncio.gather(*open_tasks, return_exceptions=True)
        for server in self._servers:
            await server.wait_closed()

    # -- connections ---------------------------------------------------------------------------------------

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # No coroutine: Python 3.11 logs the cancellation of one as an error.
        self._make_room()
        task = asyncio.create_task(self._serve(reader, writer))
        self._open.add(task)
        self._idle[task] = writer

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        # `drain` then waits until everything was handed to the system.
        writer.transport.set_write_buffer_limits(high=0)
        try:
            await self._answer(reader, writer, task)
        except (OSError, TimeoutError):
            writer.transport.abort()
        except BaseException:
            writer.transport.abort()  # what is not sent yet could keep the server from closing
            raise
        finally:
            self._open.discard(task)
            self._idle.pop(task, None)
            writer.close()

    def _make_room(self) -> None:
        """Close the oldest connection without an answer in the making, if there are too many.

        A request arrives with its connection or a moment later, so it is rarely the oldest.
        """
        if len(self._open) >= MOST_CONNECTIONS and self._idle:
            oldest = next(iter(self._idle))
            self._idle.pop(oldest).transport.abort()
            self._open.discard(oldest)
            _count("too_many_connections")

    async def _answer(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, task: asyncio.Task[Any]
    ) -> None:
        has_body = True
        try:
            request = await self._read(reader, task)
            if request is None:
                return
            has_body = request.method != "HEAD"
            answer = await self._dispatch(request, task)
        except Refused as refused:
            _count(refused.reason)
            answer = problems_answer(refused.status, [refused.problem], refused.headers)
        self._idle[task] = writer
        async with asyncio.timeout(ANSWER_SECONDS):
            writer.write(bytes_of(answer, has_body=has_body))
            await writer.drain()
        writer.write_eof()
        async with asyncio.timeout(_CLOSING_SECONDS):
            while await reader.read(_CHUNK):
                pass

    async def _read(self, reader: asyncio.StreamReader, task: asyncio.Task[Any]) -> Request | None:
        """Return the request; None if the client went away, or had to make room."""
        buffer = bytearray()
        try:
            async with asyncio.timeout(self._request_seconds):
                while (end := buffer.find(END_OF_HEAD)) < 0:
                    require_possible(buffer)
                    if not await _more(reader, buffer):
                        break
                else:
                    request = parse_head(bytes(buffer[:end]))
                    whole = end + len(END_OF_HEAD) + request.body_length
                    while len(buffer) < whole and await _more(reader, buffer):
                        pass
                    if len(buffer) >= whole:
                        return request
        except TimeoutError:
            problem = f"the request was not complete within {self._request_seconds:g} seconds"
            raise Refused(HTTPStatus.REQUEST_TIMEOUT, "too_slow", problem) from None
        if buffer and task in self._idle:  # a connection that is closed without a word is a check of the port
            _count("unfinished")
        return None

    # -- answers -------------------------------------------------------------------------------------------

    async def _dispatch(self, request: Request, task: asyncio.Task[Any]) -> Answer:
        changing = self._changing.get(request.path)
        looking = self._looking.get(request.path)
        self._access.require_known_names(request, changes=changing is not None)
        if changing is None and looking is None:
            paths = ", ".join([*self._looking, *self._changing])
            raise Refused(HTTPStatus.NOT_FOUND, "path", f"there is nothing at this path; there are {paths}")
        methods = ("POST",) if looking is None else ("GET", "HEAD")
        if request.method not in methods:
            allow = {"Allow": ", ".join(methods)}
            raise Refused(HTTPStatus.METHOD_NOT_ALLOWED, "method", f"this path takes {allow['Allow']}", allow)
        try:
            if looking is not None:
                return looking(request)
            assert changing is not None
            self._access.require_token(request)
            self._idle.pop(task, None)
            return await changing()
        except Refused:
            raise
        except Exception:
            log.exception(log_events.HTTP_FAILED, path=request.path)
            return problems_answer(HTTPStatus.INTERNAL_SERVER_ERROR, ["this failed; the log says why"])

    def _metrics(self, _: Request) -> Answer:
        self._health.conditions()  # sets what is not set when it happens
        metrics.READY.set(self._health.ready() is None)
        return Answer(HTTPStatus.OK, generate_latest(metrics.REGISTRY), "text/plain; version=0.0.4")

    async def _answer_reload(self) -> Answer:
        if self._reloads >= MOST_RELOADS:
            problem = "another reload waits already, and will read the files as they are now"
            raise Refused(HTTPStatus.TOO_MANY_REQUESTS, "busy", problem, {"Retry-After": "1"})
        self._reloads += 1
        try:
            return _reloaded(await self._reload())
        finally:
            self._reloads -= 1


async def _more(reader: asyncio.StreamReader, buffer: bytearray) -> bool:
    """Append what arrives next; return False at the end of the connection."""
    chunk = await reader.read(_CHUNK)
    buffer += chunk
    return bool(chunk)


def _count(reason: Reason) -> None:
    metrics.HTTP_REFUSED.labels(reason).inc()


def _reloaded(result: Reloaded) -> Answer:
    if problems := list(result.problems):
        return problems_answer(HTTPStatus.BAD_REQUEST, problems)
    sources = list(result.changes) or "nothing is read otherwise than before"
    return json_answer(HTTPStatus.OK, {"rules": "loaded", "sources": sources})
