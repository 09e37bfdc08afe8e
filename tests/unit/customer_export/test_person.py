"""Laws of who a record is about: by its key, by `customer_id`, or because the id stands in it as a whole word."""

import json

import pytest

from workers.customer_export.person import Person

ADA = Person("ada")


def test_a_key_decides_before_the_content() -> None:
    assert ADA.match_by_key(b"ada", b"junk") == "key"
    assert ADA.match_by_key(b"bob", b'{"customer_id": "ada"}') == "customer_id"
    assert ADA.match_by_key(b"bob", b'{"customer": "ada"}') is None
    assert ADA.match_by_key(None, None) is None


@pytest.mark.parametrize("customer_id", ['<a "q">', "zoë", "a\\b", "a\nb", "שרה"])
def test_an_id_is_found_however_json_writes_it(customer_id: str) -> None:
    for is_ascii in (True, False):
        value = json.dumps({"customer_id": customer_id}, ensure_ascii=is_ascii).encode()
        assert Person(customer_id).match_by_key(None, value) == "customer_id"
        part = json.dumps({"who": customer_id}, ensure_ascii=is_ascii)[:-1].encode()
        assert Person(customer_id).match_anywhere(None, part, ()) == "content"


def test_a_number_is_an_id_too() -> None:
    assert Person("17").match_by_key(None, b'{"customer_id": 17}') == "customer_id"
    assert Person("1").match_by_key(None, b'{"customer_id": true, "a": 1}') is None


@pytest.mark.parametrize(
    "value", [b"ada", b'{"who":"ada"', b"ada;7", b"x ada@example.org", b"\x06ada\x10", b"\xffada9"]
)
def test_an_id_that_stands_in_a_content_is_found(value: bytes) -> None:
    assert ADA.match_anywhere(None, value, ()) == "content"
    assert ADA.match_anywhere(value, None, ()) == ("key" if value == b"ada" else "content")
    assert ADA.match_anywhere(None, b"x", [("who", value)]) == "content"


@pytest.mark.parametrize("value", [b"adam", b"nada", b'{"who":"ada_1"}', "adaß".encode(), b"x"])
def test_the_beginning_of_another_word_is_not_the_id(value: bytes) -> None:
    assert ADA.match_anywhere(None, value, [("h", None), ("g", value)]) is None
