"""Laws of the records of a schema registry: which id they name, and what is said of records that name none."""

import pytest

from schemas.events import InvalidEvent, read_json
from workers.core.formats.confluent import compile_registry_reader, read_json_body, schema_id_of

READ = compile_registry_reader(lambda schema_id: lambda raw, start: (schema_id, raw[start:]))


def test_a_record_is_read_with_the_schema_that_it_names() -> None:
    assert READ(b"\x00\x00\x00\x01\x07body") == (263, b"body")
    assert schema_id_of(b"\x00\xff\xff\xff\xffx") == 0xFFFFFFFF


@pytest.mark.parametrize("raw", [None, b"", b"\x01\0\0\0\7x", b"\0\0\0\7", b"\0\0\0\0\7", b'{"a": 1}'])
def test_other_records_name_none(raw: bytes | None) -> None:
    assert schema_id_of(raw) is None
    with pytest.raises(InvalidEvent):
        READ(raw)


@pytest.mark.parametrize(
    ("raw", "reason", "said"),
    [
        (b"", "empty", "no value"),
        (b'{"a": 1}', "no_schema_id", "write 'format: json'"),
        (b"Obj\x01\x04", "no_schema_id", "whole Avro file"),
        (b"\x01" + b"\0" * 17, "no_schema_id", "GUID"),
        (b"plain", "no_schema_id", "serializer"),
        (b"\0" * (1 << 20) + b"\0", "too_large", "at most"),
    ],
)
def test_what_cannot_be_one_is_refused_with_what_to_do(raw: bytes, reason: str, said: str) -> None:
    with pytest.raises(InvalidEvent) as caught:
        READ(raw)
    assert caught.value.reason == reason
    assert said in caught.value.detail


def test_json_of_which_a_schema_is_registered_keeps_the_bounds_of_json() -> None:
    assert read_json_body(b'\0\0\0\0\7{"a": [1]}', 5) == {"a": [1]}
    with pytest.raises(InvalidEvent, match="too_deep"):
        read_json_body(b"\0\0\0\0\7" + b"[" * 40 + b"]" * 40, 5)


@pytest.mark.parametrize(("raw", "is_told"), [(b"\0\0\0\0\7\x02x", True), (b"\0\0\0\0\7", False), (b"<html>", False)])
def test_json_that_begins_as_a_registrys_record_is_told_so(raw: bytes, is_told: bool) -> None:
    with pytest.raises(InvalidEvent, match="not_json") as caught:
        read_json(raw)
    assert (
        "schema registry's record: write 'format: avro' or 'format: json-schema'" in caught.value.detail
    ) == is_told
