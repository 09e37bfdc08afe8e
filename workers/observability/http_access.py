"""Who may ask the endpoints: by which host names, from which web pages, and with which token.

A page in a browser on this machine can send requests to loopback, and a DNS name that changes its address lets it
read the answers (DNS rebinding). Both name a foreign host.
"""

import hmac
import ipaddress
from collections.abc import Collection
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

from workers.observability.http_requests import Refused, Request

_PORTS: Final = {"http": 80, "https": 443}


def is_loopback(host: str) -> bool:
    """Return whether only programs on this machine reach a server that listens at this host."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


@dataclass(frozen=True, slots=True)
class Access:
    """Decides about each request.

    Attributes:
        host: where the server listens.
        allowed: more host names, in small letters, by which it may be asked and whose pages may ask.
        token: the bearer token that a change needs; None if none is set.
    """

    host: str
    allowed: Collection[str] = ()
    token: str | None = field(default=None, repr=False)

    def require_known_names(self, request: Request, *, changes: bool) -> None:
        """Refuse a request that names a foreign host, or that a page of another site makes.

        Args:
            request: the request.
            changes: whether it asks for a change.

        Raises:
            Refused: as `host` or `origin`; as `malformed` if a name is none.
        """
        asked = None if request.host is None else _split(request.host)
        if asked is not None and not self._is_known(asked[0]):
            raise Refused(
                HTTPStatus.FORBIDDEN,
                "host",
                "the header Host names another host than this; if it is right, add it to LINGER_HTTP_ALLOWED_HOSTS",
            )
        origin = request.headers.get("origin")
        is_foreign = changes and request.headers.get("sec-fetch-site", "none") not in ("none", "same-origin")
        if origin is not None:
            is_foreign = not self._is_own(origin, asked)
        if is_foreign:
            raise Refused(
                HTTPStatus.FORBIDDEN,
                "origin",
                "a page of another site asks; if it may, add its host to LINGER_HTTP_ALLOWED_HOSTS",
            )

    def require_token(self, request: Request) -> None:
        """Refuse a change that is not allowed here.

        Raises:
            Refused: as `token`.
        """
        if self.token is None:
            if is_loopback(self.host):
                return
            problem = "switched off: it can be reached from outside; set LINGER_HTTP_TOKEN"
            raise Refused(HTTPStatus.FORBIDDEN, "token", problem)
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        # Compared in constant time, so that the duration does not show how much of a guess is right.
        is_right = hmac.compare_digest(given.strip().encode(), self.token.encode())
        if scheme.lower() == "bearer" and is_right:
            return
        raise Refused(
            HTTPStatus.UNAUTHORIZED,
            "token",
            "needs the header `Authorization: Bearer <LINGER_HTTP_TOKEN>`",
            {"WWW-Authenticate": "Bearer"},
        )

    def _is_known(self, name: str) -> bool:
        if is_loopback(name) or name == self.host.lower() or name in self.allowed:
            return True
        # Beyond loopback, monitoring asks by the address or by any name of a service; an address is never rebound.
        return not is_loopback(self.host) and (not self.allowed or _is_address(name))

    def _is_own(self, origin: str, asked: tuple[str, int | None] | None) -> bool:
        """Return whether a page is from this server itself, or from a host that the operator allows."""
        try:
            parts = urlsplit(origin)
            name, port = _split(parts.netloc)
        except (ValueError, Refused):
            return False
        if parts.scheme not in _PORTS:  # `null` among them
            return False
        if name in self.allowed:
            return True
        usual = _PORTS[parts.scheme]
        return asked is not None and name == asked[0] and (port or usual) == (asked[1] or usual)


def _split(authority: str) -> tuple[str, int | None]:
    """Return the name in small letters, without brackets and final dot, and the port if there is one."""
    try:
        parts = urlsplit(f"//{authority}")
        name, port = parts.hostname, parts.port
    except ValueError:
        name, port = None, None
    if not name or parts.path or parts.query or parts.fragment or "@" in authority:
        problem = "the header Host names no host"
        raise Refused(HTTPStatus.BAD_REQUEST, "malformed", problem)
    return name.rstrip("."), port


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
