"""Laws of a request: what is not certainly one is refused, for any bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.observability.http_requests import (
    LONGEST_BODY,
    LONGEST_HEAD,
    LONGEST_LINE,
    MOST_HEADERS,
    Refused,
    Request,
    parse_head,
    require_possible,
)

HOST = b"Host: localhost:8080"


def refusal(*lines: bytes) -> tuple[int, str]:
    with pytest.raises(Refused) as caught:
        parse_head(b"\r\n".join(lines))
    return caught.value.status.value, caught.value.reason


def test_a_request_is_read() -> None:
    read = parse_head(
        b"\r\n".join([b"GET /readyz?verbose HTTP/1.1", HOST, b"X-Empty:", b"Authorization:  Bearer x "])
    )
    headers = {"host": "localhost:8080", "x-empty": "", "authorization": "Bearer x"}
    assert read == Request("GET", "/readyz", "localhost:8080", headers, query={"verbose": ""})


def test_an_old_request_may_leave_out_whom_it_asks() -> None:
    assert parse_head(b"GET /livez HTTP/1.0").host is None
    assert refusal(b"GET /livez HTTP/1.1") == (400, "malformed")


def test_a_whole_address_says_whom_it_asks() -> None:
    read = parse_head(b"\r\n".join([b"GET http://other:1/livez?x HTTP/1.1", HOST]))
    assert (read.host, read.path, read.query) == ("other:1", "/livez", {"x": ""})


@pytest.mark.parametrize(
    "first",
    [
        b"",
        b"GET",
        b"GET /",
        b"GET  / HTTP/1.1",
        b"GET / HTTP/1.1 ",
        b"get / HTTP/1.1",
        b" GET / HTTP/1.1",
        b"GET /\xff HTTP/1.1",
        b"GET /\x00 HTTP/1.1",
        b"GET /a\tb HTTP/1.1",
        b"GET * HTTP/1.1",
        b"GET livez HTTP/1.1",
        b"GET ftp://a/ HTTP/1.1",
        b"GET http:///a HTTP/1.1",
        b"GET http://[a/ HTTP/1.1",
        b"GET / HTTP/1",
        b"GET / http/1.1",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
)
def test_a_first_line_that_is_none_is_refused(first: bytes) -> None:
    assert refusal(first, HOST) == (400, "malformed")


@pytest.mark.parametrize("version", [b"HTTP/2.0", b"HTTP/0.9", b"HTTP/1.2"])
def test_another_version_is_refused(version: bytes) -> None:
    assert refusal(b"GET / " + version, HOST) == (505, "malformed")


@pytest.mark.parametrize(
    "line",
    [
        b"no colon",
        b": no name",
        b"blank : x",
        b" folded",
        b"Zero: \x00",
        b"Return: a\rb",
        b"Feed: a\nb",
        b"Host: twice",
        b"Content-Length: -1",
        b"Content-Length: 1,1",
        b"Content-Length: 0x10",
        b"Content-Length:",
        b"Transfer-Encoding: chunked",
    ],
)
def test_a_header_that_is_none_or_can_be_read_in_two_ways_is_refused(line: bytes) -> None:
    assert refusal(b"POST /-/reload HTTP/1.1", HOST, line) == (400, "malformed")


def test_lengths_and_numbers_are_bounded() -> None:
    first = b"GET / HTTP/1.1"
    many = [b"X: y"] * (MOST_HEADERS - 1)
    assert parse_head(b"\r\n".join([first, HOST, *many])).method == "GET"
    assert refusal(first, HOST, *many, b"X: y") == (431, "too_large")
    assert refusal(first, HOST, b"X: " + b"y" * LONGEST_LINE) == (431, "too_large")
    assert refusal(b"GET /" + b"x" * LONGEST_LINE + b" HTTP/1.1", HOST) == (414, "too_large")
    assert refusal(first, HOST, *[b"X: " + b"y" * 8_000] * 3) == (431, "too_large")
    length = b"Content-Length: %d"
    assert parse_head(b"\r\n".join([first, HOST, length % LONGEST_BODY])).body_length == LONGEST_BODY
    assert refusal(first, HOST, length % (LONGEST_BODY + 1)) == (413, "too_large")
    assert refusal(first, HOST, length % 10**17) == (413, "too_large")


@pytest.mark.parametrize("beginning", [b"", b"G", b"GET", b"GET ", b"GET /livez HTTP/1.1\r\nHost: x"])
def test_what_can_become_a_request_is_waited_for(beginning: bytes) -> None:
    require_possible(beginning)


@pytest.mark.parametrize(
    "beginning", [b"\x16", b"\r\n", b"get", b"GET\t", b"A" * 17, b"SSH-2.0-x", b"*1\r\n$4\r\nPING"]
)
def test_what_cannot_become_one_is_refused_at_its_first_bytes(beginning: bytes) -> None:
    with pytest.raises(Refused, match="does not begin with a method"):
        require_possible(beginning)


def test_headers_without_an_end_are_refused() -> None:
    with pytest.raises(Refused, match="headers have more than"):
        require_possible(b"GET / HTTP/1.1\r\nX: " + b"y" * LONGEST_HEAD)


@given(st.one_of(st.binary(), st.binary().map(lambda rest: b"GET / HTTP/1.1\r\nHost: x\r\n" + rest)))
def test_any_bytes_are_a_request_or_refused(head: bytes) -> None:
    try:
        read = parse_head(head)
    except Refused as refused:
        outcome = 400 <= refused.status.value < 600
    else:
        outcome = read.path.startswith("/") and 0 <= read.body_length <= LONGEST_BODY
    assert outcome
