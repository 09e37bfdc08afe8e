"""Laws of access: on loopback, only loopback is asked by name, and no page of another site asks for anything."""

from collections.abc import Collection

import pytest

from workers.observability.http_access import Access, is_loopback
from workers.observability.http_requests import Refused, Request

LOOPBACK = "127.0.0.1"
EVERYWHERE = "0.0.0.0"


def reason(
    host: str | None,
    *,
    bound: str = LOOPBACK,
    allowed: Collection[str] = (),
    changes: bool = False,
    **headers: str,
) -> str | None:
    """Why a request is refused; headers are given with _ for -."""
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    try:
        Access(bound, allowed).require_known_names(Request("GET", "/", host, named), changes=changes)
    except Refused as refused:
        return refused.reason
    return None


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:8080", "localhost.", "127.0.0.1:8080", "127.9.9.9", "[::1]:8080", None]
)
@pytest.mark.parametrize("bound", [LOOPBACK, "::1", "localhost", EVERYWHERE])
def test_loopback_may_be_asked_wherever_the_worker_listens(host: str | None, bound: str) -> None:
    assert reason(host, bound=bound) is None
    assert reason(host, bound=bound, changes=True) is None


@pytest.mark.parametrize(
    "host",
    ["rebind.evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "10.0.0.5:8080", "evil", "0.0.0.0"],
)
@pytest.mark.parametrize("bound", [LOOPBACK, "::1", "localhost"])
def test_on_loopback_no_other_name_is_answered(host: str, bound: str) -> None:
    assert reason(host, bound=bound) == "host"


@pytest.mark.parametrize("host", ["", ":80", "a:b", "a:99999", "user@localhost", "a/b", "a?b", "a#b", "[::1", "[a]b"])
@pytest.mark.parametrize("bound", [LOOPBACK, EVERYWHERE])
def test_a_host_that_is_none_is_no_request(host: str, bound: str) -> None:
    assert reason(host, bound=bound) in ("malformed", "host")


def test_an_operator_allows_other_names() -> None:
    assert reason("Linger.Example:80", allowed={"linger.example"}) is None
    assert reason("other.example", allowed={"linger.example"}) == "host"


def test_beyond_loopback_any_name_is_answered_until_names_are_configured() -> None:
    assert reason("worker:8080", bound=EVERYWHERE) is None
    assert reason("worker:8080", bound=EVERYWHERE, allowed={"linger.example"}) == "host"
    assert reason("linger.example", bound=EVERYWHERE, allowed={"linger.example"}) is None
    assert reason("10.0.0.5:8080", bound=EVERYWHERE, allowed={"linger.example"}) is None
    assert reason("worker.example", bound="worker.example", allowed={"linger.example"}) is None


@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "null", "http://localhost:3000", "http://localhost", "file://", "http://localhost:8080@evil",
     "http://[", "x-localhost:8080", "", "http://127.0.0.1:8080"],
)  # fmt: skip
@pytest.mark.parametrize("changes", [True, False])
def test_a_page_of_another_site_is_refused(origin: str, changes: bool) -> None:
    assert reason("localhost:8080", origin=origin, changes=changes) == "origin"


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("localhost:8080", "http://localhost:8080"),
        ("localhost", "http://localhost:80"),
        ("localhost", "https://localhost"),
        ("[::1]:8080", "http://[::1]:8080"),
    ],
)
def test_its_own_page_may_ask(host: str, origin: str) -> None:
    assert reason(host, origin=origin, changes=True) is None


def test_pages_of_allowed_hosts_may_ask() -> None:
    allowed = {"desk.example"}
    assert reason("localhost", origin="https://desk.example", changes=True, allowed=allowed) is None
    assert reason("localhost", origin="https://desk.example.evil", changes=True, allowed=allowed) == "origin"


@pytest.mark.parametrize("site", ["cross-site", "same-site", "something-new"])
def test_a_browser_that_names_no_page_may_look_and_not_change(site: str) -> None:
    assert reason("localhost", sec_fetch_site=site, changes=True) == "origin"
    assert reason("localhost", sec_fetch_site=site) is None


@pytest.mark.parametrize("site", ["none", "same-origin"])
def test_a_browser_that_asks_for_itself_may_change(site: str) -> None:
    assert reason("localhost", sec_fetch_site=site, changes=True) is None


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


def test_a_token_is_in_no_text() -> None:
    assert "hunter2" not in repr(Access(LOOPBACK, (), "hunter2"))
