"""A preview over what Kafka holds: the same as over a file with the same records."""

import asyncio
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaProducer

from tests.support.paths import ROOT
from workers.demo.embedded import Pair
from workers.errors import StartupError
from workers.kafka.topics import TopicPlan, connected_admin, create_missing
from workers.rule_preview.command import PreviewOptions, preview_command
from workers.settings import Settings, read_settings

pytestmark = pytest.mark.integration

DATA = ROOT / "tests" / "data" / "histories"
RULES = """
rules:
  - id: quiet
    title: Nothing bought for ten days
    when: {none: purchase, for: 10 days}
    action: at-risk
    template: t
    again after: 1 day
    expires after: 5 days
"""

Record = tuple[str, bytes, int]
"""Key, value and partition."""


class Site:
    """Topics of one test, and the files that map them."""

    def __init__(self, pair: Pair, folder: Path) -> None:
        self.prefix = f"p{uuid4().hex[:8]}"
        self.orders = f"{self.prefix}.orders"
        self.activity = f"{self.prefix}.activity"
        self.rules = folder / "rules.yaml"
        self.rules.write_text(RULES)
        self.sources = folder / "sources.yaml"
        self.sources.write_text((DATA / "sources.yaml").read_text().replace("shop.orders", self.orders))
        self.settings: Settings = read_settings({**pair.variables(), "LINGER_TOPIC_PREFIX": self.prefix})

    def produce(self, topic: str, records: Iterable[Record]) -> None:
        """Create a topic with three partitions, the last one empty, and write records in large batches."""

        async def run() -> None:
            connection = self.settings.kafka_connection()
            async with connected_admin(connection) as admin:
                await create_missing(admin, [TopicPlan(topic, 3, 1, {"retention.ms": "-1"})])
            async with AIOKafkaProducer(**connection, linger_ms=50) as producer:
                sent = [
                    await producer.send(topic, key=key.encode(), value=value, partition=partition)
                    for key, value, partition in records
                ]
                for confirmation in sent:
                    await confirmation

        asyncio.run(run())

    def preview(self, capsys: pytest.CaptureFixture[str], history: str, **options: Any) -> dict[str, Any]:
        """Run the command and return its document, without the values that depend on the machine."""
        preview_command(
            PreviewOptions(
                history=history,
                rules=[self.rules],
                sources=self.sources,
                settings=self.settings,
                as_json=True,
                list_customers=True,
                **options,
            )
        )
        document: dict[str, Any] = json.loads(capsys.readouterr().out)
        for name in ("seconds", "events_per_second", "customers_per_second"):
            del document[name]
        del document["history"]["name"]
        return document


def orders(number: int) -> list[dict[str, str]]:
    return [
        {
            "order_id": f"o{at}",
            "customer": f"c{at % 97}",
            "total": "12.50",
            "currency": "EUR",
            "placed_at": f"2024-{1 + at % 12:02}-{1 + at % 28:02}T10:00:00Z",
            "state": "paid" if at % 5 else "open",
        }
        for at in range(number)
    ]


def written(path: Path, documents: Iterable[dict[str, Any]]) -> str:
    path.write_text("".join(json.dumps(order) + "\n" for order in documents))
    return str(path)


def test_a_source_topic_gives_what_a_dump_of_it_gives(
    pair: Pair, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    site = Site(pair, tmp_path)
    documents = orders(2_000)
    site.produce(
        site.orders, [(order["customer"], json.dumps(order).encode(), at % 2) for at, order in enumerate(documents)]
    )
    expected = site.preview(capsys, written(tmp_path / "orders.jsonl", documents), source=site.orders)
    assert expected["history"]["events"] == 1_600
    assert expected["history"]["skipped"] == 400
    assert expected["any_rule"]["customers"] > 50
    assert site.preview(capsys, f"topic:{site.orders}") == expected
    assert site.preview(capsys, f"kafka:{site.orders}") == expected


def test_the_activity_topic_holds_canonical_events_and_several_topics_are_one_history(
    pair: Pair, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    site = Site(pair, tmp_path)
    lines = (DATA / "shop.jsonl").read_bytes().splitlines()
    site.produce(site.activity, [("any", line, at % 2) for at, line in enumerate(lines)])
    expected = site.preview(capsys, str(DATA / "shop.jsonl"))
    assert site.preview(capsys, f"topic:{site.activity}") == expected
    documents = orders(100)
    site.produce(site.orders, [(order["customer"], json.dumps(order).encode(), 1) for order in documents])
    both = site.preview(capsys, f"topic:{site.activity},{site.orders}")
    assert both["history"]["customers"] == expected["history"]["customers"] + len(
        {at % 97 for at in range(100) if at % 5}
    )
    assert both["history"]["events"] == len(lines) + 80


def test_unreadable_records_are_reported_with_partition_and_offset(
    pair: Pair, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    site = Site(pair, tmp_path)
    good = [("c", json.dumps(order).encode(), 0) for order in orders(10)]
    site.produce(site.orders, [*good, ("c", b"no", 0)])
    history = site.preview(capsys, f"topic:{site.orders}")["history"]
    assert history["unreadable"] == {"not_json": 1}
    assert history["unreadable_examples"][0].startswith(f"{site.orders}:0:10: not_json")


def test_an_empty_topic_is_refused_and_one_that_is_not_there_is_not_created(pair: Pair, tmp_path: Path) -> None:
    site = Site(pair, tmp_path)
    for _ in range(2):
        with pytest.raises(StartupError, match=f"Kafka has no topic '{site.orders}'"):
            preview_command(
                PreviewOptions(
                    history=f"topic:{site.orders}", rules=[site.rules], sources=site.sources, settings=site.settings
                )
            )
    site.produce(site.orders, [])
    with pytest.raises(StartupError, match="no events"):
        preview_command(
            PreviewOptions(
                history=f"topic:{site.orders}", rules=[site.rules], sources=site.sources, settings=site.settings
            )
        )


def test_a_topic_without_a_source_that_says_how_to_read_it_is_refused(pair: Pair, tmp_path: Path) -> None:
    site = Site(pair, tmp_path)
    with pytest.raises(StartupError, match=f"known are {site.activity}, {site.orders}"):
        preview_command(
            PreviewOptions(
                history=f"topic:{site.prefix}.other", rules=[site.rules], sources=site.sources, settings=site.settings
            )
        )


def test_no_broker_is_reported_as_such(tmp_path: Path) -> None:
    site = Site(Pair("127.0.0.1:1", "redis://127.0.0.1:1/0"), tmp_path)
    with pytest.raises(StartupError, match="no Kafka broker answers at 127"):
        preview_command(
            PreviewOptions(
                history=f"topic:{site.orders}", rules=[site.rules], sources=site.sources, settings=site.settings
            )
        )
