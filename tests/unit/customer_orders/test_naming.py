"""Laws of the search for ids in contents: as text or escaped by JSON, a short id only as a whole word."""

import json

import pytest

from workers.customer_orders.naming import Naming

IDS = ("ada@example.org", "Zoë Müller-1", 'quote"in/side', "back\\slash-id", "日本語の顧客番号")


@pytest.mark.parametrize("customer_id", IDS)
def test_an_id_is_found_as_text_and_in_json_of_any_writer(customer_id: str) -> None:
    naming = Naming([customer_id])
    for content in (
        customer_id,
        json.dumps({"customer": customer_id}),
        json.dumps({"customer": customer_id}, ensure_ascii=False),
        json.dumps({"customer": customer_id}).replace("/", "\\/"),
    ):
        assert naming.names([None, content.encode()])
        assert not Naming([f"{customer_id}-2"]).names([content.encode()])


def test_json_with_escapes_in_capitals_is_found() -> None:
    assert Naming(["Zoë Müller"]).names([rb'{"id": "Zo\u00EB M\u00FCller"}'])


@pytest.mark.parametrize("content", [b"42", b'{"id": 42}', b"a,42,b", b"\x0242\x00"])
def test_a_short_id_is_found_as_a_whole_word(content: bytes) -> None:
    assert Naming(["42"]).names([content])


@pytest.mark.parametrize("content", [b"142", b"420", b'{"id": 4242}', b"a42", b"42_", b""])
def test_a_short_id_is_not_found_inside_another_word(content: bytes) -> None:
    assert not Naming(["42"]).names([content])


def test_a_long_id_is_found_beside_letters_as_binary_formats_write_it() -> None:
    assert Naming(["0b5c8f9a-uuid"]).names([b"H0b5c8f9a-uuidZ"])


def test_each_of_several_ids_is_found_and_what_is_special_in_patterns_is_not() -> None:
    naming = Naming(["a.b+c*d?e", "ada-lovelace"])
    assert naming.names([b"a.b+c*d?e"])
    assert naming.names([b"x", b"ada-lovelace"])
    assert not naming.names([b"aXbbcd?e", b"ada lovelace"])


def test_without_ids_nothing_is_found() -> None:
    assert not Naming([]).names([b"", b"ada"])
