"""Laws of listening: why a server cannot is one line that names the setting."""

import errno
import socket
from collections.abc import Iterator

import pytest

from workers.observability.listening import open_sockets, why_not, worded

LOOPBACK = "127.0.0.1"


@pytest.fixture
def taken() -> Iterator[int]:
    """A port at which another program listens."""
    with socket.create_server((LOOPBACK, 0)) as server:
        yield server.getsockname()[1]


def test_a_free_port_is_free_afterwards() -> None:
    assert why_not(LOOPBACK, 0) is None
    (opened,) = open_sockets(LOOPBACK, 0)
    port = opened.getsockname()[1]
    opened.close()
    assert why_not(LOOPBACK, port) is None


@pytest.mark.parametrize("host", [LOOPBACK, "localhost", "0.0.0.0"])
def test_a_port_that_is_taken_is_named(taken: int, host: str) -> None:
    problem = why_not(host, taken)
    assert problem is not None
    assert problem.startswith(f"LINGER_HTTP_PORT: port {taken} at {host} is taken")
    assert "\n" not in problem


def test_a_host_of_another_machine_is_named() -> None:
    assert (why_not("203.0.113.7", 0) or "").startswith(
        "LINGER_HTTP_HOST: '203.0.113.7' is no address of this machine"
    )


def test_a_host_without_an_address_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*arguments: object, **more: object) -> list[object]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    assert why_not("worker", 0) == "LINGER_HTTP_HOST: 'worker' has no address (Name or service not known)"


@pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM])
def test_a_port_that_needs_a_right_is_named(number: int) -> None:
    assert worded(LOOPBACK, 80, OSError(number, "no")).startswith(
        "LINGER_HTTP_PORT: this user may not listen at port 80"
    )


def test_a_name_with_an_address_that_the_machine_cannot_have_listens_at_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 0)) for address in ("203.0.113.7", LOOPBACK)]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *arguments, **more: found)
    (opened,) = open_sockets("worker", 0)
    with opened:
        assert opened.getsockname()[0] == LOOPBACK
