"""No record of the topic of marks stops a worker, and none that cannot be read lets anybody be written to."""

import msgspec
import pytest

from workers.processor.orders.mark_topic import Copies
from workers.state.marks.mark import Mark, encode_mark

REF = bytes(range(16))
KEY = b'{"key": "0707"}'


def test_a_mark_that_cannot_be_read_counts_as_a_suppression() -> None:
    found = Copies({0: {}})
    found.take(0, REF.hex().encode(), encode_mark(Mark("topic", opted_out_ms=5)))
    found.take(0, REF.hex().encode(), b"\xc1 no mark")
    assert found.marks[0][REF].suppressed_ms > 0


@pytest.mark.parametrize("key", [None, b"", b"ada", b"\xff\xfe", b"00", REF.hex().encode() + b"00"])
def test_a_record_of_no_customer_is_left_out(key: bytes | None) -> None:
    found = Copies({0: {}})
    found.take(0, key, encode_mark(Mark("topic", opted_out_ms=5)))
    assert found.marks == {0: {}}


@pytest.mark.parametrize(
    "value", [None, b"", b"{}", b"[]", b"\xff", b'{"key": 5}', b'{"key": "zz"}', b'{"key": ""}', b'{"other": "07"}']
)
def test_a_key_of_marks_that_cannot_be_read_replaces_none(value: bytes | None) -> None:
    found = Copies()
    found.take(0, b"key", KEY)
    found.take(0, b"key", value)
    assert found.key_fields == msgspec.json.decode(KEY)
