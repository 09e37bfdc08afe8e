"""Laws of `linger healthcheck`: exit status 0 only for a worker that answers that it makes progress."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.unit.cli.program import Answer, Linger
from workers.demo.embedded import HOST, free_ports


@contextmanager
def answering(status: int, body: str) -> Iterator[int]:
    """A worker that answers every question with a status."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/livez" else 404)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, format: str, *arguments: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer((HOST, 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


def test_a_worker_that_makes_progress_is_healthy(linger: Linger) -> None:
    with answering(200, '{"progress": "ok"}\n') as port:
        assert linger("healthcheck", HTTP_PORT=str(port)) == Answer(0, '{"progress": "ok"}\n', "")
        assert linger("healthcheck", HTTP_PORT=str(port), HTTP_HOST="0.0.0.0").status == 0
        assert linger("healthcheck", "--url", f"http://{HOST}:{port}/livez").status == 0


def test_a_worker_that_says_what_is_wrong_is_not_healthy(linger: Linger) -> None:
    with answering(503, '{"progress": "no tick for 61 s"}') as port:
        answer = linger("healthcheck", HTTP_PORT=str(port))
    assert answer.status == 1
    assert "answers 503" in answer.err
    assert "no tick for 61 s" in answer.err


def test_a_worker_that_is_not_there_is_not_healthy(linger: Linger) -> None:
    (port,) = free_ports(1)
    answer = linger("healthcheck", HTTP_PORT=str(port))
    assert answer.status == 1
    assert f"http://{HOST}:{port}/livez does not answer" in answer.err
    assert "Traceback" not in answer.err


@pytest.mark.parametrize("url", ["nonsense", "http://", "http://[::1"])
def test_an_address_that_is_none_is_not_healthy(linger: Linger, url: str) -> None:
    answer = linger("healthcheck", "--url", url)
    assert answer.status == 1
    assert "does not answer" in answer.err
