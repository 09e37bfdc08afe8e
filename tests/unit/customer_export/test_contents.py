"""Laws of contents: bytes become plain values, and nothing is lost on the way."""

import json
from base64 import b64decode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.examples import examples
from workers.customer_export.contents import content_of, headers_of, iso_text, json_of, moment_ms


@pytest.mark.parametrize(
    ("value", "form", "content"),
    [
        (None, "none", None),
        (b"", "text", ""),
        (b'{"a": [1, "x"]}', "json", {"a": [1, "x"]}),
        (b'{"a": 123456789012345678901234567890}', "json", {"a": 123456789012345678901234567890}),
        (b"not json", "text", "not json"),
        (b"\xff\x00", "base64", "/wA="),
        (b'{"a": 1, "a": 2}', "text", '{"a": 1, "a": 2}'),
        (b'{"a": NaN}', "text", '{"a": NaN}'),
        (b'{"a": 1e400}', "text", '{"a": 1e400}'),
        (b'{"a": 0.1000000000000000055}', "text", '{"a": 0.1000000000000000055}'),
        (b'{"a": 1.10}', "json", {"a": 1.1}),
        (b'{"a": "\\ud800"}', "text", '{"a": "\\ud800"}'),
        (b"[" * 100_000, "text", "[" * 100_000),
    ],
)
def test_what_json_would_lose_stays_text(value: bytes | None, form: str, content: object) -> None:
    assert content_of(value) == (form, content)


@given(st.binary(max_size=40) | st.text(max_size=20).map(lambda text: json.dumps({"a": text}).encode()))
@examples(200)
def test_every_content_can_be_written_and_leads_back_to_its_bytes(value: bytes) -> None:
    form, content = content_of(value)
    read = json.loads(json.dumps(content, ensure_ascii=False).encode())
    if form == "json":
        assert read == json.loads(value) == json_of(value)
    else:
        assert (read.encode() if form == "text" else b64decode(read)) == value


def test_headers_keep_their_order_and_their_names_even_twice() -> None:
    assert headers_of([("a", b"1"), ("a", b"\xff"), ("b", None)]) == [
        {"name": "a", "form": "text", "value": "1"},
        {"name": "a", "form": "base64", "value": "/w=="},
        {"name": "b", "form": "none", "value": None},
    ]


@given(st.integers(0, 4_102_444_800_000))
@examples(100)
def test_a_moment_is_written_exactly(at_ms: int) -> None:
    assert moment_ms(iso_text(at_ms)) == at_ms


@pytest.mark.parametrize("text", ["tomorrow", None, 7, ""])
def test_what_is_no_moment_is_none(text: object) -> None:
    assert moment_ms(text) is None
    assert iso_text(1 << 60) is None
