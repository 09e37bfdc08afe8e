"""Laws of the guess: of streams that no pack covers it writes a file that is valid and maps them right.

The samples in `tests/data/streams-to-guess` are made up; names, nesting and types follow what the systems document.
"""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest

from schemas.events import InvalidEvent
from schemas.sources import Source
from tests.support.paths import ROOT
from workers.core.mapping.converter import Canonical, compile_converter, compile_many
from workers.core.mapping.record import SourceRecord
from workers.source_files.packs import pack_names
from workers.source_files.reading import read_sources
from workers.source_trial.guessing.topic import Guessed, guess_topic
from workers.source_trial.samples import Given, samples_in_file

STREAMS: Final = ROOT / "tests" / "data" / "streams-to-guess"
LATEST_MS: Final = round(datetime(2027, 1, 1, tzinfo=UTC).timestamp() * 1000)
PURCHASE: Final = {"type": "purchase", "occurred_at": "2026-10-03T16:14:52Z", "amount": "64.35", "currency": "USD"}
LOGIN: Final = {"type": "login", "occurred_at": "2026-10-03T13:59:50.412000Z"}
MARA: Final = "C-20417"

EVENTS: Final[dict[str, list[dict[str, Any]]]] = {
    "adyen_authorisation.json": [
        PURCHASE | {"customer_id": MARA, "currency": "EUR", "event_id": "NC6HT9CRT65ZGN82:AUTHORISATION"}
    ],
    "amplitude_export.jsonl": [
        PURCHASE | {"customer_id": MARA, "order_id": "10432", "occurred_at": "2026-10-03T16:14:52.797000Z"},
        {"type": "login", "customer_id": MARA, "event_id": "f47ac10b-58cc-4372-a567-0e02b2c3d480"},
    ],
    "clerk_session_created.json": [
        LOGIN | {"customer_id": "user_2b6xjZ", "occurred_at": "2026-10-03T16:14:52.900000Z"}
    ],
    "cloudevents_logins.jsonl": [LOGIN | {"customer_id": MARA, "occurred_at": "2026-10-03T13:59:50Z"}],
    "cloudtrail_signin.json": [LOGIN | {"customer_id": "111122223333", "occurred_at": "2026-10-03T13:59:50Z"}],
    "debezium_schemaless_payments.jsonl": [
        PURCHASE | {"customer_id": "20417", "event_id": "bank:payments:binlog.000012:4711:0:501"},
        PURCHASE | {"customer_id": "20418", "amount": "9.99", "occurred_at": "2026-10-03T16:16:32Z"},
        PURCHASE | {"customer_id": "20411", "amount": "29.00", "occurred_at": "2026-05-29T08:43:12Z"},
    ],
    "firebase_purchase.json": [
        PURCHASE | {"customer_id": MARA, "order_id": "10432", "occurred_at": "2026-10-03T16:14:52.797123Z"}
    ],
    "flat_sales.csv": [
        PURCHASE | {"customer_id": "20417", "event_id": "900001", "occurred_at": "2026-10-03T16:14:52.797123Z"},
        PURCHASE | {"customer_id": "20418", "amount": "12.00", "occurred_at": "2026-10-03T16:16:32.797123Z"},
        PURCHASE | {"customer_id": "20417", "amount": "5.10", "occurred_at": "2026-10-03T16:18:12.797123Z"},
    ],
    "fusionauth_login.json": [
        LOGIN
        | {"customer_id": "00000000-0000-0001-0000-000000000000", "occurred_at": "2026-10-03T16:14:52.797000Z"}
        | {"event_id": "e502168a-b469-45d9-a079-fd45f83e0406"}
    ],
    "inhouse_shop_events.jsonl": [
        PURCHASE | {"customer_id": MARA, "currency": "EUR", "occurred_at": "2026-10-03T16:14:52.797000Z"},
        {"type": "purchase", "customer_id": "guest@example.com", "amount": "11.90", "currency": "EUR"},
        {"type": "login", "customer_id": MARA},
        {"type": "cancellation", "customer_id": "C-20418", "what": "coffee-monthly", "reason": "moving"},
    ],
    "kcat_header_typed.jsonl": [
        PURCHASE | {"customer_id": MARA, "currency": "EUR", "event_id": "9f1"},
        {"type": "cancellation", "customer_id": "C-20418", "event_id": "9f2", "reason": "price"},
    ],
    "klaviyo_placed_order.json": [PURCHASE | {"customer_id": "01GDDKASAP8TKDDA2GRZDSVP4H"}],
    "lemonsqueezy_order.json": [PURCHASE | {"customer_id": "7712", "event_id": "1:order_created"}],
    "magento_order.json": [PURCHASE | {"customer_id": "20417", "event_id": "10432"}],
    "medusa_order_placed.json": [
        PURCHASE | {"customer_id": "cus_01HV", "currency": "EUR", "occurred_at": "2026-10-03T16:14:52.797000Z"}
    ],
    "mixpanel_events.jsonl": [
        PURCHASE | {"customer_id": MARA, "event_id": "5d958f87-542d-4c10-9422-0ed75893dc81"},
        {"type": "login", "customer_id": MARA, "occurred_at": "2026-10-03T16:13:10Z"},
        {"type": "cancellation", "customer_id": "C-11200", "what": "pro", "reason": "too expensive"},
    ],
    "mollie_payment.json": [
        PURCHASE | {"customer_id": "cst_8wmqcHMN4U", "currency": "EUR", "event_id": "tr_7UhSN1zuXS:paid"}
    ],
    "okta_session_start.json": [LOGIN | {"customer_id": "00u6e7i8n4XhJ1vGq0h7"}],
    "paddle_transaction_completed.json": [
        PURCHASE | {"customer_id": "ctm_01hv6y1jedq4p1n0yqn5ba3ky4", "occurred_at": "2026-10-03T16:14:52.797000Z"}
    ],
    "paypal_capture_completed.json": [
        PURCHASE | {"customer_id": "QYR5Z8XDVJNXQ", "occurred_at": "2026-10-03T16:14:53.722000Z"}
    ],
    "pubsub_base64.json": [PURCHASE | {"customer_id": "A-9", "currency": "GBP", "order_id": "p-77"}],
    "razorpay_payment_captured.json": [
        PURCHASE
        | {"customer_id": "cust_DEApNtwGCNVXWY", "amount": "6435.00", "currency": "INR"}
        | {"occurred_at": "2026-10-03T16:14:53Z"}
    ],
    "salesforce_opportunity_change.json": [PURCHASE | {"customer_id": "001xx000003DGbXAAW", "amount": "6435.0"}],
    "sns_notification.json": [PURCHASE | {"customer_id": MARA, "occurred_at": "2026-10-03T16:14:52.797000Z"}],
    "spree_order.json": [
        PURCHASE | {"customer_id": "20417", "currency": "EUR", "occurred_at": "2026-10-03T14:14:52Z"}
    ],
    "square_payment_updated.json": [
        PURCHASE
        | {"customer_id": "RDX9Z4XTIZR7MRZJUXNY9HUK6I", "occurred_at": "2026-10-03T16:14:53.308000Z"}
        | {"event_id": "hYy9pRFVxpDsO1FB05SunFWUe9JZY:COMPLETED"}
    ],
    "supabase_auth_audit.jsonl": [
        {"type": "login", "customer_id": "9b2f6c1e-58a4-4c7e-9a57-1f7a7f9a1c11"},
        {"type": "login", "customer_id": "5d0e7a1f-2b3c-4d5e-8f6a-7b8c9d0e1f2a"},
    ],
    "us_dates_batch.json": [
        PURCHASE | {"customer_id": "L-20417", "event_id": "T-1"},
        PURCHASE | {"customer_id": "L-20418", "amount": "8.00", "occurred_at": "2026-10-23T09:00:00Z"},
    ],
    "avro_as_json_order.json": [
        {"type": "purchase", "event_id": "o-1", "customer_id": "991", "amount": "12.5", "currency": "EUR"}
    ],
    "braintree_subscription_charged.json": [
        {"type": "purchase", "customer_id": "cus_771", "amount": "19.99", "currency": "USD"}
        | {"event_id": "sub_8k2:subscription_charged_successfully:2026-10-05T11:12:13Z"}
    ],
    "cognito_post_authentication.json": [
        {"type": "login", "customer_id": "5b1e9d5a-1111-4222-8333-abcdefabcdef"}
        | {"occurred_at": "2026-10-03T16:14:52.797000Z"}
    ],
    "connect_jdbc_orders.jsonl": [
        {"type": "purchase", "event_id": str(1000 + row), "customer_id": str(70000 + row), "amount": f"{20 + row}.50"}
        for row in range(3)
    ],
    "debezium_mongodb_order.json": [
        {"type": "purchase", "event_id": "m:1791018895000:65f0c0ffee", "customer_id": "u-7", "amount": "64.35"}
        | {"occurred_at": "2026-10-03T09:14:52.123000Z", "currency": "EUR"}
    ],
    "ecwid_order_created.json": [
        {"type": "purchase", "event_id": "80aece08-40e8-4145-8764-6c2f0d38678", "customer_id": "81"}
        | {"occurred_at": "2026-10-03T09:14:52Z", "amount": "64.35", "currency": "USD"}
    ],
    "game_purchase.json": [
        {"type": "purchase", "event_id": "GPA.33:iap_purchase", "customer_id": "pl-9", "amount": "4.990000"}
    ],
    "inhouse_dutch_logins.jsonl": [
        {"type": "login", "customer_id": str(4411 + row), "occurred_at": f"2026-10-03T09:14:{52 + row}Z"}
        for row in (1, 2, 3)
    ],
    "inhouse_dutch_order.json": [
        {"type": "purchase", "event_id": "20261003-44", "customer_id": "K99812", "amount": "64.35", "currency": "EUR"}
    ],
    "inhouse_german_events.jsonl": [
        {"type": "cancellation", "customer_id": "500", "occurred_at": "2026-10-03T07:00:00Z", "reason": "preis"},
        {"type": "purchase", "customer_id": "501", "order_id": "B-901", "amount": "20.00", "currency": "EUR"},
        {"type": "purchase", "customer_id": "502", "order_id": "B-902", "amount": "20.01", "currency": "EUR"},
        {"type": "cancellation", "customer_id": "503", "occurred_at": "2026-10-03T07:03:00Z", "reason": "preis"},
    ],
    "inhouse_order_of_a_guest.json": [
        {"type": "purchase", "event_id": "A-10432:order", "customer_id": "mara@example.com", "amount": "64.35"}
    ],
    "maxio_renewal_success.json": [
        {"type": "purchase", "event_id": "9911", "customer_id": "14399371", "amount": "10.00", "currency": "USD"}
        | {"occurred_at": "2026-10-01T04:01:01Z"}
    ],
    "mparticle_batch.json": [
        {"type": "purchase", "customer_id": "cust-9", "order_id": "foo-tx-1", "amount": "149.5", "currency": "USD"}
    ],
    "outbox_cancellation.json": [
        {"type": "cancellation", "event_id": "5f-1", "customer_id": "acc-1", "reason": "PRICE"}
    ],
    "xml_as_json_order.json": [
        {"type": "purchase", "event_id": "O-1", "customer_id": "BP-9", "amount": "64.35", "currency": "EUR"}
    ],
    "zendesk_ticket_created.json": [
        {"type": "activity", "customer_id": "8447388090494", "event_id": "cbe4028c-7239-495d-b020-f22348516046"}
    ],
}


def records_of(file: Path) -> list[SourceRecord]:
    return [sample.record for sample in samples_in_file(file, Given("a.stream", timestamp_ms=1791044092797))]


def guessed(records: list[SourceRecord], topic: str = "a.stream") -> Guessed:
    return guess_topic(records, topic, "samples", pack_names())


def source_in(text: str) -> tuple[Source, frozenset[str]]:
    sources, problems = read_sources("the guess", text)
    assert sources is not None, [*map(str, problems), text]
    assert not problems
    return sources.sources[0], frozenset(sources.event_types)


def mapped(text: str, records: list[SourceRecord]) -> list[dict[str, Any]]:
    """The events that a guessed file makes of records."""
    source, declared = source_in(text)
    found: list[object] = []
    if source.has_many():
        convert_many = compile_many(source, declared)
        found = [entry for record in records for entry in convert_many(record, LATEST_MS)]
    else:
        convert = compile_converter(source, declared)
        found = [convert(record, LATEST_MS) for record in records]
    assert not [entry for entry in found if isinstance(entry, InvalidEvent)]
    return [json.loads(entry.value) for entry in found if isinstance(entry, Canonical)]


def test_every_stream_has_its_events_here() -> None:
    thin = {"bigcommerce_order_created.json"}
    assert {file.name for file in STREAMS.iterdir()} == {*EVENTS} | thin


@pytest.mark.parametrize("name", EVENTS)
def test_the_first_guess_maps_a_stream_right(name: str) -> None:
    records = records_of(STREAMS / name)
    text = guessed(records).text
    events = mapped(text, records)
    assert len(events) == len(EVENTS[name]), text
    for event, wanted in zip(events, EVENTS[name], strict=True):
        assert {key: event.get(key) for key in wanted} == wanted, text


def body(**values: Any) -> SourceRecord:
    return SourceRecord("a.stream", 0, 0, 0, None, json.dumps(values).encode(), ())


ORDER: Final = {
    **{"event_id": "e1", "customer_id": "c1", "created_at": "2026-10-03T16:14:52Z", "type": "order.paid"},
    **{"total": "64.35", "currency": "USD"},
}


def test_a_stream_that_names_no_one_says_so_and_invents_no_customer() -> None:
    found = guessed(records_of(STREAMS / "bigcommerce_order_created.json"))
    assert "nothing looks like a customer" in found.text
    assert "names no amount, which a purchase needs" in found.text
    assert source_in(found.text)[0].types() == ("activity",)


def test_an_amount_in_whole_numbers_is_marked_with_both_meanings() -> None:
    text = guessed([body(**{**ORDER, "total": 6435})]).text
    assert "CHECK: in 1 of 1 sample, such as 6435: a whole number, is it 64.35 USD (unit: minor) or 6435 USD?" in (
        " ".join(text.replace("#", " ").split())
    )


def test_where_all_samples_are_of_guests_both_places_are_named_and_marked() -> None:
    text = guessed([body(number="A-1", customer_id=0, email="Mara@Example.com", total="1.00", currency="EUR")]).text
    assert "customer_id: [{path: customer_id, nothing: [0]}, {path: email, lower: true}]" in text
    assert "CHECK: all samples are of guests: 'customer_id' is 0" in text


@pytest.mark.parametrize("name", ["userPoolId", "customer_group_id", "user_agent_id", "customerSegmentNo"])
def test_the_id_of_something_that_only_belongs_to_a_person_is_no_customer(name: str) -> None:
    assert "customer_id: {key: true}" in guessed([body(**{name: "x-1", "at": "2026-10-03T09:14:52Z"})]).text


@pytest.mark.parametrize(
    "name", ["Kundennummer", "klantnummer", "KUNDENNR", "cust_no", "customerno", "usr_id", "id_cliente"]
)
def test_a_customer_is_found_in_any_language_and_style_of_the_name(name: str) -> None:
    assert f"customer_id: {name}" in guessed([body(**{name: "x-1", "at": "2026-10-03T09:14:52Z"})]).text


def test_the_id_of_a_subscription_alone_never_tells_its_charges_apart() -> None:
    charge = {"kind": "subscription_charged", "subscription_id": "s-1", "user_id": "u-1", "total": "9.90"}
    records = [body(**charge, at=f"2026-{month:02}-03T09:14:52Z", currency="EUR") for month in (9, 10, 11)]
    events = mapped(guessed(records[:1]).text, records)
    assert len({event["event_id"] for event in events}) == 3


def test_the_time_of_an_event_is_not_when_its_customer_was_created() -> None:
    record = body(
        customer={"id": "c-1", "created_at": "2021-01-01T00:00:00Z"},
        sent_at="2026-10-03T09:15:00Z",
        change={"created_at": "2026-10-03T09:14:52Z"},
    )
    assert "occurred_at: change.created_at" in guessed([record]).text


def test_two_values_that_mean_the_same_are_marked_as_they_may_be_one_purchase_twice() -> None:
    order = {"user_id": "u-1", "total": "9.90", "currency": "EUR", "at": "2026-10-03T09:14:52Z"}
    text = guessed(
        [body(event="order.created", order_id="1", **order), body(event="order.paid", order_id="1", **order)]
    ).text
    assert "CHECK: is each of these a purchase, and none of them the same one again?" in text


def test_where_no_customer_is_found_the_ids_to_choose_from_are_named() -> None:
    text = guessed([body(id="1", guestProfileId="g-1", at="2026-10-03T09:14:52Z", status="x-1")]).text
    assert "name the place, or no record can be read; is it" in text
    assert "guestProfileId?" in text
    assert "customer_id: {key: true}" in text


def test_a_field_with_the_name_of_a_word_of_conditions_is_written_as_a_field() -> None:
    at = "2026-10-03T09:14:52Z"
    records = [body(topic="user.login", id="1", user_id="u-1", at=at), body(topic="user.logout", id="2", at=at)]
    assert [event["type"] for event in mapped(guessed(records).text, records)] == ["login"]


def test_a_purchase_that_was_called_off_is_no_cancellation_of_a_customer() -> None:
    ride = {"user_id": "u-1", "total": "9.90", "currency": "EUR", "at": "2026-10-03T09:14:52Z"}
    records = [body(trip_id=str(number), status=state, **ride) for number, state in enumerate(("PAID", "CANCELLED"))]
    assert [event["type"] for event in mapped(guessed(records).text, records)] == ["purchase"]


def test_a_state_of_having_been_paid_counts_in_other_languages_too() -> None:
    order = {"kundennr": "1", "gesamtbetrag": "9.90", "waehrung": "EUR", "bestelldatum": "2026-10-03T09:14:52Z"}
    records = [
        body(bestellnr=str(number), status=state, **order) for number, state in enumerate(("offen", "bezahlt"))
    ]
    assert [event["order_id"] for event in mapped(guessed(records).text, records)] == ["1"]


def test_the_time_of_a_changed_row_is_the_rows_own_before_that_of_the_connector() -> None:
    row = {"id": 9, "user_id": 31, "updated_at": 1791018892000000}
    source = {"connector": "mysql", "name": "shop", "ts_ms": 1791018893000, "table": "subscriptions"}
    change = body(before=row | {"state": "active"}, after=row | {"state": "cancelled"}, source=source, op="u")
    assert "occurred_at: {path: after.updated_at, format: microseconds}" in guessed([change]).text


def test_the_id_of_a_cloud_event_is_that_of_its_source() -> None:
    event = {
        "specversion": "1.0",
        "id": "e-1",
        "source": "/shop",
        "type": "user.login",
        "time": "2026-10-03T16:14:52Z",
    }
    record = SourceRecord("t", 0, 0, 0, None, json.dumps({**event, "data": {"user_id": "c-1"}}).encode(), ())
    assert "event_id: {join: [source, id]}" in guessed([record]).text


def test_a_text_with_a_list_of_numbers_is_no_envelope() -> None:
    (record,) = records_of(ROOT / "tests/data/streams-to-guess/debezium_schemaless_payments.jsonl")[:1]
    change = json.loads(record.value or b"")
    change["source"]["sequence"] = '["24023119","24023128"]'
    text = guessed([record._replace(value=json.dumps(change).encode())]).text
    assert "unwrap: debezium" in text
    assert "base64" not in text


def test_an_id_that_only_its_values_show_is_marked() -> None:
    at = "2026-10-03T09:14:52Z"
    text = guessed([body(wash_id=str(number), user_id="u-1", at=at) for number in range(5)]).text
    assert "is it one for each event?\n      event_id: wash_id" in text


def test_a_time_without_a_zone_is_marked() -> None:
    found = guessed([body(**{**ORDER, "created_at": "2026-10-03 16:14:52"})])
    assert "no zone in the text; is it UTC, or for example Europe/Berlin?" in " ".join(
        found.text.replace("#", " ").split()
    )
    assert found.to_check == 1


def test_a_missing_currency_is_not_invented() -> None:
    records = [body(**{key: value for key, value in ORDER.items() if key != "currency"})]
    found = guessed(records)
    assert "no value names a currency" in found.text
    assert mapped(found.text, records)[0]["currency"] == "XXX"


def test_records_without_an_id_are_told_apart_by_their_position() -> None:
    records = [body(**{key: value for key, value in ORDER.items() if key != "event_id"})]
    found = guessed(records)
    assert "nothing looks like the id of an event" in found.text
    assert mapped(found.text, records)[0]["event_id"] == "a.stream:0:0"


def test_records_without_a_time_have_that_of_kafka() -> None:
    records = [body(**{key: value for key, value in ORDER.items() if key != "created_at"})]
    records = [record._replace(timestamp_ms=1_791_044_092_000) for record in records]
    found = guessed(records)
    assert "nothing looks like a time" in found.text
    assert mapped(found.text, records)[0]["occurred_at"] == "2026-10-03T16:14:52Z"


@pytest.mark.parametrize("no_one", [0, "0", "", None, "guest"])
def test_a_guest_is_not_one_person_with_all_other_guests(no_one: Any) -> None:
    usual = {key: value for key, value in ORDER.items() if key != "customer_id"}
    customer = 7 if isinstance(no_one, int) else "c7"
    records = [
        body(**{**usual, "event_id": "e1", "customer_id": customer, "email": "Mara@Example.com"}),
        body(**{**usual, "event_id": "e2", "customer_id": no_one, "email": "Jo@Example.com"}),
    ]
    assert [event["customer_id"] for event in mapped(guessed(records).text, records)] == [
        str(customer),
        "jo@example.com",
    ]


def test_tests_are_left_out_where_some_records_are_tests() -> None:
    records = [body(**ORDER, livemode=True), body(**{**ORDER, "event_id": "e2"}, livemode=False)]
    assert [event["event_id"] for event in mapped(guessed(records).text, records)] == ["e1"]


def test_where_all_samples_are_tests_the_condition_is_written_as_a_comment() -> None:
    records = [body(**ORDER, sandbox=True)]
    found = guessed(records)
    assert "# sandbox: {other than: true}" in found.text
    assert len(mapped(found.text, records)) == 1


def test_refunds_and_renewals_are_written_as_comments() -> None:
    records = [
        body(**ORDER),
        body(**{**ORDER, "event_id": "e2", "type": "order.refunded"}),
        body(**{**ORDER, "event_id": "e3", "type": "subscription.renewed"}),
        body(**{**ORDER, "event_id": "e4", "type": "cart.viewed"}),
    ]
    found = guessed(records)
    assert [event["event_id"] for event in mapped(found.text, records)] == ["e1"]
    assert "# - event: refund" in found.text
    assert "# - event: renewal" in found.text
    assert "not read: cart.viewed 1" in found.text


@pytest.mark.parametrize("pack", pack_names())
def test_the_records_of_a_pack_are_recognised(pack: str) -> None:
    files = sorted((ROOT / "packs" / "samples").glob(f"{pack.replace('-', '_')}_*"))
    assert files
    for file in files:
        found = guessed(records_of(file))
        assert found.pack == pack, file
        assert source_in(found.text)[0].pack == pack


def test_values_of_a_registry_are_recognised() -> None:
    avro = SourceRecord("a.stream", 0, 0, 0, None, b"\x00\x00\x00\x00\x07\x06abc\x02", ())
    found = guessed([avro])
    assert source_in(found.text)[0].format == "avro"
    assert "LINGER_SCHEMA_REGISTRY_URL" in found.text
    assert "could not be looked into" in found.text
    with_schema = SourceRecord("a.stream", 0, 0, 0, None, b"\x00\x00\x00\x00\x07" + json.dumps(ORDER).encode(), ())
    found = guessed([with_schema])
    assert source_in(found.text)[0].format == "json-schema"
    assert "amount: total" in found.text


def test_values_of_a_registry_are_looked_into_with_its_schemas() -> None:
    avro = SourceRecord("a.stream", 0, 0, 0, None, b"\x00\x00\x00\x00\x07\x06abc\x02", ())
    found = guess_topic([avro], "a.stream", "samples", pack_names(), lambda _: ORDER)
    source, _ = source_in(found.text)
    assert (source.format, source.types()) == ("avro", ("purchase",))
    assert "LINGER_SCHEMA_REGISTRY_URL" not in found.text


@pytest.mark.parametrize(
    ("written", "line"),
    [
        ("a b", 'properties."a b"'),
        ("a.b", 'properties."a.b"'),
        ("a[0]", 'properties."a[0]"'),
        ('a"b', 'properties."a\\"b"'),
    ],
)
def test_names_that_no_plain_path_can_hold_are_in_quotes(written: str, line: str) -> None:
    records = [body(**{key: value for key, value in ORDER.items() if key != "total"}, properties={written: 1})]
    order_total = f"{written} total"
    records = [
        body(**{key: value for key, value in ORDER.items() if key != "total"}, properties={order_total: "64.35"})
    ]
    text = guessed(records).text
    assert line[:-1] in text
    assert mapped(text, records)[0]["amount"] == "64.35"


@pytest.mark.parametrize(
    "document",
    [
        {"type": {"a": 1}},
        {"items": [{"test": None}]},
        {"a b": {"events": [{"type": "order.paid", "id": "1"}]}},
        {"it's": {"livemode": True}, "type": "order.paid"},
        {"op": "u", "before": {"it's": {"status": "x"}}, "after": {"it's": {"status": "cancelled"}}, "source": {}},
    ],
)
def test_names_and_values_of_any_kind_are_written_as_the_reader_takes_them(document: dict[str, Any]) -> None:
    source_in(guessed([body(**document), body(id="2")]).text)
    source_in(guessed([body(**document)]).text)


@pytest.mark.parametrize("value", [None, b"", b"\xff\xfe", b"[]", b"{}", b"7", b'"text"', b"[[[]]]", b"{", b"null"])
def test_a_guess_of_anything_is_a_valid_file(value: bytes | None) -> None:
    record = SourceRecord("a.stream", 0, 0, 0, None, value, ())
    source_in(guessed([record]).text)
