"""One HTTP request from bytes, strictly: what is not certainly a request of a few lines is refused.

The endpoints need no body, no second request on a connection, and no encoding. It must know no socket and no clock.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final, Literal
from urllib.parse import parse_qsl, urlsplit

LONGEST_HEAD: Final = 16_384
LONGEST_LINE: Final = 8_192
MOST_HEADERS: Final = 64
LONGEST_BODY: Final = 4_096
"""Bytes of a body, which is read and not used."""
END_OF_HEAD: Final = b"\r\n\r\n"
_LONGEST_METHOD: Final = 16
_BEGINNING: Final = re.compile(rb"[A-Z]{1,16}(?: |\Z)")
_REQUEST_LINE: Final = re.compile(rb"([A-Z]{1,16}) ([\x21-\x7e]+) (HTTP/[0-9]\.[0-9])")
_HEADER: Final = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\x20-\x7e\x80-\xff\t]*?)[ \t]*")
_ONCE: Final = frozenset({"host", "content-length", "origin", "authorization"})

Reason = Literal[
    "malformed",
    "unfinished",
    "too_large",
    "too_slow",
    "too_many_connections",
    "host",
    "origin",
    "path",
    "method",
    "token",
    "busy",
]
"""Why a request is refused, as `linger_http_refused_total` counts it."""


class Refused(Exception):
    """A request is not answered as asked.

    Attributes:
        status: of the answer.
        reason: by which it is counted.
        problem: a sentence for the client.
        headers: what the answer needs besides.
    """

    def __init__(
        self, status: HTTPStatus, reason: Reason, problem: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(problem)
        self.status = status
        self.reason = reason
        self.problem = problem
        self.headers = headers or {}


@dataclass(frozen=True, slots=True)
class Request:
    """The first lines of a request.

    Attributes:
        method: in capitals.
        path: without the query.
        query: its parameters; of one that is named twice, the last value.
        host: whom it asks, with the port if there is one; None in HTTP/1.0 if it does not say.
        headers: the others, by names in small letters.
        body_length: bytes that follow.
    """

    method: str
    path: str
    host: str | None
    headers: Mapping[str, str]
    body_length: int = 0
    query: Mapping[str, str] = field(default_factory=dict)


def require_possible(beginning: bytes | bytearray) -> None:
    """Refuse bytes that can never become a request: a TLS hello, another protocol, endless headers.

    Raises:
        Refused: as `malformed` or `too_large`.
    """
    if beginning and not _BEGINNING.match(beginning[: _LONGEST_METHOD + 1]):
        raise _malformed("it does not begin with a method")
    if len(beginning) > LONGEST_HEAD:
        raise _too_large(f"its headers have more than {LONGEST_HEAD} bytes")


def parse_head(head: bytes) -> Request:
    """Read a request up to, and without, the empty line that ends its headers.

    Raises:
        Refused: as `malformed` or `too_large`.
    """
    require_possible(head)
    first, *lines = head.split(b"\r\n")
    if len(first) > LONGEST_LINE:
        raise _too_large(f"its first line has more than {LONGEST_LINE} bytes", HTTPStatus.REQUEST_URI_TOO_LONG)
    if (asked := _REQUEST_LINE.fullmatch(first)) is None:
        raise _malformed("its first line is none of HTTP")
    method, target, version = (part.decode() for part in asked.groups())
    if version not in ("HTTP/1.0", "HTTP/1.1"):
        status = HTTPStatus.HTTP_VERSION_NOT_SUPPORTED
        raise Refused(status, "malformed", f"{version} is not spoken here, only HTTP/1.1")
    headers = _headers(lines)
    path, query, authority = _target(target)
    host = authority or headers.get("host")
    if host is None and version == "HTTP/1.1":
        raise _malformed("it has no header Host")
    return Request(method, path, host, headers, _body_length(headers), dict(parse_qsl(query, keep_blank_values=True)))


def _headers(lines: list[bytes]) -> dict[str, str]:
    if len(lines) > MOST_HEADERS:
        raise _too_large(f"it has more than {MOST_HEADERS} headers")
    headers: dict[str, str] = {}
    for line in lines:
        if len(line) > LONGEST_LINE:
            raise _too_large(f"a header has more than {LONGEST_LINE} bytes")
        if (header := _HEADER.fullmatch(line)) is None:
            raise _malformed("a line is no header")
        name, value = header[1].decode().lower(), header[2].decode("latin-1")
        if name in _ONCE and name in headers:
            raise _malformed(f"it has the header {name} twice")
        headers[name] = value
    return headers


def _target(target: str) -> tuple[str, str, str | None]:
    """Return the path and the query of a target, and whom it asks if it says so, as a request to a proxy does."""
    if target.startswith("/"):
        path, _, query = target.partition("?")
        return path, query, None
    try:
        parts = urlsplit(target)
    except ValueError:
        raise _malformed("its target is none") from None
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise _malformed("its target is no path")
    return parts.path or "/", parts.query, parts.netloc


def _body_length(headers: Mapping[str, str]) -> int:
    if "transfer-encoding" in headers:
        raise _malformed("a body with a Transfer-Encoding is not read; send none")
    text = headers.get("content-length", "0")
    if not re.fullmatch(r"[0-9]{1,18}", text):
        raise _malformed("its Content-Length is no number")
    if int(text) > LONGEST_BODY:
        problem = f"its body has more than {LONGEST_BODY} bytes; send none"
        raise _too_large(problem, HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    return int(text)


def _malformed(problem: str) -> Refused:
    return Refused(HTTPStatus.BAD_REQUEST, "malformed", f"this is no request that can be answered: {problem}")


def _too_large(problem: str, status: HTTPStatus = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE) -> Refused:
    return Refused(status, "too_large", f"the request is too large: {problem}")
