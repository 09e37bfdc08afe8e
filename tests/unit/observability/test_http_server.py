"""Laws of the endpoints: who may change something, and that no answer shows a customer."""

import asyncio
import contextlib
import logging
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Final, get_args

import pytest

from workers.errors import StartupError
from workers.observability import http_server
from workers.observability.conditions import CATALOGUE, Health
from workers.observability.http_requests import Reason
from workers.observability.http_server import MOST_CONNECTIONS, MOST_RELOADS, Endpoints, Reloaded
from workers.observability.metrics import REGISTRY
from workers.settings import read_settings

TOKEN = "a-token-of-the-tests"
EVERYWHERE = "0.0.0.0"
WELL: Final = Health(lambda: None, lambda: None, lambda: dict.fromkeys(CATALOGUE))
LIVEZ: Final = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"


class Worker:
    """Endpoints that listen, and what happened behind them."""

    def __init__(self, **more: Any) -> None:
        self.reloads = 0
        self.error: Exception | None = None
        self.changed = asyncio.Condition()
        self.may_reload = asyncio.Event()
        self.may_reload.set()
        self.stalled: str | None = None
        self.unready: str | None = None
        self.reasons: dict[str, str | None] = dict.fromkeys(CATALOGUE)
        health = Health(self._live, lambda: self.unready, lambda: self.reasons)
        self.endpoints = Endpoints("127.0.0.1", 0, health, self._reload, None, **more)
        self.port = 0

    def _live(self) -> str | None:
        if self.error is not None:
            raise self.error
        return self.stalled

    async def _reload(self) -> Reloaded:
        self.reloads += 1
        async with self.changed:
            self.changed.notify_all()
        await self.may_reload.wait()
        return Reloaded()

    async def connected(self, limit: int = 1 << 16) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.port, limit=limit)

    async def sent(self, data: bytes) -> bytes:
        """Send bytes, and return all that is answered until the other side closes; it must not take long."""
        async with asyncio.timeout(10):
            reader, writer = await self.connected()
            writer.write(data)
            try:
                return await reader.read()
            finally:
                writer.close()

    async def is_alone(self) -> None:
        """Wait until no connection is open."""
        async with asyncio.timeout(10):
            await asyncio.gather(*self.endpoints._open)


def asking(ask: Callable[[Worker], Awaitable[bytes]], **more: Any) -> bytes:
    """Run something with endpoints that listen on loopback."""

    async def run() -> bytes:
        worker = Worker(**more)
        worker.port = await worker.endpoints.start()
        try:
            return await ask(worker)
        finally:
            await worker.endpoints.stop()

    return asyncio.run(run())


def status(answered: bytes) -> int:
    return int(answered.split(b" ", 2)[1])


@contextlib.contextmanager
def counted(reason: str) -> Iterator[Callable[[], float]]:
    """How often more a reason was counted since."""

    def count() -> float:
        return REGISTRY.get_sample_value("linger_http_refused_total", {"reason": reason}) or 0

    before = count()
    yield lambda: count() - before


def answer(method: str, path: str, *, host: str = "127.0.0.1", token: str | None = None, **headers: str) -> int:
    """The status with which endpoints at a host answer one request."""

    async def reload() -> Reloaded:
        return Reloaded()

    async def ask() -> int:
        listening = Endpoints(host, 0, WELL, reload, token)
        port = await listening.start()
        try:
            return await asyncio.to_thread(_status, f"http://127.0.0.1:{port}{path}", method, headers)
        finally:
            await listening.stop()

    return asyncio.run(ask())


def _status(url: str, method: str, headers: dict[str, str]) -> int:
    request = urllib.request.Request(url, method=method, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as found:
            return int(found.status)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code


def test_reload_is_open_on_loopback_if_no_token_is_set() -> None:
    assert answer("POST", "/-/reload") == 200


def test_reload_is_switched_off_where_others_reach_it_if_no_token_is_set() -> None:
    assert answer("POST", "/-/reload", host=EVERYWHERE) == 403
    assert answer("POST", "/-/reload", host=EVERYWHERE, Authorization="Bearer None") == 403


@pytest.mark.parametrize("host", ["127.0.0.1", EVERYWHERE])
@pytest.mark.parametrize(
    ("authorization", "status"),
    [
        (f"Bearer {TOKEN}", 200),
        (f"bearer {TOKEN}", 200),
        (f"Bearer {TOKEN}x", 401),
        (f"Bearer {TOKEN[:-1]}", 401),
        (f"Basic {TOKEN}", 401),
        (TOKEN, 401),
        ("Bearer ", 401),
        ("Bearer \u00fcber", 401),
        ("", 401),
    ],
)
def test_with_a_token_reload_wants_it_everywhere(host: str, authorization: str, status: int) -> None:
    assert answer("POST", "/-/reload", host=host, token=TOKEN, Authorization=authorization) == status


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/statusz", "/metrics"])
def test_looking_wants_no_token(path: str) -> None:
    assert answer("GET", path, host=EVERYWHERE, token=TOKEN) == 200


def test_looking_cannot_reload() -> None:
    assert answer("GET", "/-/reload") == 405


@pytest.mark.parametrize("token", ["short", "with a space at the end of it ", "\u00fcmlauts-and-many-more"])
def test_a_token_that_is_weak_or_cannot_be_sent_is_refused_and_not_shown(token: str) -> None:
    with pytest.raises(StartupError) as refused:
        read_settings({"LINGER_HTTP_TOKEN": token})
    (problem,) = refused.value.problems
    assert problem.startswith("LINGER_HTTP_TOKEN: ")
    assert token not in problem


def test_no_metric_has_a_label_for_a_customer() -> None:
    labels = {name for metric in REGISTRY._collector_to_names for name in getattr(metric, "_labelnames", ())}
    assert labels == {
        *("topic", "type", "what", "pattern", "reason", "outcome", "action", "rule", "status", "decision", "order"),
        *("attribute", "answer", "because", "case", "condition", "from", "stage", "verdict"),
        *("experiment", "arm"),
        *("partition", "server", "version", "core", "python"),
    }


# --- what each path says -------------------------------------------------------------------------------------------


def test_each_path_has_a_meaning_of_its_own() -> None:
    """A worker that is ready although something fails, one that is not ready although nothing does, and a stall."""

    async def ask(worker: Worker) -> bytes:
        def requested(path: str) -> bytes:
            return f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()

        async def statuses() -> list[int]:
            return [status(await worker.sent(requested(path))) for path in ("/livez", "/readyz", "/statusz")]

        worker.reasons["rules"] = "rules.yaml:1:1: a mistake"
        assert await statuses() == [200, 200, 200]
        metrics = await worker.sent(requested("/metrics"))
        assert b"\nlinger_ready 1.0\n" in metrics
        worker.reasons["rules"], worker.unready = None, "the worker has not joined the consumer group yet"
        assert await statuses() == [200, 503, 200]
        assert b"\nlinger_ready 0.0\n" in await worker.sent(requested("/metrics"))
        worker.unready, worker.stalled = None, "no tick for 61 s"
        assert await statuses() == [503, 200, 200]
        return b""

    asking(ask)


# --- who asks ------------------------------------------------------------------------------------------------------


def test_a_page_of_another_site_cannot_reload_and_a_foreign_name_reads_nothing() -> None:
    with counted("host") as by_host, counted("origin") as by_origin:
        assert answer("POST", "/-/reload", Host="rebind.evil.example", Origin="https://evil.example") == 403
        assert answer("GET", "/readyz", Host="rebind.evil.example") == 403
        assert answer("POST", "/-/reload", Origin="https://evil.example") == 403
    assert (by_host(), by_origin()) == (2, 1)


def test_an_operator_allows_another_name() -> None:
    async def ask(worker: Worker) -> bytes:
        return await worker.sent(b"GET /livez HTTP/1.1\r\nHost: linger.example\r\n\r\n")

    assert status(asking(ask)) == 403
    assert status(asking(ask, allowed_hosts={"linger.example"})) == 200


@pytest.mark.parametrize(
    ("method", "path", "expected", "reason"),
    [
        ("HEAD", "/livez", 200, None),
        ("POST", "/livez", 405, "method"),
        ("TRACE", "/livez", 405, "method"),
        ("OPTIONS", "/livez", 405, "method"),
        ("HEAD", "/-/reload", 405, "method"),
        ("GET", "/../../etc/passwd", 404, "path"),
        ("GET", "/", 404, "path"),
        ("GET", "/livez/", 404, "path"),
    ],
)
def test_only_some_methods_and_paths_are_answered(method: str, path: str, expected: int, reason: str | None) -> None:
    async def ask(worker: Worker) -> bytes:
        return await worker.sent(f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())

    with counted(reason or "method") as more:
        found = asking(ask)
    assert status(found) == expected
    assert more() == (0 if reason is None else 1)
    if method == "HEAD":
        assert found.endswith(b"\r\n\r\n")


# --- slow, endless and broken clients ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "answered"),
    [
        (b"", 408),
        (b"GET /livez HTTP/1.1\r\nHost: x\r\nX-", 408),
        (b"POST /-/reload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\n12", 408),
    ],
)
def test_a_request_that_is_not_finished_in_time_is_closed(sent: bytes, answered: int) -> None:
    async def ask(worker: Worker) -> bytes:
        found = await worker.sent(sent)
        assert worker.reloads == 0
        return found

    with counted("too_slow") as more:
        assert status(asking(ask, request_seconds=0.05)) == answered
    assert more() == 1


def test_bytes_that_come_one_by_one_win_no_time() -> None:
    async def ask(worker: Worker) -> bytes:
        reader, writer = await worker.connected()
        answered = asyncio.create_task(reader.read())
        writer.write(b"GET /livez HTTP/1.1\r\nX: ")
        async with asyncio.timeout(10):
            while not answered.done():
                writer.write(b"x")
                await asyncio.wait({answered}, timeout=0.01)
        writer.close()
        return answered.result()

    with counted("too_slow") as more:
        assert status(asking(ask, request_seconds=0.2)) == 408
    assert more() == 1


@pytest.mark.parametrize(
    ("sent", "answered", "reason"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200), 400, "malformed"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", 400, "malformed"),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, "malformed"),
        (b"GET /livez HTTP/1.1\r\n\r\n", 400, "malformed"),
        (b"GET /livez HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 1_000_000 + b"\r\n\r\n", 431, "too_large"),
        (b"GET /livez HTTP/1.1\r\nHost: x\r\n" + b"X: a\r\n" * 50_000 + b"\r\n", 431, "too_large"),
        (b"GET /livez HTTP/1.1\r\nHost: x\r\n" + b"X: a\r\n" * 100 + b"\r\n", 431, "too_large"),
        (b"GET /" + b"a" * 9_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414, "too_large"),
        (
            b"POST /-/reload HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n" + bytes(300_000),
            413,
            "too_large",
        ),
        (
            b"POST /-/reload HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            400,
            "malformed",
        ),
    ],
    ids=[
        "tls",
        "ssh",
        "http2",
        "no-host",
        "huge-header",
        "many-headers",
        "101-headers",
        "huge-path",
        "huge-body",
        "chunked",
    ],
)
def test_garbage_is_answered_at_once_and_counted_and_not_logged(
    caplog: pytest.LogCaptureFixture, sent: bytes, answered: int, reason: str
) -> None:
    async def ask(worker: Worker) -> bytes:
        found = await worker.sent(sent)
        assert worker.reloads == 0
        return found

    with counted(reason) as more:
        assert status(asking(ask)) == answered
    assert more() == 1
    assert [record for record in caplog.records if record.levelno > logging.DEBUG] == []


def test_a_client_that_goes_away_in_the_middle_is_counted_and_one_that_only_knocks_is_not() -> None:
    async def ask(worker: Worker) -> bytes:
        for sent in (b"", b"GET /liv"):
            _, writer = await worker.connected()
            writer.write(sent)
            writer.close()
            await writer.wait_closed()
        await worker.sent(LIVEZ)  # connections are accepted in their order
        await worker.is_alone()
        return b""

    with counted("unfinished") as more:
        asking(ask)
    assert more() == 1


def test_slow_clients_do_not_keep_others_from_their_answer() -> None:
    async def ask(worker: Worker) -> bytes:
        slow = [await worker.connected() for _ in range(300)]
        for _, writer in slow:
            writer.write(b"GET /livez HTTP/1.1\r\nX-")
        found = await worker.sent(LIVEZ)
        assert len(worker.endpoints._open) <= MOST_CONNECTIONS
        for _, writer in slow:
            writer.close()
        return found

    with counted("too_many_connections") as more:
        assert status(asking(ask)) == 200
    assert more() >= 300 - MOST_CONNECTIONS


def test_a_client_that_does_not_take_its_answer_does_not_keep_others_from_theirs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(http_server, "generate_latest", lambda registry: bytes(20_000_000))
    monkeypatch.setattr(http_server, "MOST_CONNECTIONS", 3)

    async def ask(worker: Worker) -> bytes:
        lazy = [await worker.connected(limit=1) for _ in range(3)]
        for _, writer in lazy:
            writer.write(b"GET /metrics HTTP/1.0\r\n\r\n")
        found = await worker.sent(LIVEZ)
        for _, writer in lazy:
            writer.transport.abort()
        return found

    assert status(asking(ask)) == 200


def test_a_connection_is_for_one_request() -> None:
    async def ask(worker: Worker) -> bytes:
        return await worker.sent(LIVEZ + LIVEZ)

    found = asking(ask)
    assert found.count(b"HTTP/1.1 ") == 1
    assert b"\r\nConnection: close\r\n" in found


def test_a_reload_beyond_one_that_waits_is_refused_and_looking_goes_on() -> None:
    async def ask(worker: Worker) -> bytes:
        worker.may_reload.clear()
        reload = b"POST /-/reload HTTP/1.1\r\nHost: localhost\r\n\r\n"
        waiting = [asyncio.create_task(worker.sent(reload)) for _ in range(MOST_RELOADS)]
        async with worker.changed:
            await worker.changed.wait_for(lambda: worker.reloads == MOST_RELOADS)
        refused = await worker.sent(reload)
        assert b"\r\nRetry-After: 1\r\n" in refused
        assert status(await worker.sent(LIVEZ)) == 200
        worker.may_reload.set()
        assert [status(found) for found in await asyncio.gather(*waiting)] == [200] * MOST_RELOADS
        return refused

    with counted("busy") as more:
        assert status(asking(ask)) == 429
    assert more() == 1


def test_a_check_that_fails_is_an_answer_and_a_line_of_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    logged: list[str] = []
    monkeypatch.setattr(http_server.log, "exception", lambda event, **fields: logged.append(event), raising=False)

    async def ask(worker: Worker) -> bytes:
        worker.error = KeyError("no such partition")
        found = await worker.sent(LIVEZ)
        worker.error = None
        assert status(await worker.sent(LIVEZ)) == 200
        return found

    assert status(asking(ask)) == 500
    assert logged == ["http_failed"]


def test_a_worker_that_stops_waits_for_no_client() -> None:
    async def ask(worker: Worker) -> bytes:
        reader, writer = await worker.connected()
        writer.write(b"GET /livez HTTP/1.1\r\n")
        await worker.sent(LIVEZ)  # connections are accepted in their order
        await worker.endpoints.stop()
        found = await reader.read()
        writer.close()
        return found

    assert asking(ask) == b""


def test_every_reason_is_there_before_it_occurs() -> None:
    for reason in get_args(Reason):
        assert REGISTRY.get_sample_value("linger_http_refused_total", {"reason": reason}) is not None
