"""Laws of places: where a value is found, what means nothing, and what is done to it."""

import hashlib
import hmac
from typing import Any

import pytest

from tests.unit.core.mapping.mapped import KEY, event_of, refusal_of, refused_by_the_schema, source
from workers.core.mapping.converter import compile_converter


def customer(where: Any, **fields: Any) -> Any:
    return source(fields={"customer_id": where, **fields})


GUESTS = [{"path": "customer", "nothing": [0]}, {"path": "billing.email", "lower": True}]


@pytest.mark.parametrize("guest", [0, "", " ", None, "0", 0.0, [], {}])
def test_a_guest_is_who_the_next_place_says_however_the_system_writes_nobody(guest: Any) -> None:
    body = {"customer": guest, "billing": {"email": "Mara@Example.COM"}}
    assert event_of(customer(GUESTS), body).customer_id == "mara@example.com"


def test_a_customer_whose_id_only_begins_like_nothing_is_one() -> None:
    assert event_of(customer(GUESTS), {"customer": 10}).customer_id == "10"
    assert event_of(customer(GUESTS), {"customer": "00"}).customer_id == "00"


def test_a_record_in_which_every_place_is_empty_is_refused_and_all_places_are_named() -> None:
    refusal = refusal_of(customer(GUESTS), {"customer": 0, "billing": {"email": ""}})
    assert (refusal.reason, refusal.field) == ("missing_field", "customer_id")
    assert "path 'customer', or path 'billing.email'" in refusal.detail


def test_nothing_takes_the_beginning_of_a_text() -> None:
    of = customer([{"path": "customer", "nothing": ["$RCAnonymousID:*", "guest"]}, "alias"])
    assert event_of(of, {"customer": "$RCAnonymousID:87c6", "alias": "c-1"}).customer_id == "c-1"
    assert event_of(of, {"customer": "guest", "alias": "c-1"}).customer_id == "c-1"
    assert event_of(of, {"customer": "guest-7", "alias": "c-1"}).customer_id == "guest-7"


def test_a_lowered_text_has_no_blanks_around_it() -> None:
    of = customer({"path": "customer", "lower": True})
    assert event_of(of, {"customer": " Mara@Example.COM\n"}).customer_id == "mara@example.com"


def test_nothing_of_a_lowered_text_is_compared_in_small_letters() -> None:
    of = customer([{"path": "customer", "lower": True, "nothing": ["Guest@Shop.example"]}, "alias"])
    assert event_of(of, {"customer": "GUEST@shop.example", "alias": "c-1"}).customer_id == "c-1"


def test_nothing_at_a_single_place_refuses_the_record() -> None:
    assert refusal_of(customer({"path": "customer", "nothing": [0]}), {"customer": 0}).reason == "missing_field"


def test_true_is_no_id_and_a_list_does_not_make_it_one() -> None:
    assert refusal_of(customer(["customer", "alias"]), {"customer": True, "alias": "c-1"}).reason == "impossible_id"


def test_an_id_that_was_rounded_is_refused_in_a_list_in_a_join_and_hashed() -> None:
    for where in (["customer", "alias"], {"join": ["customer", "id"]}, {"path": "customer", "hashed": True}):
        assert refusal_of(customer(where), {"customer": 2**80}).reason == "impossible_id"


def test_words_say_what_a_value_is_called_here_and_leave_others_as_they_are() -> None:
    of = source("cancellation", fields={"reason": {"path": "why", "words": {"3": "canceled", "BILLING": "unpaid"}}})
    assert event_of(of, {"why": 3}).reason == "canceled"
    assert event_of(of, {"why": "3"}).reason == "canceled"
    assert event_of(of, {"why": "BILLING"}).reason == "unpaid"
    assert event_of(of, {"why": "billing"}).reason == "billing"
    assert event_of(of, {"why": "other"}).reason == "other"


def test_a_word_can_mean_nothing() -> None:
    of = source("cancellation", fields={"reason": [{"path": "why", "words": {"n/a": None}}, "else"]})
    assert event_of(of, {"why": "n/a", "else": "price"}).reason == "price"


def test_a_join_puts_colons_between_and_is_nothing_if_a_part_is_missing() -> None:
    where = [{"join": ["source.name", "source.lsn"]}, "id"]
    of = source(fields={"event_id": where})
    assert event_of(of, {"source": {"name": "pg", "lsn": 17}}).event_id == "pg:17"
    for source_part in ({"name": "pg"}, {"name": "pg", "lsn": None}, {"name": "", "lsn": 17}, None, "x"):
        assert event_of(of, {"source": source_part}).event_id == "e-1"


def test_a_join_takes_lists_constants_and_places_of_the_record() -> None:
    where = {"join": [["no", "id"], {"constant": "x"}, {"topic": True}, {"key": True}]}
    assert event_of(source(fields={"event_id": where}), key=b"k").event_id == "e-1:x:t:k"


def test_a_part_of_a_join_that_is_no_single_value_is_refused_not_written_out() -> None:
    refusal = refusal_of(source(fields={"event_id": {"join": ["id", "lines"]}}), {"lines": [1]})
    assert (refusal.reason, refusal.field) == ("not_flat", "event_id")


def test_hashed_is_the_same_for_a_number_and_its_text_and_needs_the_key() -> None:
    of = customer({"path": "customer", "lower": True, "hashed": True})
    expected = hmac.new(KEY, b"mara@example.com", hashlib.sha256).hexdigest()[:32]
    assert event_of(of, {"customer": "Mara@example.com"}).customer_id == expected
    assert event_of(of, {"customer": 7}).customer_id == event_of(of, {"customer": "7"}).customer_id
    assert refusal_of(of, {"customer": " "}).reason == "missing_field"
    assert of.hashes()
    with pytest.raises(ValueError, match="LINGER_ID_KEY"):
        compile_converter(of, ())


def test_what_is_hashed_never_appears_in_a_refusal() -> None:
    of = customer({"path": "customer", "hashed": True})
    assert "mara" not in refusal_of(of, {"customer": ["mara"]}).detail


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ('traits."Order ID"', {"traits": {"Order ID": "ada"}}),
        ('"a.b".c', {"a.b": {"c": "ada"}}),
        ('"a[0]"', {"a[0]": "ada"}),
        (r'"say \"hi\""', {'say "hi"': "ada"}),
        ("items[-1].id", {"items": [{"id": "x"}, {"id": "ada"}]}),
        ('"topic"', {"topic": "ada"}),
    ],
)
def test_keys_with_dots_blanks_and_brackets_are_quoted_and_lists_can_be_counted_from_the_end(
    path: str, body: dict[str, Any]
) -> None:
    assert event_of(customer(path), body).customer_id == "ada"


@pytest.mark.parametrize("items", [[], None, {"0": "x"}, "x"])
def test_the_last_of_nothing_is_nothing(items: Any) -> None:
    assert refusal_of(customer("items[-1].id"), {"items": items}).reason == "missing_field"


def test_find_searches_in_lists() -> None:
    where = {"find": "meta[?key=='ref'].value | [0]"}
    body = {"meta": [{"key": "x", "value": "no"}, {"key": "ref", "value": "c-1"}]}
    assert event_of(customer(where), body).customer_id == "c-1"
    assert refusal_of(customer(where), {"meta": []}).reason == "missing_field"
    assert event_of(customer([where, "customer"]), {"meta": "x"}).customer_id == "ada"


@pytest.mark.parametrize(
    ("found", "reason"), [([1], "impossible_id"), ({"a": 1}, "impossible_id"), (1.5, "impossible_id")]
)
def test_find_that_gives_a_list_object_or_fraction_is_no_id(found: Any, reason: str) -> None:
    assert refusal_of(customer({"find": "x"}), {"x": found}).reason == reason


def test_find_that_fails_refuses_a_field_leaves_out_an_attribute_and_is_nothing_in_a_list() -> None:
    failing = {"find": "length(x)"}
    refusal = refusal_of(customer(failing), {"x": 5})
    assert (refusal.reason, refusal.field) == ("find_failed", "customer_id")
    assert "length(x)" in refusal.detail
    assert event_of(customer([failing, "customer"]), {"x": 5}).customer_id == "ada"
    event = event_of(source(attributes={"n": failing}), {"x": 5})
    assert event.left_out() == (("n", "find_failed"),)


def test_find_of_an_attribute_that_is_a_list_is_left_out_and_named() -> None:
    event = event_of(source(attributes={"skus": {"find": "lines[].sku"}}), {"lines": [{"sku": "a"}]})
    assert event.left_out() == (("skus", "not_flat"),)


def test_kafkas_timestamp_is_a_time_and_elsewhere_a_number() -> None:
    of = source(fields={"occurred_at": {"timestamp": True}}, attributes={"ms": {"timestamp": True}})
    event = event_of(of, at_ms=1759508092797)
    assert event.occurred_at.isoformat() == "2025-10-03T16:14:52.797000+00:00"
    assert event.attributes == {"ms": 1759508092797}
    assert refusal_of(of, at_ms=-1).reason == "missing_field"


def test_a_header_that_is_no_text_is_nothing_in_a_list_unless_there_is_nothing_else() -> None:
    of = customer([{"header": "who"}, "customer"])
    assert event_of(of, headers=[("who", b"\xff")]).customer_id == "ada"
    assert refusal_of(of, {"customer": None}, headers=[("who", b"\xff")]).reason == "bad_text"


def test_an_attribute_of_several_places_distinguishes_unreadable_from_nothing() -> None:
    of = source(attributes={"consent": ["mail.ok", "consent"]})
    assert event_of(of, {"mail": "no"}).left_out() == (("consent", "not_flat"),)
    assert event_of(of, {"mail": "no", "consent": "yes"}).attributes == {"consent": "yes"}
    assert event_of(of, {}).attributes == {}


def test_an_attribute_can_end_in_a_constant() -> None:
    of = source(attributes={"plan": ["plan", {"constant": "none"}]})
    assert event_of(of, {"plan": ""}).attributes == {"plan": "none"}


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"event_id": {"join": [{"constant": "a"}, {"topic": True}]}}, "same for every record"),
        ({"event_id": ["id", {"constant": "a"}]}, "same for every record"),
        ({"event_id": {"timestamp": True}}, "same timestamp"),
        ({"customer_id": ["customer", {"constant": "guest"}]}, "one customer of all"),
        ({"customer_id": [{"constant": "x"}, "customer"]}, "never reached"),
        ({"customer_id": {"path": "a", "header": "b"}}, "exactly one"),
        ({"customer_id": {"nothing": [0]}}, "exactly one"),
        ({"customer_id": {"whole": "a"}}, "each"),
        ({"event_id": {"header": "h"}, "unwrap": {"each": "a"}}, "every item of a record"),
        ({"event_id": {"join": [{"whole": "id"}, {"key": True}]}, "unwrap": "each"}, "every item of a record"),
        ({"occurred_at": {"timestamp": True, "format": "seconds"}}, "one format only"),
        ({"occurred_at": {"path": "at", "format": "%d/%m"}}, "lacks the year"),
        ({"occurred_at": {"path": "at", "format": "%d/%m/%Y"}}, "has no zone"),
        ({"occurred_at": {"path": "at", "format": "%d/%m/%Y %Z"}}, "%Z"),
        ({"amount": {"path": "a", "unit": "major", "decimals": 2}, "currency": "c"}, "minor units"),
    ],
)
def test_places_that_cannot_be_meant_are_refused(fields: dict[str, Any], words: str) -> None:
    unwrap = fields.pop("unwrap", [])
    assert words in refused_by_the_schema(fields=fields, unwrap=unwrap)
