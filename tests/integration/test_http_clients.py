"""Clients that are slow, broken or foreign do not touch a worker, and every one of them is counted."""

import asyncio
import json
import resource
import socket
import urllib.error
import urllib.request
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.integration.test_worker import QUIET, play
from tests.support.site import Site
from workers.demo.embedded import Pair
from workers.observability.http_server import MOST_CONNECTIONS

pytestmark = pytest.mark.integration

_DESCRIPTORS = 160
"""Far fewer than there are clients."""
_CLIENTS = 400


def port_of(place: Site) -> int | None:
    ports = [json.loads(line)["http_port"] for line in place.log().splitlines() if '"worker_ready"' in line]
    return ports[0] if ports else None


def fetch(port: int, path: str, method: str = "GET", **headers: str) -> tuple[int, str]:
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", method=method, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def refused(port: int, reasons: Iterable[str]) -> dict[str, float]:
    text = fetch(port, "/metrics")[1]
    lines = dict(line.rsplit(" ", 1) for line in text.splitlines() if line.startswith("linger_http_refused_total{"))
    return {reason: float(lines[f'linger_http_refused_total{{reason="{reason}"}}']) for reason in reasons}


def test_half_sent_requests_and_garbage_do_not_keep_a_worker_from_its_work(pair: Pair, tmp_path: Path) -> None:
    async def scenario(place: Site) -> None:
        async def is_ready() -> bool:
            return port_of(place) is not None

        await place.until(is_ready, "the worker to be ready")
        port = port_of(place)
        assert port is not None
        resource.prlimit(place.processes[0].pid, resource.RLIMIT_NOFILE, (_DESCRIPTORS, _DESCRIPTORS))
        clients = []
        try:
            for number in range(_CLIENTS):
                client = socket.create_connection(("127.0.0.1", port), timeout=20)
                client.sendall(b"GET /livez HTTP/1.1\r\nX-" if number % 2 else b"\x16\x03\x01\x02\x00\x01")
                clients.append(client)
            assert (await asyncio.to_thread(fetch, port, "/livez"))[0] == 200
            status, _ = await asyncio.to_thread(fetch, port, "/-/reload", "POST", Origin="https://evil.example")
            assert status == 403
            status, _ = await asyncio.to_thread(fetch, port, "/readyz", Host="rebind.evil.example")
            assert status == 403
            assert (await asyncio.to_thread(fetch, port, "/-/reload", "POST"))[0] == 200
        finally:
            for client in clients:
                client.close()
        await place.order("ada", 1)
        await place.now(2)
        await place.decided_until(2)
        counted = await asyncio.to_thread(
            refused, port, ("malformed", "too_many_connections", "host", "origin", "token")
        )
        assert counted["malformed"] > 0
        assert counted["too_many_connections"] >= _CLIENTS / 2 - MOST_CONNECTIONS
        assert (counted["host"], counted["origin"], counted["token"]) == (1, 1, 0)
        assert place.processes[0].poll() is None
        assert '"error"' not in place.log()
        assert "Traceback" not in place.log()

    play(pair, tmp_path, QUIET, scenario)
