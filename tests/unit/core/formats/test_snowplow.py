"""Laws of reading Snowplow's enriched events: a line gives the document of Snowplow's own SDKs."""

import json
from typing import Any

import pytest

from schemas.events import InvalidEvent
from schemas.sources import Source
from workers.core.formats.snowplow import _NAMES, read_enriched_event
from workers.core.mapping.converter import Canonical, compile_converter
from workers.core.mapping.record import SourceRecord

ECOMMERCE = "com.snowplowanalytics.snowplow.ecommerce"


def line(**fields: str) -> bytes:
    return "\t".join(fields.get(name, "") for name in _NAMES).encode()


def described(schema: str, data: Any) -> dict[str, Any]:
    return {"schema": f"iglu:{schema}", "data": data}


def contexts(*parts: dict[str, Any]) -> str:
    return json.dumps(described("com.snowplowanalytics.snowplow/contexts/jsonschema/1-0-0", list(parts)))


def test_the_fields_are_known_by_their_place_and_typed() -> None:
    raw = line(
        app_id="shop-web", collector_tstamp="2026-10-03 16:14:52.800", txn_id="12", user_id="C-20417",
        domain_sessionidx="3", geo_latitude="47.2", geo_longitude="-122.4", br_cookies="1", dvce_ismobile="0",
        tr_total="64.35", se_value="7", true_tstamp="2026-10-03 16:14:52.1",
    )  # fmt: skip
    assert read_enriched_event(raw + b"\n") == {
        "app_id": "shop-web",
        "collector_tstamp": "2026-10-03T16:14:52.800Z",
        "txn_id": 12,
        "user_id": "C-20417",
        "domain_sessionidx": 3,
        "geo_latitude": 47.2,
        "geo_longitude": -122.4,
        "geo_location": "47.2,-122.4",
        "br_cookies": True,
        "dvce_ismobile": False,
        "tr_total": 64.35,
        "se_value": "7",
        "true_tstamp": "2026-10-03T16:14:52.1Z",
    }


def test_contexts_and_the_event_of_its_own_are_named_after_their_schemas() -> None:
    own = described(f"{ECOMMERCE}/snowplow_ecommerce_action/jsonschema/1-0-2", {"type": "transaction"})
    raw = line(
        contexts=contexts(
            described(f"{ECOMMERCE}/transaction/jsonschema/1-0-0", {"revenue": 64.35}),
            described("com.acme-shop/linkClick/jsonschema/2-1-0", {"n": 1}),
            described(f"{ECOMMERCE}/transaction/jsonschema/1-0-1", {"revenue": 2}),
        ),
        unstruct_event=json.dumps(described("com.snowplowanalytics.snowplow/unstruct_event/jsonschema/1-0-0", own)),
        derived_contexts=contexts(described(f"{ECOMMERCE}/transaction/jsonschema/1-0-0", {"revenue": 3})),
    )
    assert read_enriched_event(raw) == {
        "contexts_com_snowplowanalytics_snowplow_ecommerce_transaction_1": [
            {"revenue": 64.35},
            {"revenue": 2},
            {"revenue": 3},
        ],
        "contexts_com_acme_shop_link_click_2": [{"n": 1}],
        "unstruct_event_com_snowplowanalytics_snowplow_ecommerce_snowplow_ecommerce_action_1": {
            "type": "transaction"
        },
    }


def test_a_field_that_is_not_what_it_should_be_stays_a_text_and_costs_nobody_the_record() -> None:
    raw = line(
        txn_id="1_000", page_urlport="٣", tr_total="NaN", br_cookies="yes", ti_price="1e999", ti_quantity="9" * 30
    )
    assert set(read_enriched_event(raw).values()) == {"1_000", "٣", "NaN", "yes", "1e999", "9" * 30}


@pytest.mark.parametrize(
    ("raw", "reason", "said"),
    [
        (b"", "empty", "no value"),
        (None, "empty", "no value"),
        (b"a\tb", "not_snowplow", "expected 131 fields with tabs between, found 2"),
        (b'{"a": 1', "not_json", "unexpected end"),
        (line(app_id="x").replace(b"x", b"\xff"), "not_snowplow", "UTF-8"),
        (line(contexts="{"), "not_json", "unexpected end"),
        (line(contexts="[]"), "not_snowplow", "'contexts'"),
        (line(contexts=contexts({"schema": "iglu:x", "data": 1})), "not_snowplow", "iglu:vendor/name"),
        (line(unstruct_event='{"data": {"schema": "iglu:a/b/c/1-0-0"}}'), "not_snowplow", "'unstruct_event'"),
        (line(app_id="x" * (1 << 20)), "too_large", "at most"),
        (line(contexts=contexts(described("a/b/c/1-0-0", json.loads("[" * 40 + "]" * 40)))), "too_deep", "32"),
    ],
)
def test_a_line_that_is_none_is_refused_with_what_to_do(raw: bytes | None, reason: str, said: str) -> None:
    with pytest.raises(InvalidEvent) as caught:
        read_enriched_event(raw)
    assert caught.value.reason == reason
    assert said in caught.value.detail


def test_what_an_analytics_sdk_made_of_a_line_is_read_as_well() -> None:
    assert read_enriched_event(b'{"event_id": "e", "tr_total": 64.35}') == {"event_id": "e", "tr_total": 64.35}


SNOWPLOW: dict[str, Any] = {
    "topic": "snowplow",
    "event": "purchase",
    "only_when": {"event_name": "snowplow_ecommerce_action"},
    "fields": {
        "event_id": "event_id",
        "customer_id": ["user_id", "domain_userid"],
        "occurred_at": "derived_tstamp",
        "amount": f"contexts_{ECOMMERCE.replace('.', '_')}_transaction_1[0].revenue",
        "currency": f"contexts_{ECOMMERCE.replace('.', '_')}_transaction_1[0].currency",
        "order_id": f"contexts_{ECOMMERCE.replace('.', '_')}_transaction_1[0].transaction_id",
    },
    "attributes": {
        "visit": "domain_sessionidx",
        "kind": f"unstruct_event_{ECOMMERCE.replace('.', '_')}_action_1.type",
    },
    "max_silence": "3 days",
}


def test_one_mapping_reads_the_lines_and_the_json_that_the_sdks_make_of_them() -> None:
    paid = {"transaction_id": "10432", "currency": "USD", "revenue": 64.35}
    own = described(f"{ECOMMERCE}/action/jsonschema/1-0-2", {"type": "transaction"})
    raw = line(
        event_id="c6ef3124-b53a-4b13-a233-0088f79dcbcb", user_id="C-20417", domain_sessionidx="3",
        derived_tstamp="2026-10-03 16:14:52.760", event_name="snowplow_ecommerce_action",
        contexts=contexts(described(f"{ECOMMERCE}/transaction/jsonschema/1-0-0", paid)),
        unstruct_event=json.dumps(described("com.snowplowanalytics.snowplow/unstruct_event/jsonschema/1-0-0", own)),
    )  # fmt: skip
    as_json = json.dumps(read_enriched_event(raw)).encode()
    converted = [
        compile_converter(Source.model_validate({**SNOWPLOW, "format": source_format}), ())(
            SourceRecord("snowplow", 0, 0, 0, None, value, ()), 2**42
        )
        for source_format, value in (("snowplow-tsv", raw), ("json", as_json))
    ]
    assert converted[0] == converted[1]
    assert isinstance(converted[0], Canonical)
    event = json.loads(converted[0].value)
    assert (event["customer_id"], event["amount"], event["currency"]) == ("C-20417", "64.35", "USD")
    assert event["attributes"] == {"visit": 3, "kind": "transaction"}
