"""Laws of the endpoints: who may change something, and that no answer shows a customer."""

import asyncio
import urllib.error
import urllib.request

import pytest

from workers.errors import StartupError
from workers.observability.http_access import is_loopback
from workers.observability.http_server import Endpoints, Reloaded
from workers.observability.metrics import REGISTRY
from workers.settings import read_settings

TOKEN = "a-token-of-the-tests"
EVERYWHERE = "0.0.0.0"


def answer(method: str, path: str, *, host: str = "127.0.0.1", token: str | None = None, **headers: str) -> int:
    """The status with which endpoints at a host answer one request."""

    async def reload() -> Reloaded:
        return Reloaded()

    async def ask() -> int:
        listening = Endpoints(host, 0, dict, dict, reload, token)
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


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/metrics"])
def test_looking_wants_no_token(path: str) -> None:
    assert answer("GET", path, host=EVERYWHERE, token=TOKEN) == 200


def test_looking_cannot_reload() -> None:
    assert answer("GET", "/-/reload") == 405


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("10.0.0.1", False),
        ("worker.example", False),
    ],
)
def test_only_loopback_is_loopback(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


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
        *("topic", "type", "what", "pattern", "reason", "outcome", "action", "rule", "status", "decision"),
        *("attribute", "answer", "because", "case"),
    }
