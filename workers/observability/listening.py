"""Where a server listens: its sockets, and in one line why it cannot."""

import errno
import socket
from typing import Any, Final

BACKLOG: Final = 128
"""Connections that may wait until they are accepted."""
_NOT_HERE: Final = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)


def open_sockets(host: str, port: int) -> list[socket.socket]:
    """Listen at every address of a host; one that the machine cannot have is left out if there is another.

    Args:
        host: an IP address or a name.
        port: 0 for any free one, the same at each address.

    Raises:
        OSError: the port is taken, the host is unknown, or its address is another machine's.
    """
    sockets: list[socket.socket] = []
    missing: OSError | None = None
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        for family, _, _, _, address in dict.fromkeys(found):
            try:
                sockets.append(_listening(family, (address[0], port, *address[2:])))
            except OSError as error:
                if error.errno not in _NOT_HERE:
                    raise
                missing = error
            else:
                port = sockets[0].getsockname()[1]
        if missing is not None and not sockets:
            raise missing
    except BaseException:
        _close(sockets)
        raise
    return sockets


def _listening(family: int, address: tuple[Any, ...]) -> socket.socket:
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listening.bind(address)
        listening.listen(BACKLOG)
    except BaseException:
        listening.close()
        raise
    return listening


def _close(sockets: list[socket.socket]) -> None:
    for listening in sockets:
        listening.close()


def why_not(host: str, port: int) -> str | None:
    """Return why a server cannot listen at a host and port, in one line; None if it can."""
    try:
        sockets = open_sockets(host, port)
    except OSError as error:
        return worded(host, port, error)
    _close(sockets)
    return None


def worded(host: str, port: int, error: OSError) -> str:
    """Return the error of `open_sockets` as one line with the setting to change."""
    if isinstance(error, socket.gaierror):
        return f"LINGER_HTTP_HOST: '{host}' has no address ({error.strerror})"
    if error.errno == errno.EADDRINUSE:
        return (
            f"LINGER_HTTP_PORT: port {port} at {host} is taken, perhaps by another worker; "
            "choose another, or 0 for any free one"
        )
    if error.errno in _NOT_HERE:
        return f"LINGER_HTTP_HOST: '{host}' is no address of this machine; 0.0.0.0 is all of its addresses"
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"LINGER_HTTP_PORT: this user may not listen at port {port}; choose one above 1023"
    return f"LINGER_HTTP_HOST, LINGER_HTTP_PORT: cannot listen at {host}, port {port}: {error.strerror}"
