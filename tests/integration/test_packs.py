"""Every system whose topic is known, as it really writes: through two workers, with every codec of Kafka at once."""

import asyncio
import json
import uuid
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import pytest
from aiokafka import AIOKafkaProducer

from tests.integration.test_dead_letters import on_the_wall_clock, wait_for
from tests.integration.test_source_trial import documents, linger
from tests.support.site import Site
from workers.demo.embedded import Pair
from workers.kafka.topics import TopicPlan, connected_admin, create_missing

pytestmark = [pytest.mark.integration, pytest.mark.rest]

SAMPLES: Final = Path(__file__).parents[2] / "packs" / "samples"
CODECS: Final = (None, "gzip", "snappy", "lz4", "zstd")

SOURCES: Final = """
event_types:
  refund: {{description: money was given back}}
sources:
  - {{topic: "{prefix}adobe-commerce", pack: adobe-commerce}}
  - {{topic: "{prefix}auth0", pack: auth0}}
  - {{topic: "{prefix}chargebee", pack: chargebee}}
  - {{topic: "{prefix}commercetools", pack: commercetools}}
  - {{topics: {{pattern: '{prefix}keycloak[.a-z]*'}}, pack: keycloak}}
  - {{topic: "{prefix}recurly", pack: recurly}}
  - {{topic: "{prefix}revenuecat", pack: revenuecat}}
  - {{topic: "{prefix}segment", pack: segment}}
  - {{topic: "{prefix}shopify", pack: shopify}}
  - {{topic: "{prefix}snowplow", pack: snowplow}}
  - {{topic: "{prefix}stripe", pack: stripe}}
  - {{topic: "{prefix}woocommerce", pack: woocommerce}}
  - topic: "{prefix}cloudevents"
    unwrap: cloudevents
    fields:
      event_id: {{join: [source, id]}}
      customer_id: [subject, data.customer_id]
      occurred_at: time
      amount: data.amount
      currency: data.currency
    one_of:
      - event: purchase
        only_when: {{type: {{matches: "purchase\\\\.completed"}}}}
        fields: {{order_id: data.order_id}}
      - event: refund
        only_when: {{type: {{matches: "purchase\\\\.refunded"}}}}
    max_silence: 3 days
  - topic: "{prefix}shop.public.orders"
    unwrap: debezium
    event: purchase
    only_when: {{op: [c, r], after.status: paid}}
    fields:
      event_id: {{join: [source.name, source.table, source.lsn]}}
      customer_id: after.customer_id
      occurred_at: {{path: after.created_at, format: microseconds}}
      amount: {{path: after.total_cents, unit: minor}}
      currency: after.currency
      order_id: after.id
    max_silence: 3 days
  - topic: "{prefix}shop.public.subscriptions"
    unwrap: debezium
    event: cancellation
    only_when: {{find: "after.status == 'cancelled' && before.status != 'cancelled'"}}
    fields:
      event_id: {{join: [source.name, source.table, source.lsn]}}
      customer_id: after.customer_id
      occurred_at: {{path: source.ts_ms, format: milliseconds}}
      what: after.plan
    max_silence: 30 days
"""


@dataclass(frozen=True)
class Written:
    """One record of a topic, and the events that it stands for, as `summary` gives them."""

    topic: str
    value: bytes | None
    events: tuple[tuple[Any, ...], ...]
    headers: tuple[tuple[str, bytes], ...] = ()
    key: bytes | None = None
    letters: int = 0


SKIPPED: Final = {
    "auth0": "skipped 1 by failed logins",
    "segment": "skipped 1 by pages and screens",
    "shopify": "skipped 1 by saves of an order",
    "shop.public.orders": "skipped 1 by having no value",
}
"""What `doctor` says of records that are nobody's activity."""


def sample(name: str) -> Any:
    return json.loads((SAMPLES / f"{name}.json").read_text())


def body(document: Any) -> bytes:
    return json.dumps(document).encode()


def purchase(customer: str, at: str, key: str, amount: str, reason: str | None = None) -> tuple[Any, ...]:
    number, currency = amount.split()
    return (customer, "purchase", at, key, Decimal(number), currency, reason)


def other(kind: str, customer: str, at: str, key: str, reason: str | None = None) -> tuple[Any, ...]:
    return (customer, kind, at, key, None, None, reason)


CLOUD_EVENT: Final = {
    "specversion": "1.0",
    "id": "9a1f0c52",
    "source": "https://shop.example.com/checkout",
    "type": "com.example.shop.purchase.completed.v1",
    "subject": "C-20417",
    "time": "2026-10-03T16:14:52Z",
    "data": {"customer_id": "C-20417", "order_id": "10432", "amount": "64.35", "currency": "USD"},
}
BINARY: Final = (
    ("content-type", b"application/json"),
    ("ce_specversion", b"1.0"),
    ("ce_id", b"77"),
    ("ce_source", b"https://shop.example.com/checkout"),
    ("ce_type", b"com.example.shop.purchase.refunded.v1"),
    ("ce_time", b"2026-10-04T10:00:00Z"),
    ("ce_subject", b"C-20417"),
)
ORDER_ROW: Final = {"id": 10432, "customer_id": 20417, "status": "paid", "total_cents": 6435, "currency": "USD"}
SUBSCRIPTION_ROW: Final = {"id": 881, "customer_id": 20417, "plan": "pro", "status": "active"}


def change(op: str, before: Any, after: Any, table: str, lsn: int, at_ms: int) -> dict[str, Any]:
    source = {
        "connector": "postgresql",
        "name": "shop",
        "table": table,
        "lsn": lsn,
        "ts_ms": at_ms,
        "snapshot": "false",
    }
    return {"before": before, "after": after, "source": source, "op": op, "ts_ms": at_ms + 300}


def written() -> list[Written]:
    """Return what the systems write, with the traps of each."""
    auth0, segment = sample("auth0_log_success_login"), sample("segment_order_completed")
    shopify, woo = sample("shopify_orders_create"), sample("woocommerce_order_created")
    order = change("c", None, {**ORDER_ROW, "created_at": 1759508092000000}, "orders", 24023128, 1759508092797)
    login = {"date": "2026-10-03T15:00:00Z", "type": "s", "user_id": "auth0|b", "log_id": "9002"}
    shop_order = (("X-Shopify-Topic", b"orders/create"), ("X-Shopify-Webhook-Id", b"b545"))
    woo_order = (("X-WC-Webhook-Topic", b"order.created"),)
    bought = purchase("C-20417", "2026-10-03T16:14:52.223Z", "ajs-next-1759508092000-7c1d2b", "64.35 USD")
    signed_in = other("login", "C-20417", "2026-10-03T13:59:50.222Z", "node-next-1759499990000-19ab")
    again = {**sample("segment_signed_in"), "messageId": "m-2", "userId": "C-7"}
    return [
        Written(
            "adobe-commerce",
            body(sample("adobe_commerce_order_saved")),
            (purchase("20417", "2026-10-03T16:14:52Z", "000010432", "64.3500 USD"),),
        ),
        Written(
            "auth0",
            body(auth0),
            (
                other(
                    "login",
                    "auth0|68b1f0c2a9d7e50071c2f3a4",
                    "2026-10-03T13:59:50.412Z",
                    "90020261003135950412389426319763037",
                ),
            ),
        ),
        Written(
            "auth0",
            body([{"log_id": "9002", "data": login}, {**login, "log_id": "9003", "type": "f"}]),
            (other("login", "auth0|b", "2026-10-03T15:00:00Z", "9002"),),
        ),
        Written(
            "chargebee",
            body(sample("chargebee_subscription_cancelled")),
            (other("cancellation", "C-20417", "2025-10-08T08:32:25Z", "ev_16BSPMjFd9nNsiD3", "Too expensive"),),
        ),
        Written(
            "commercetools",
            body(sample("commercetools_order_created")),
            (
                purchase(
                    "7297c742-d8b0-484b-aadc-1d0ba6769dc9",
                    "2026-10-03T16:14:52.797Z",
                    "81ee6da8-5bc2-471b-9159-89bac735a45d",
                    "64.35 EUR",
                ),
            ),
        ),
        Written(
            "keycloak",
            body(sample("keycloak_login")),
            (
                other(
                    "login",
                    "4c798364-754c-4aab-b6e3-3f17ba7698e2",
                    "2025-10-03T13:59:50Z",
                    "6f0c2b0e-1c58-4a1a-9b7b-1d7f4f1a2c3d",
                ),
            ),
        ),
        Written("recurly", body(sample("recurly_subscription_canceled")), (), letters=1),
        Written(
            "revenuecat",
            body(sample("revenuecat_initial_purchase")),
            (purchase("C-20417", "2025-02-12T02:01:44Z", "0C5D2C1E-7A51-4E0A-8F49-0A8E2E9B7F10", "9.99 USD"),),
        ),
        Written("segment", body(segment), (bought,)),
        Written("segment", body(sample("segment_signed_in")), (signed_in,)),
        Written(
            "segment",
            body({"batch": [again, {**again, "type": "page"}, {**segment, "messageId": "m-4", "userId": "C-8"}]}),
            (
                other("login", "C-7", "2026-10-03T13:59:50.222Z", "m-2"),
                purchase("C-8", "2026-10-03T16:14:52.223Z", "m-4", "64.35 USD"),
            ),
        ),
        Written(
            "shopify",
            body(shopify),
            (purchase("7741425221763", "2026-10-03T16:14:52Z", str(shopify["id"]), "64.35 USD"),),
            shop_order,
        ),
        Written("shopify", body(shopify), (), (("x-shopify-topic", b"orders/updated"),)),
        Written(
            "snowplow",
            (SAMPLES / "snowplow_enriched_transaction.tsv").read_bytes().rstrip(b"\n"),
            (purchase("C-20417", "2026-10-03T16:14:52.76Z", "c6ef3124-b53a-4b13-a233-0088f79dcbcb", "64.35 USD"),),
        ),
        Written(
            "snowplow",
            body({**sample("snowplow_enriched_transaction"), "event_id": "as-json"}),
            (purchase("C-20417", "2026-10-03T16:14:52.76Z", "as-json", "64.35 USD"),),
        ),
        Written(
            "stripe",
            body(sample("stripe_customer_subscription_deleted")),
            (
                other(
                    "cancellation",
                    "C-20417",
                    "2025-10-08T08:32:24Z",
                    "evt_1SGx2kB7WZ01zgkWf0aPq7Lm",
                    "too_expensive",
                ),
            ),
        ),
        Written(
            "stripe",
            body(sample("stripe_invoice_paid")),
            (
                (
                    "C-20417",
                    "renewal",
                    "2025-10-05T03:30:00Z",
                    "evt_1SFm3yB7WZ01zgkWc9tKd2Rr",
                    Decimal("29.00"),
                    "USD",
                    None,
                ),
            ),
        ),
        Written(
            "woocommerce",
            body(woo),
            (purchase("20417", "2026-10-03T16:14:52Z", "10432", "64.35 USD"),),
            woo_order,
        ),
        Written(
            "woocommerce",
            body({**woo, "id": 10433, "customer_id": 0}),
            (purchase("mara.okafor@example.com", "2026-10-03T16:14:52Z", "10433", "64.35 USD"),),
            woo_order,
        ),
        Written(
            "cloudevents",
            body(CLOUD_EVENT),
            (purchase("C-20417", "2026-10-03T16:14:52Z", "https://shop.example.com/checkout:9a1f0c52", "64.35 USD"),),
            (("content-type", b"application/cloudevents+json; charset=UTF-8"),),
        ),
        Written(
            "cloudevents",
            body({"amount": "10.00", "currency": "usd"}),
            (
                (
                    "C-20417",
                    "refund",
                    "2026-10-04T10:00:00Z",
                    "https://shop.example.com/checkout:77",
                    Decimal("10.00"),
                    "USD",
                    None,
                ),
            ),
            BINARY,
        ),
        Written(
            "shop.public.orders",
            body({"schema": {"type": "struct"}, "payload": order}),
            (purchase("20417", "2025-10-03T16:14:52Z", "shop:orders:24023128", "64.35 USD"),),
            key=b'{"id":10432}',
        ),
        Written("shop.public.orders", None, (), key=b'{"id":10432}'),
        Written(
            "shop.public.subscriptions",
            body(
                change(
                    "u",
                    SUBSCRIPTION_ROW,
                    {**SUBSCRIPTION_ROW, "status": "cancelled"},
                    "subscriptions",
                    24099876,
                    1759912344901,
                )
            ),
            (other("cancellation", "20417", "2025-10-08T08:32:24.901Z", "shop:subscriptions:24099876"),),
            key=b'{"id":881}',
        ),
    ]


def summary(event: dict[str, Any]) -> tuple[Any, ...]:
    """Return what is compared: customer, type, time, id, amount, currency, reason."""
    amount = event.get("amount")
    return (
        event["customer_id"],
        event["type"],
        event["occurred_at"],
        event["event_id"],
        None if amount is None else Decimal(str(amount)),
        event.get("currency"),
        event.get("reason"),
    )


def plain_time(written_at: str) -> str:
    """Return a time in one form, since those of a mapping may have more or fewer zeros."""
    head, _, rest = written_at.removesuffix("Z").partition(".")
    return f"{head}.{rest.rstrip('0')}" if rest.rstrip("0") else head


def comparable(events: list[tuple[Any, ...]]) -> list[str]:
    return sorted(repr((event[0], event[1], plain_time(event[2]), *event[3:])) for event in events)


async def send(place: Site, records: list[Written]) -> None:
    """Send the records of each topic with a codec of its own."""
    topics = list(dict.fromkeys(record.topic for record in records))
    for number, codec in enumerate(CODECS):
        mine = set(topics[number :: len(CODECS)])
        async with AIOKafkaProducer(compression_type=codec, **place.settings.kafka_connection()) as producer:
            for record in (record for record in records if record.topic in mine):
                await producer.send_and_wait(
                    f"{place.prefix}{record.topic}", record.value, key=record.key, headers=list(record.headers)
                )


def test_each_known_system_becomes_the_right_events_through_every_codec(apache_pair: Pair, tmp_path: Path) -> None:
    records = written()
    expected = [event for record in records for event in record.events]
    letters = sum(record.letters for record in records)

    async def scenario(place: Site) -> None:
        await send(place, records)
        await wait_for(place, events=len(expected), duplicates=0)
        activity = await place.read("activity", len(expected))
        found = [summary(json.loads(record.value, parse_float=Decimal)) for record in activity]
        assert comparable(found) == comparable(expected)
        dead = await place.read("dead-letter", letters)
        assert [dict(letter.headers)["linger-reason"] for letter in dead] == [b"unresolved_customer"]

        counted = await linger(place, "sources", "try", f"{place.prefix}segment", "--last", "9", "--count", "--json")
        types = {count["type"]: count for count in documents(counted)[0]["types"]}
        assert {name: (count["in_force"], count["this_file"]) for name, count in types.items()} == {
            "login": (2, 2),
            "purchase": (2, 2),
        }

        looked = json.loads((await linger(place, "doctor", "--json")).stdout)
        said = {finding["checked"]: finding["found"] for finding in looked}
        for topic, skipped in SKIPPED.items():
            assert said[f"records of {place.prefix}{topic}"].endswith(skipped)
        assert "1 refused (unresolved_customer 1)" in said[f"records of {place.prefix}recurly"]

    prefix = f"t{uuid.uuid4().hex[:8]}."

    async def create() -> None:
        topics = dict.fromkeys(f"{prefix}{record.topic}" for record in records)
        async with connected_admin({"bootstrap_servers": apache_pair.bootstrap_servers}) as admin:
            await create_missing(admin, [TopicPlan(topic, 2, 1, {"retention.ms": "-1"}) for topic in topics])

    asyncio.run(create())
    on_the_wall_clock(apache_pair, tmp_path, scenario, sources=SOURCES, prefix=prefix, workers=2)
