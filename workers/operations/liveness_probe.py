"""Asks a worker's /livez or /readyz from another process, as containers do every few seconds.

It imports the standard library alone and costs a few milliseconds. It speaks to the worker itself: no variable
such as HTTP_PROXY counts.
"""

import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from workers.errors import LingerError, StartupError
from workers.variables import Kind, port_number, read_variables

_TIMEOUT_SECONDS: Final = 5.0
_LONGEST_ANSWER: Final = 65_536
_EVERY_INTERFACE: Final[Mapping[str, str]] = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - asked, not bound
_FIELDS: Final[Mapping[str, Kind]] = {"http_host": "plain", "http_port": "plain"}
_DEFAULT: Final = ("127.0.0.1", "8080")


class NotHealthy(LingerError):
    """A worker does not answer, or answers that it makes no progress or is not ready."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answers.

    Attributes:
        status: of HTTP.
        text: its body, in characters that every terminal and encoding has.
    """

    status: int
    text: str


def liveness_url(environment: Mapping[str, str]) -> str:
    """Return the address of /livez of the worker on this machine that has these variables; see `worker_url`."""
    return worker_url(environment, "/livez")


def readiness_url(environment: Mapping[str, str]) -> str:
    """Return the address of its /readyz; see `worker_url`."""
    return worker_url(environment, "/readyz")


def worker_url(environment: Mapping[str, str], path: str) -> str:
    """Return an address of the worker on this machine that has these variables.

    Raises:
        StartupError: they name no host or no port. Everything else about settings is the worker's own to check.
    """
    given = read_variables(environment, _FIELDS)
    host, port = (given.texts.get(field, usual) for field, usual in zip(_FIELDS, _DEFAULT, strict=True))
    problems = list(given.problems.values())
    number = None
    try:
        number = port_number(port)
    except ValueError as error:
        problems.append(f"LINGER_HTTP_PORT: {error}")
    if number == 0:
        problems.append("LINGER_HTTP_PORT: with 0, the port is another one at every start; give --url")
    if problems:
        raise StartupError(problems)
    assert number is not None
    return address(host, number, path)


def address(host: str, port: int, path: str) -> str:
    """Return the URL of a path at a host, which may be an IPv6 address with or without brackets."""
    host = host.strip("[]")
    return f"http://{f'[{host}]' if ':' in host else host}:{port}{path}"


def probe(url: str) -> str:
    """Return the text of a 2xx answer.

    A worker that listens at 0.0.0.0 or ::, on all interfaces, is asked on loopback.

    Raises:
        NotHealthy: if there is no whole answer within 5 s or its status is another.
    """
    try:
        answer = ask(url)
    except (OSError, ValueError) as error:
        raise NotHealthy(f"{url} does not answer: {_printable(str(error))}") from error
    if not 200 <= answer.status < 300:
        raise NotHealthy(f"{url} answers {answer.status}: {answer.text}")
    return answer.text


def ask(url: str, seconds: float = _TIMEOUT_SECONDS) -> Answer:
    """Send one GET request, directly to the host of the URL, and follow nowhere.

    Args:
        url: `http://` or `https://`.
        seconds: until the answer must be there in whole.

    Raises:
        OSError: there is no answer in time.
        ValueError: the URL is none, or the answer is none of HTTP.
    """
    parts = urlsplit(url)
    is_plain = url.isprintable() and url.isascii() and " " not in url
    if parts.scheme not in ("http", "https") or not parts.hostname or not is_plain:
        raise ValueError("this is no address; write http://host:port/path")
    is_secure = parts.scheme == "https"
    host = _EVERY_INTERFACE.get(parts.hostname, parts.hostname)
    authority = (f"[{host}]" if ":" in host else host) + ("" if parts.port is None else f":{parts.port}")
    target = f"{parts.path or '/'}{f'?{parts.query}' if parts.query else ''}"
    # An answer to HTTP/1.0 is not sent in chunks, and ends with the connection.
    request = f"GET {target} HTTP/1.0\r\nHost: {authority}\r\nConnection: close\r\n\r\n"
    until = time.monotonic() + seconds
    with socket.create_connection((host, parts.port or (443 if is_secure else 80)), seconds) as plain:
        connection: socket.socket = _secured(plain, host) if is_secure else plain
        with connection:
            connection.sendall(request.encode())
            return _answer(_received(connection, until))


def _secured(plain: socket.socket, host: str) -> socket.socket:
    import ssl  # half of what the probe would cost

    return ssl.create_default_context().wrap_socket(plain, server_hostname=host)


def _received(connection: socket.socket, until: float) -> bytes:
    received = b""
    while len(received) <= _LONGEST_ANSWER:
        if (left := until - time.monotonic()) <= 0:
            raise TimeoutError("timed out")
        connection.settimeout(left)
        chunk = connection.recv(_LONGEST_ANSWER)
        if not chunk:
            return received
        received += chunk
    raise ValueError(f"the answer has more than {_LONGEST_ANSWER} bytes")


def _answer(received: bytes) -> Answer:
    head, _, body = received.partition(b"\r\n\r\n")
    words = head.partition(b"\r\n")[0].split(b" ", 2)
    if len(words) < 2 or not words[0].startswith(b"HTTP/1.") or not words[1].isdigit():
        raise ValueError("the answer is none of HTTP")
    return Answer(int(words[1]), _printable(body.decode(errors="replace").strip()))


def _printable(text: str) -> str:
    return "".join(character if character.isascii() and character.isprintable() else "?" for character in text)
