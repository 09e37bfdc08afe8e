"""Sources whose schemas are in a registry, with a real registry and a real Kafka."""

import asyncio
import os
import shutil
import signal
import subprocess
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import pytest

from tests.integration.test_broken_sources import gauge, linger, ready, until_acted, until_ready_says
from tests.integration.test_worker import DRY, QUIET
from tests.support.builders import day
from tests.support.schema_registry import avro_record, header, json_record, register, running_registry, url_of
from tests.support.site import SOURCES, Site, site
from workers.core.events.decoding import decode_event
from workers.demo.embedded import HOST, Pair, free_ports
from workers.registry.client import RegistryAccess, RegistryClient, RegistryUnavailable, UnknownSchema

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("needed_registry")]

ORDERS: Final = """
  - topic: {prefix}orders
    format: avro
    event: purchase
    max_silence: {orders_silence}
    complete_since: 2024-01-01
    fields:
      event_id: id
      customer_id: customer.ref
      occurred_at: {{path: placed_at, format: milliseconds}}
      amount: total
      currency: currency
    attributes: {{coupon: coupon, channel: channel}}
"""
LOGINS: Final = """
  - topic: {prefix}logins
    format: json-schema
    event: login
    max_silence: {logins_silence}
    complete_since: 2024-01-01
    fields:
      event_id: session
      customer_id: user
      occurred_at: {{path: time, format: milliseconds}}
"""
PLAIN_LOGINS: Final = LOGINS.replace("json-schema", "json")
EVENTS: Final = SOURCES[SOURCES.index("  - topic: {prefix}events") :]
BOTH: Final = f"sources:{ORDERS}{LOGINS}{EVENTS}"
MIXED: Final = f"sources:{ORDERS}{PLAIN_LOGINS}{EVENTS}"

CUSTOMER: Final = {
    "type": "record",
    "name": "Customer",
    "namespace": "shop.people",
    "fields": [{"name": "ref", "type": "string"}],
}
_V1: Final[list[dict[str, Any]]] = [
    {"name": "id", "type": "string"},
    {"name": "customer", "type": CUSTOMER},
    {"name": "placed_at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
    {"name": "total", "type": {"type": "bytes", "logicalType": "decimal", "precision": 12, "scale": 2}},
    {"name": "currency", "type": {"type": "enum", "name": "Currency", "symbols": ["EUR", "USD"]}},
]
_V2: Final = [
    {"name": "channel", "type": ["null", "string"], "default": None},
    *_V1,
    {"name": "coupon", "type": ["null", "string"], "default": None},
]
FIRST: Final = {"type": "record", "name": "Order", "namespace": "shop", "fields": _V1}
SECOND: Final = {"type": "record", "name": "Order", "namespace": "shop", "fields": _V2}
LOGIN: Final = {"$schema": "http://json-schema.org/draft-07/schema#", "type": "object"}


def order(number: int, at_day: float, **more: Any) -> dict[str, Any]:
    written = {"id": f"o-{number}", "customer": {"ref": f"customer-{number}"}, "placed_at": day(at_day)}
    return {**written, "total": Decimal("64.35"), "currency": "EUR", **more}


def login(number: int, at_day: float) -> dict[str, Any]:
    return {"session": f"l-{number}", "user": f"customer-{number}", "time": day(at_day)}


def play(
    pair: Pair, folder: Path, rules: str, scenario: Callable[[Site], Awaitable[None]], port: int, sources: str
) -> None:
    async def on_a_site() -> None:
        url = url_of(port)
        async with site(pair, folder, rules, sources=sources, LINGER_SCHEMA_REGISTRY_URL=url) as place:
            await scenario(place)

    asyncio.run(on_a_site())


class Registry:
    """The registry, which can be killed and run again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (self.port,) = free_ports(1)
        self._running = ExitStack()
        self._pid = 0

    def __enter__(self) -> "Registry":
        return self

    def __exit__(self, *_: object) -> None:
        self._running.close()

    def start(self) -> None:
        self._pid = self._running.enter_context(running_registry(self.folder / "schemas", self.port, self.folder))

    def die(self) -> None:
        os.kill(self._pid, signal.SIGKILL)
        self._running.close()

    def register(self, subject: str, schema: Any, kind: str = "AVRO") -> int:
        return register(self.port, subject, schema, kind)


async def events(place: Site, at_least: int) -> dict[str, Any]:
    """The events of the activity topic, by id."""
    records = await place.read("activity", at_least)
    return {event.event_id: event for event in (decode_event(record.value) for record in records)}


async def letters(place: Site, at_least: int) -> list[tuple[str, bytes]]:
    """The dead letters: reason and value."""
    records = await place.read("dead-letter", at_least)
    return sorted(((dict(r.headers)["linger-reason"]).decode(), r.value) for r in records)


@pytest.mark.rest
def test_a_schema_evolves_in_the_middle_of_a_topic_and_what_cannot_be_read_is_kept_and_can_be_sent_again(
    apache_pair: Pair, tmp_path: Path
) -> None:
    with Registry(tmp_path) as registry:
        registry.start()
        first, second = registry.register("orders-value", FIRST), registry.register("orders-value", SECOND)
        logins = registry.register("logins-value", LOGIN, "JSON")
        unknown = logins + 1

        async def scenario(place: Site) -> None:
            await place.send("orders", avro_record(first, FIRST, order(1, 1)), 1, b"k")
            await place.send("orders", avro_record(second, SECOND, order(2, 1, channel="web", coupon="X")), 1, b"k")
            await place.send("orders", avro_record(first, FIRST, order(3, 1)), 1, b"k")
            await place.send("logins", json_record(logins, login(4, 1)), 1)
            found = await events(place, 4)
            assert set(found) == {"o-1", "o-2", "o-3", "l-4"}
            assert found["o-1"].attributes == {"amount": found["o-1"].attributes["amount"], "currency": "EUR"}
            assert str(found["o-1"].attributes["amount"]) == "64.35"
            assert (found["o-2"].attributes["channel"], found["o-2"].attributes["coupon"]) == ("web", "X")
            assert (found["o-3"].customer_id, found["o-3"].at_ms) == ("customer-3", day(1))
            spoilt = [
                ("no_schema_id", b'{"id": "o-9"}'),
                ("undecodable", avro_record(first, FIRST, order(9, 1))[:-3]),
                ("undecodable", json_record(logins, {"id": "o-9"})),
                ("unknown_schema", avro_record(unknown, FIRST, order(5, 1))),
            ]
            for _, raw in spoilt:
                await place.send("orders", raw, 1, b"k")
            assert await letters(place, 4) == sorted(spoilt)
            assert (await ready(place))["schema_registry"] == "ok"
            # Now it is there: its own schema, under the id that was unknown.
            assert registry.register("orders2-value", {**FIRST, "name": "Order2"}) == unknown

            async def is_read() -> bool:
                status, output = await linger(place, "dead-letters", "replay", "--reason", "unknown_schema", "--yes")
                assert status == 0, output
                return "o-5" in await events(place, 0)

            await place.until(is_read, "the record to be read once its schema is known")

        play(apache_pair, tmp_path, QUIET, scenario, registry.port, BOTH)


@pytest.mark.rest
def test_a_registry_that_is_down_at_the_start_and_later_holds_its_source_alone_and_nothing_is_lost(
    apache_pair: Pair, tmp_path: Path
) -> None:
    with Registry(tmp_path) as registry:
        registry.start()
        first, second = registry.register("orders-value", FIRST), registry.register("orders-value", SECOND)
        registry.die()

        async def scenario(place: Site) -> None:
            topic = f"{place.prefix}orders"
            await place.send("orders", avro_record(first, FIRST, order(1, 1)), 1, b"k")
            await place.send("logins", login(1, 1), 1)
            await until_ready_says(place, "schema_registry", topic, "waits for schema", "cannot be asked")
            await place.now(12)
            await until_acted(place, ("dry-logins", "customer-1"))
            assert await gauge(place, "linger_source_waits_for_registry", "orders") == 1
            assert '"source_waits_for_registry"' in place.log()
            assert [action["rule"]["id"] for action in await place.actions("at-risk")] == ["dry-logins"]
            registry.start()
            await until_acted(place, ("quiet-buyer", "customer-1"))
            await until_ready_says(place, "schema_registry")
            assert await gauge(place, "linger_source_waits_for_registry", "orders") == 0
            # In the middle: what names a schema that is known is read, what names a new one waits.
            registry.die()
            await place.send("orders", avro_record(first, FIRST, order(2, 12)), 12, b"k")
            await place.send("orders", avro_record(second, SECOND, order(3, 12)), 12, b"k")
            await place.send("orders", avro_record(first, FIRST, order(4, 12)), 12, b"k")
            await place.send("logins", login(2, 12), 12)
            await until_ready_says(place, "schema_registry", topic, f"waits for schema {second}")
            found = await events(place, 4)
            assert set(found) == {"o-1", "o-2", "l-1", "l-2"}
            # A worker that starts while it is down knows no schema, and waits at the first record that it reads.
            (worker,) = place.processes
            worker.terminate()
            await asyncio.to_thread(worker.wait, 30)
            (place.folder / "worker-0.log").rename(place.folder / "worker--before.log")
            place.processes.clear()
            place.start_worker()
            await until_ready_says(place, "schema_registry", topic, "waits for schema")
            registry.start()
            found = await events(place, 6)
            assert set(found) == {"o-1", "o-2", "o-3", "o-4", "l-1", "l-2"}
            await until_ready_says(place, "schema_registry")
            assert await letters(place, 0) == []

        play(apache_pair, tmp_path, QUIET + DRY, scenario, registry.port, MIXED)


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for this host that signs itself, and its key."""
    files = folder / "registry.pem", folder / "registry.key"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=registry",
         "-addext", f"subjectAltName=IP:{HOST}", "-out", files[0], "-keyout", files[1]],
        check=True, capture_output=True,
    )  # fmt: skip
    return files


@pytest.mark.rest
@pytest.mark.skipif(shutil.which("openssl") is None, reason="makes a certificate with openssl")
def test_a_registry_with_tls_is_asked_only_if_its_certificate_is_trusted(tmp_path: Path) -> None:
    from workers.settings import read_settings

    (port,) = free_ports(1)
    files = certificate(tmp_path)

    async def ask(**variables: str) -> None:
        url = {"LINGER_SCHEMA_REGISTRY_URL": url_of(port, "https")}
        access = read_settings({**url, **variables}).registry_connection()
        assert access is not None
        async with RegistryClient(RegistryAccess(**access)).opened() as client:
            await client.schema(7)

    with running_registry(tmp_path / "schemas", port, tmp_path, files):
        with pytest.raises(RegistryUnavailable, match="certificate is not trusted"):
            asyncio.run(ask())
        with pytest.raises(UnknownSchema):
            asyncio.run(ask(LINGER_SCHEMA_REGISTRY_CA=str(files[0])))


@pytest.mark.rest
def test_what_a_schema_refers_to_is_fetched_with_it(tmp_path: Path) -> None:
    from workers.registry.schemas import Schemas

    with Registry(tmp_path) as registry:
        registry.start()
        registry.register("customer-value", CUSTOMER)
        fields = [{"name": "customer", "type": "shop.people.Customer"}]
        refers = {"type": "record", "name": "Visit", "namespace": "shop", "fields": fields}
        reference = {"name": "shop.people.Customer", "subject": "customer-value", "version": 1}
        schema_id = register(registry.port, "visit-value", refers, references=[reference])

        async def learn() -> Any:
            schemas = Schemas(RegistryClient(RegistryAccess(url_of(registry.port))))
            await schemas.learn([schema_id])
            return schemas.read_body_of("avro")(schema_id)(header(schema_id) + b"\x06ada", 5)

        assert asyncio.run(learn()) == {"customer": {"ref": "ada"}}
