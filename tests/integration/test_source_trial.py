"""A mapping is seen before it runs: over a real Kafka, without a group, beside what real workers wrote."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.integration.test_worker import QUIET
from tests.support.site import Site, site
from workers.demo.embedded import Pair
from workers.kafka.topics import connected_admin

pytestmark = pytest.mark.integration

PAID_ONLY = """
sources:
  - topic: {topic}
    event: purchase
    only_when: {{status: paid}}
    fields:
      event_id: order_id
      customer_id: customer
      occurred_at: {{path: placed_at_ms, format: milliseconds}}
      amount: total
      currency: currency
    max_silence: 3 days
"""


async def linger(place: Site, *arguments: str) -> "subprocess.CompletedProcess[str]":
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "workers", *arguments],
        env=place.process_environment(),
        capture_output=True,
        text=True,
        timeout=90,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done


def documents(done: "subprocess.CompletedProcess[str]") -> list[dict[str, Any]]:
    return [json.loads(line) for line in done.stdout.splitlines()]


async def groups_of(place: Site) -> set[str]:
    async with connected_admin(place.settings.kafka_connection()) as admin:
        return {name for name, _ in await admin.list_consumer_groups()}


def test_the_newest_records_of_a_topic_are_tried_without_a_group(apache_pair: Pair, tmp_path: Path) -> None:
    async def visit() -> None:
        async with site(apache_pair, tmp_path, QUIET, workers=0) as place:
            for number in range(30):
                await place.order(f"c{number}", 1 + number / 100)
            await place.send("orders", {"order_id": "x", "customer": "c1", "total": "1", "currency": "EUR"}, 2)
            before = await groups_of(place)
            topic = f"{place.prefix}orders"
            done = await linger(place, "sources", "try", topic, "--last", "20", "--json")
            assert done.returncode == 1, done.stderr
            *tried, summary = documents(done)
            assert len(tried) == 20
            assert summary["summary"]["events"] == {"purchase": 19}
            assert summary["summary"]["refused"] == {"missing_field": 1}
            assert await groups_of(place) == before
            shown = await linger(place, "sources", "try", topic, "--last", "5")
            assert "activity key" in shown.stdout
            assert "missing_field: 'occurred_at' is missing" in shown.stdout

    asyncio.run(visit())


def test_a_mapping_is_counted_beside_the_one_in_force(apache_pair: Pair, tmp_path: Path) -> None:
    async def visit() -> None:
        async with site(apache_pair, tmp_path, QUIET, workers=1) as place:
            for number in range(20):
                await place.order(f"c{number}", 1 + number / 10, status="paid" if number % 4 else "pending")
            await place.now(4)
            await place.decided_until(4)
            topic = f"{place.prefix}orders"
            other = tmp_path / "paid-only.yaml"
            other.write_text(PAID_ONLY.format(topic=topic))
            same = await linger(place, "sources", "try", topic, "--last", "100", "--count", "--json")
            (compared,) = documents(same)
            (purchases,) = compared["types"]
            assert (purchases["in_force"], purchases["this_file"]) == (20, 20)
            assert (purchases["gained"], purchases["lost"]) == (0, 0)
            done = await linger(
                place, "sources", "try", topic, "--last", "100", "--count", "--json", "--sources", str(other)
            )
            (compared,) = documents(done)
            (purchases,) = compared["types"]
            assert compared["in_force_is_complete"]
            assert (purchases["in_force"], purchases["this_file"], purchases["lost"]) == (20, 15, 5)
            assert purchases["in_force_a_day"] == pytest.approx(20 / 1.9)
            assert compared["summary"]["skipped_because"] == {"status": {"pending": 5}}
            shown = await linger(place, "sources", "try", topic, "--last", "100", "--count", "--sources", str(other))
            assert "records that change" in shown.stdout

    asyncio.run(visit())


def test_a_first_mapping_is_guessed_from_a_topic(apache_pair: Pair, tmp_path: Path) -> None:
    async def visit() -> None:
        async with site(apache_pair, tmp_path, QUIET, workers=0) as place:
            for number in range(12):
                await place.order(f"c{number}", 1 + number / 100)
            topic = f"{place.prefix}orders"
            written = tmp_path / "first.yaml"
            done = await linger(place, "sources", "guess", topic, "--output", str(written))
            assert done.returncode == 0, done.stderr
            assert "the mapping makes of 12 records: 12 events (purchase 12)" in done.stderr
            tried = await linger(place, "sources", "try", topic, "--last", "12", "--json", "--sources", str(written))
            assert documents(tried)[0]["items"][0]["event"]["amount"] == "20.00"
            assert documents(tried)[0]["items"][0]["event"]["occurred_at"].startswith("2024-01-0")
            again = await linger(place, "sources", "guess", topic, "--output", str(written))
            assert again.returncode == 2
            assert "is not written over" in again.stderr

    asyncio.run(visit())


@pytest.mark.rest
def test_the_doctor_says_what_the_newest_records_become(apache_pair: Pair, tmp_path: Path) -> None:
    async def visit() -> None:
        async with site(apache_pair, tmp_path, QUIET, workers=0) as place:
            topic, logins = f"{place.prefix}orders", f"{place.prefix}logins"
            await place.order("ada", 1)
            await place.send("orders", {"order_id": "x"}, 1)
            await place.send("logins", {"session": "s", "user": "ada", "time": "2024-01-01"}, 1)
            done = await linger(place, "doctor", "--json")
            findings = {finding["checked"]: finding for finding in json.loads(done.stdout)}
            orders = findings[f"records of {topic}"]
            assert orders["health"] == "ok"
            assert orders["found"].startswith(
                "of the newest 2 records: 1 event (purchase 1); 1 refused (missing_field 1)"
            )
            refused = findings[f"records of {logins}"]
            assert refused["health"] == "problem"
            assert "impossible_time" in refused["found"]
            assert f"linger sources try {logins} --last 20" in refused["mend"]  # codespell:ignore mend
            assert findings[f"records of {place.prefix}events"]["found"] == "there is none yet"

    asyncio.run(visit())
