"""Laws of `linger healthcheck`: exit status 0 only for a worker that answers that it makes progress."""

import contextlib
import os
import resource
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.support.paths import ROOT
from tests.unit.cli.program import Answer, Linger
from workers.demo.embedded import HOST, free_ports
from workers.errors import StartupError
from workers.operations.liveness_probe import ask, liveness_url
from workers.settings import Settings, read_settings


@contextmanager
def answering(status: int, body: str, path: str = "/livez") -> Iterator[int]:
    """A worker that answers every question for a path with a status."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == path else 404)
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


@pytest.mark.parametrize(("status", "expected"), [(200, 0), (503, 1)])
def test_readiness_is_asked_for_by_name(linger: Linger, status: int, expected: int) -> None:
    with answering(status, '{"ready": "ok"}', "/readyz") as port:
        assert linger("healthcheck", "--ready", HTTP_PORT=str(port)).status == expected
        quick = in_a_process(f"LINGER_HTTP_PORT={port}", options=["--ready"])
    assert quick.returncode == expected
    assert b'{"ready": "ok"}' in quick.stdout + quick.stderr


def test_an_address_of_ones_own_and_readiness_are_one_too_many(linger: Linger) -> None:
    answer = linger("healthcheck", "--ready", "--url", "http://127.0.0.1:1/livez")
    assert answer.status == 2
    assert "leave it out" in answer.err


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


def test_no_proxy_is_asked(monkeypatch: pytest.MonkeyPatch, linger: Linger) -> None:
    with answering(503, "a proxy answers") as proxy, answering(200, '{"progress": "ok"}\n') as port:
        for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"):
            monkeypatch.setitem(os.environ, name, f"http://{HOST}:{proxy}")
        url = f"http://{HOST}:{port}/livez"
        assert [ask(url).status, in_a_process(f"LINGER_HTTP_PORT={port}").returncode] == [200, 0]
        assert linger("healthcheck", "--url", url).status == 0


def test_no_redirection_is_followed(linger: Linger) -> None:
    with answering(302, "elsewhere") as port:
        answer = linger("healthcheck", HTTP_PORT=str(port))
    assert (answer.status, answer.err) == (1, f"error: http://{HOST}:{port}/livez answers 302: elsewhere\n")


def test_an_answer_that_comes_byte_by_byte_is_none_after_the_time() -> None:
    with socket.create_server((HOST, 0)) as server:

        def drip() -> None:
            client, _ = server.accept()
            with client, contextlib.suppress(OSError):
                while True:
                    client.sendall(b"H")

        thread = threading.Thread(target=drip)
        thread.start()
        with pytest.raises((TimeoutError, ValueError)):
            ask(f"http://{HOST}:{server.getsockname()[1]}/livez", 0.2)
        thread.join()


@pytest.mark.parametrize("sent", [b"", b"SSH-2.0-OpenSSH\r\n", b"HTTP/1.1\r\n\r\n", b"HTTP/1.1 abc\r\n\r\n"])
def test_what_does_not_answer_as_a_worker_is_not_healthy(linger: Linger, sent: bytes) -> None:
    with socket.create_server((HOST, 0)) as server:

        def answer_once() -> None:
            client, _ = server.accept()
            with client:
                client.recv(1024)
                client.sendall(sent)

        thread = threading.Thread(target=answer_once)
        thread.start()
        answer = linger("healthcheck", HTTP_PORT=str(server.getsockname()[1]))
        thread.join()
    assert answer.status == 1
    assert answer.err.endswith("/livez does not answer: the answer is none of HTTP\n")


def test_what_is_answered_cannot_steer_a_terminal(linger: Linger) -> None:
    with answering(503, "\x1b[2J\x00\u2028ü") as port:
        assert linger("healthcheck", HTTP_PORT=str(port)).err.endswith("answers 503: ?[2J???\n")


@pytest.mark.parametrize(
    ("variables", "problem"),
    [
        ({"HTTP_PORT": "0"}, "with 0, the port is another one at every start; give --url"),
        ({"HTTP_PORT": "many"}, "is no port; write a number from 0 to 65535"),
        ({"HTTP_PORT": "70000"}, "is no port; write a number from 0 to 65535"),
        ({"HTTP_PORT": "8080", "HTTP_PORT_FILE": "/x"}, "are both set"),
    ],
)
def test_settings_that_name_no_port_are_a_mistake_of_the_operator(
    linger: Linger, variables: dict[str, str], problem: str
) -> None:
    answer = linger("healthcheck", **variables)
    assert answer.status == 2
    assert problem in answer.err
    assert answer.err.count("\n") == 1


@pytest.mark.parametrize(
    ("variables", "url"),
    [
        ({}, "http://127.0.0.1:8080/livez"),
        ({"LINGER_HTTP_HOST": "::", "LINGER_HTTP_PORT": "81"}, "http://[::]:81/livez"),
        ({"LINGER_HTTP_HOST": "[::1]"}, "http://[::1]:8080/livez"),
        ({"LINGER_HTTP_PORT": "tcp://10.96.12.4:8080", "LINGER_SERVICE_HOST": "10.96.12.4"}, "http://127.0.0.1:8080/livez"),
        ({"LINGER_PARTITIONS": "wrong", "LINGER_NONSENSE": "1"}, "http://127.0.0.1:8080/livez"),
    ],
)  # fmt: skip
def test_the_worker_is_asked_where_its_settings_say(variables: dict[str, str], url: str) -> None:
    assert liveness_url(variables) == url


@pytest.mark.parametrize(
    "port", ["8080", " 8080 ", "08080", "+8080", "8_080", "8080.0", "0x50", "٣", "-1", "65536", "1e3"]
)
def test_a_port_is_read_as_the_worker_reads_it(port: str) -> None:
    variables = {"LINGER_HTTP_PORT": port}
    try:
        expected = f":{read_settings(variables).http_port}/livez"
    except StartupError:
        with pytest.raises(StartupError, match="LINGER_HTTP_PORT: is no port"):
            liveness_url(variables)
    else:
        assert liveness_url(variables).endswith(expected)


def test_where_no_setting_says_it_the_worker_listens_where_it_is_asked() -> None:
    default = Settings()
    assert liveness_url({}) == f"http://{default.http_host}:{default.http_port}/livez"


def in_a_process(
    *variables: str, before: str = "", options: Sequence[str] = ()
) -> subprocess.CompletedProcess[bytes]:
    """Run `linger healthcheck` as containers do."""
    words = ["linger", "healthcheck", *options]
    code = f"{before}\nimport sys\nsys.argv = {words}\nfrom workers.__main__ import main\nmain()"
    environment = {**os.environ, **dict(variable.split("=", 1) for variable in variables)}
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True)


def test_it_costs_less_than_a_tenth_of_a_second_of_a_processor() -> None:
    def seconds(port: int) -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert in_a_process(f"LINGER_HTTP_PORT={port}").returncode == 0
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    with answering(200, "ok") as port:
        assert min(seconds(port) for _ in range(5)) < 0.1


def test_it_imports_no_library() -> None:
    show = "import atexit, sys\natexit.register(lambda: print(*{name.partition('.')[0] for name in sys.modules}))"
    with answering(200, "ok") as port:
        imported = set(in_a_process(f"LINGER_HTTP_PORT={port}", before=show).stdout.decode().split())
    assert "workers" in imported
    assert {
        "pydantic",
        "typer",
        "rich",
        "aiokafka",
        "redis",
        "ssl",
        "http",
        "asyncio",
        "structlog",
    } & imported == set()
