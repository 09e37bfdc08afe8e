"""Laws of rules that harm, over real Kafka and Redis and real workers: they are paused once, and a resume counts."""

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from schemas.book import BOOK
from schemas.experiments import ExperimentEntry, decode_experiment, encode_experiment
from tests.integration.test_pauses import linger
from tests.support.site import Site, site
from workers.book.topic import BookTopic
from workers.demo.embedded import Pair
from workers.experiments.judging import BY

pytestmark = pytest.mark.integration

RULES = """
rules:
  - id: bought
    title: bought something and has not left
    status: live
    when: {all: [{count: purchase, at least: 1}, {status: active}]}
    hold out: 50%
    success: login within 2 days
    smallest difference: 50 points
    action: at-risk
    template: t
    again after: never
    expires after: 300 days
    examples:
      - name: a customer buys
        given: [{at: start, event: purchase}]
        expect: [{at: start, action: at-risk}]
      - name: a customer leaves
        given: [{at: start, event: cancellation}]
        expect: nothing
"""
CUSTOMERS = 120


async def shown(place: Site, *arguments: str) -> Any:
    answer = await linger(place, *arguments, "--json")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    return json.loads(answer.stdout)


async def paused(place: Site) -> list[tuple[str, str]]:
    return [(one["rule"], one["by"]) for one in (await shown(place, "paused"))["paused"]]


async def held_out(place: Site) -> set[str]:
    decisions = await place.actions("decisions")
    return {one["customer_id"] for one in decisions if one["decision"] == "held_out"}


async def judged_again(place: Site) -> None:
    """Replace the worker by one that has judged the experiments since it began."""
    for process in place.processes:
        if process not in place.stopped:
            await place.stop_worker(process)
    place.start_worker()
    log = place.folder / f"worker-{len(place.processes) - 1}.log"

    async def has_judged() -> bool:
        return "experiment_judged" in log.read_text(errors="replace")

    await place.until(has_judged, "the experiments to be judged")


async def kept(place: Site) -> tuple[str, ExperimentEntry]:
    ((key, text),) = (await place.store.fields(place.store.keys.experiments)).items()
    return key, decode_experiment(text)


@pytest.mark.rest
def test_a_rule_that_harms_is_paused_once_and_who_resumes_it_is_obeyed(apache_pair: Pair, tmp_path: Path) -> None:
    async def law() -> None:
        async with site(apache_pair, tmp_path, RULES) as place:
            for number in range(CUSTOMERS):
                await place.order(f"c{number}", 1)
            await place.now(1.1)
            await place.decided_until(1.1)
            without = await held_out(place)
            assert 30 < len(without) < 90
            for customer in sorted(without):
                await place.login(customer, 1.5)
            await place.now(1.6)
            await place.decided_until(1.6)
            (running,) = await shown(place, "experiments")
            assert (running["state"], running["arms"][1]["running"]) == ("no data", len(without))
            assert await paused(place) == []

            await place.now(10)
            await place.decided_until(10)
            (over,) = await shown(place, "experiments")
            assert over["state"] == "harms"
            assert [(arm["arm"], arm["finished"], arm["won"]) for arm in over["arms"]] == [
                ("treated", CUSTOMERS - len(without), 0),
                ("held out", len(without), len(without)),
            ]
            await judged_again(place)

            async def is_paused() -> bool:
                return await paused(place) == [("bought", BY)]

            await place.until(is_paused, "the rule to be paused")
            (one,) = (await shown(place, "paused"))["paused"]
            assert f"0 of {CUSTOMERS - len(without)} treated (0.0%)" in one["because"]
            assert (await shown(place, "experiments"))[0]["harmed_at"] is not None

            answer = await linger(place, "resume", "bought", "--because", "we want to see more", "--by", "ann")
            assert answer.returncode == 0, answer.stdout + answer.stderr
            await judged_again(place)
            assert await paused(place) == []

            # A worker that died after it had kept the harm, and before it had paused the rule.
            key, entry = await kept(place)
            later = structs.replace(entry, harmed_at=time.time_ns() // 1_000_000)
            await place.store.set_fields(place.store.keys.experiments, {key: encode_experiment(later).decode()})
            topic = BookTopic(place.settings.kafka_connection(), place.settings.topic(BOOK))

            async def is_copied() -> bool:
                return (await topic.experiments())[key] == later

            await place.until(is_copied, "the topic of the book to have it, too")
            await judged_again(place)
            await place.until(is_paused, "the rule to be paused by the next worker")

    asyncio.run(law())
