"""Laws of a `sources.yaml` that changes while workers run: all of it or nothing, and every worker by the newest."""

import asyncio
import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.support.builders import day
from tests.support.site import Site, site
from workers.demo.embedded import Pair
from workers.kafka.topics import TopicPlan, connected_admin, create_missing
from workers.state.meta import since_by_series
from workers.state.source_sets.stored import newest_sources, topics_in

pytestmark = pytest.mark.integration

RULES = """
rules:
  - id: soft
    title: quiet for ten days
    status: live
    when: {none: purchase, for: 10 days}
    action: at-risk
    template: t
    again after: 1 day
    expires after: 3000 days
    examples:
      - name: a customer goes quiet
        given: [{at: start, event: purchase}]
        expect: [{at: 10 days, action: at-risk}]
      - name: a customer keeps buying
        given: [{at: start, event: purchase, every: 5 days, times: 10}]
        watch for: 46 days
        expect: nothing
"""
ORDERS = """
  - {key}
    event: purchase
    max_silence: 3000 days
    {more}
    fields:
      event_id: order_id
      customer_id: {customer}
      occurred_at: {{path: placed_at_ms, format: milliseconds}}
      amount: total
      currency: currency
"""
COMPLETE = "complete_since: 2024-01-01"


def orders(topic: str, *, customer: str = "customer", more: str = COMPLETE) -> str:
    """A source of orders; a topic that is a pattern begins with ^."""
    key = f"topics: {{pattern: '{topic}'}}" if topic.startswith("^") else f"topic: {topic}"
    return ORDERS.format(key=key, customer=customer, more=more)


def written(place: Site, *sources: str) -> str:
    """A sources file, with the site's prefix before each topic."""
    return "sources:" + "".join(sources).replace("topic: ", f"topic: {place.prefix}")


def braced(*sources: str) -> str:
    """The same as `site` wants it."""
    return "sources:" + "".join(sources).replace("{", "{{").replace("}", "}}").replace("topic: ", "topic: {prefix}")


async def make_topics(place: Site, *names: str) -> None:
    async with connected_admin(place.settings.kafka_connection()) as admin:
        kept = {"retention.ms": "-1"}
        await create_missing(admin, [TopicPlan(f"{place.prefix}{name}", 2, 1, kept) for name in names])


async def order(place: Site, topic: str, customer: str, at_day: float, **other: Any) -> None:
    content = {"order_id": f"{topic}-{customer}-{at_day}", "customer": customer, "total": "20.00", "currency": "EUR"}
    await place.send(topic, {**content, "placed_at_ms": day(at_day), **other}, at_day)


def ports(place: Site) -> list[int]:
    return [json.loads(line)["http_port"] for line in place.log().splitlines() if '"worker_ready"' in line]


def ask(port: int, path: str, method: str = "GET") -> tuple[int, dict[str, Any]]:
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


async def reload(place: Site, worker: int = 0) -> tuple[int, dict[str, Any]]:
    return await asyncio.to_thread(ask, ports(place)[worker], "/-/reload", "POST")


async def are_ready(place: Site, number: int) -> None:
    async def is_so() -> bool:
        answers = [await asyncio.to_thread(ask, port, "/readyz") for port in ports(place)]
        lines = [line for _, ready in answers for line in ready.values()]
        all_well = all(line == "ok" or line.startswith("no topic matches") for line in lines)
        return len(answers) == number and all_well and all(status == 200 for status, _ in answers)

    await place.until(is_so, f"{number} workers to be ready")


async def generation(place: Site, number: int) -> None:
    async def is_so() -> bool:
        return (
            place.log().count(f'"generation": {number}') >= len(place.processes) and "sources_loaded" in place.log()
        )

    await place.until(is_so, f"generation {number} in every worker")


def loaded(place: Site) -> list[dict[str, Any]]:
    """What the workers have said of the sources that they took over, in order."""
    lines = [json.loads(line) for line in place.log().splitlines() if '"sources_loaded"' in line]
    return [line for line in lines if line["event"] == "sources_loaded"]


async def reached(place: Site) -> dict[str, int]:
    """By customer, how many different actions there are."""
    found: dict[str, set[str]] = {}
    for action in await place.actions("at-risk"):
        found.setdefault(action["customer_id"], set()).add(action["action_id"])
    return {customer: len(ids) for customer, ids in found.items()}


def linger(place: Site, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "workers", *arguments],
        env={**place.process_environment(), **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


async def since(place: Site) -> Mapping[str, int]:
    """Since when each series is watched, the latest of all partitions."""
    metas = await place.store.metas(range(place.settings.partitions))
    watched: dict[str, int] = {}
    for fields in metas.values():
        for series, since_ms in since_by_series(fields).items():
            watched[series] = max(watched.get(series, 0), since_ms)
    return watched


def test_a_topic_joins_and_another_leaves_without_a_restart_and_nothing_is_lost_or_doubled(
    pair: Pair, tmp_path: Path
) -> None:
    async def law() -> None:
        sources = braced(orders("orders"), orders("logins"))
        async with site(pair, tmp_path, RULES, workers=2, sources=sources, LINGER_RULES_POLL_MS="60000") as place:
            await are_ready(place, 2)
            await make_topics(place, "web")
            for number in range(20):
                await order(place, "orders", f"o{number}", 1)
                await order(place, "logins", f"l{number}", 1)
                await order(place, "web", f"w{number}", 1)
            await place.now(2)
            await place.decided_until(2)
            (tmp_path / "sources.yaml").write_text(written(place, orders("orders"), orders("web")))
            status, body = await reload(place)
            assert status == 200, body
            assert body["sources"] == [
                f"sources added: {place.prefix}web",
                f"sources removed: {place.prefix}logins",
            ]
            status, body = await reload(place, 1)
            assert status == 200, body
            assert await newest_sources(place.store) == 2
            assert [line["generation"] for line in loaded(place)] == [1, 2, 1, 2]
            await are_ready(place, 2)
            for number in range(20):
                await order(place, "logins", f"l{number}", 3)  # it is not read any more
                await order(place, "web", f"w{number}", 3)
                await order(place, "orders", f"x{number}", 3)
            await place.now(30)
            await place.decided_until(30)
            names = [f"{kind}{number}" for kind in "olwx" for number in range(20)]
            assert await reached(place) == dict.fromkeys(names, 1)
            # The one that left comes back: it goes on where it was left.
            (tmp_path / "sources.yaml").write_text(
                written(place, orders("orders"), orders("web"), orders("logins", more=COMPLETE))
            )
            assert (await reload(place))[0] == 200
            assert (await reload(place, 1))[0] == 200
            for number in range(20):
                await order(place, "logins", f"l{number}", 31)
            await place.now(60)
            await place.decided_until(60)
            counters = await place.counters()
            assert (counters["customers"], counters["events"]) == (80, 60 + 60 + 20)
            assert not await place.read("dead-letter")

    asyncio.run(law())


@pytest.mark.rest
def test_a_file_with_any_problem_changes_nothing_and_is_said(pair: Pair, tmp_path: Path) -> None:
    async def law() -> None:
        async with site(pair, tmp_path, RULES, sources=braced(orders("orders"))) as place:
            await are_ready(place, 1)
            path = tmp_path / "sources.yaml"
            path.write_text(written(place, orders("orders")).replace("purchase", "puchase"))
            status, body = await reload(place)
            assert status == 400
            assert "did you mean 'purchase'" in body["problems"][0]
            # A topic that is not there, and types that rules need, count as much as a slip of the pen.
            path.write_text(written(place, orders("orders"), orders("nowhere")))
            status, body = await reload(place)
            assert (status, len(body["problems"])) == (400, 1)
            assert f"'{place.prefix}nowhere' does not exist" in body["problems"][0]
            path.write_text(written(place, orders("orders")))
            (tmp_path / "rules.yaml").write_text(RULES.replace("none: purchase", "none: complaint"))
            status, body = await reload(place)
            assert status == 400
            assert "no event type 'complaint'" in body["problems"][0]
            status, ready = await asyncio.to_thread(ask, ports(place)[0], "/readyz")
            assert status == 200  # the worker does its part: a new process would not do better
            assert "complaint" in ready["rules"]
            assert await newest_sources(place.store) == 1
            await order(place, "orders", "ada", 1)
            await place.now(20)
            await place.decided_until(20)
            assert await reached(place) == {"ada": 1}
            # Both at once: the rule needs what only the new sources declare.
            path.write_text("event_types: {complaint: {}}\n" + written(place, orders("orders")))
            (tmp_path / "rules.yaml").write_text(RULES.replace("purchase", "complaint"))
            status, body = await reload(place)
            assert status == 200, body
            await are_ready(place, 1)
            assert await newest_sources(place.store) == 2

    asyncio.run(law())


def test_a_worker_that_starts_with_an_older_file_is_refused_until_it_is_promoted(pair: Pair, tmp_path: Path) -> None:
    async def law() -> None:
        async with site(pair, tmp_path, RULES, sources=braced(orders("orders"))) as place:
            await are_ready(place, 1)
            old = tmp_path / "old.yaml"
            old.write_text((tmp_path / "sources.yaml").read_text())
            (tmp_path / "sources.yaml").write_text(written(place, orders("orders"), orders("logins")))
            assert (await reload(place))[0] == 200
            late = await asyncio.to_thread(linger, place, "run", LINGER_SOURCES=str(old))
            assert late.returncode == 2
            assert "linger sources promote" in late.stderr + late.stdout
            promoted = await asyncio.to_thread(linger, place, "sources", "promote", str(old))
            assert promoted.returncode == 0, promoted.stderr
            assert f"sources removed: {place.prefix}logins" in promoted.stdout.replace("\n", " ")
            assert await newest_sources(place.store) == 3

            # The worker that still has the other file stops, and says what it waits for.
            async def says_so() -> bool:
                _, ready = await asyncio.to_thread(ask, ports(place)[0], "/readyz")
                return "older than the active one" in ready["newest_sources"]

            await place.until(says_so, "the worker to know that its sources are older")
            await order(place, "orders", "ada", 1)
            await place.now(20)
            (tmp_path / "sources.yaml").write_text(old.read_text())
            assert (await reload(place))[0] == 200
            await place.decided_until(20)
            assert await reached(place) == {"ada": 1}

    asyncio.run(law())


@pytest.mark.rest
def test_two_workers_agree_while_only_one_has_the_newest_file(pair: Pair, tmp_path: Path) -> None:
    """The second file declares a type of its own: the other worker must not take its events for unreadable."""

    async def law() -> None:
        def visits(place: Site) -> str:
            head = f"topic: {place.prefix}visits" if place.prefix else "topic: visits"
            return (
                f"\n  - {head}\n    event: visit\n    max_silence: 3000 days\n    {COMPLETE}\n    fields:\n"
                "      event_id: id\n      customer_id: customer\n"
                "      occurred_at: {path: at, format: milliseconds}\n"
            )

        sources = braced(orders("orders"))
        async with site(pair, tmp_path, RULES, sources=sources, LINGER_RULES_POLL_MS="60000") as place:
            await are_ready(place, 1)
            other = tmp_path / "other.yaml"
            other.write_text((tmp_path / "sources.yaml").read_text())
            place.environment["LINGER_SOURCES"] = str(other)
            place.start_worker()
            await are_ready(place, 2)
            await make_topics(place, "visits")
            newest = "event_types: {visit: {}}\nsources:" + written(place, orders("orders"))[8:] + visits(place)
            (tmp_path / "sources.yaml").write_text(newest)
            assert (await reload(place))[0] == 200

            async def knows() -> bool:
                _, ready = await asyncio.to_thread(ask, ports(place)[1], "/readyz")
                return "older than the active one" in ready["newest_sources"]

            await place.until(knows, "the other worker to wait for the newest file")
            for number in range(40):
                visit = {"id": f"v{number}", "customer": f"c{number}", "at": day(1)}
                await place.send("visits", visit, 1)
                await order(place, "orders", f"c{number}", 1)
            await place.now(20)
            live = time.monotonic() + 3
            while time.monotonic() < live:
                assert not await place.read("dead-letter")
            other.write_text(newest)
            assert (await reload(place, 1))[0] == 200
            await place.decided_until(20)
            assert await reached(place) == {f"c{number}": 1 for number in range(40)}
            assert (await place.counters())["events"] == 80
            assert not await place.read("dead-letter")

    asyncio.run(law())


CASES = """
  - topic: {topic}
    complete_since: 2024-01-01
    max_silence: 3000 days
    fields:
      event_id: id
      customer_id: customer
      occurred_at: {{path: at, format: milliseconds}}
    one_of:
      - event: login
        only_when: {{kind: seen}}
"""
BOUGHT = """      - event: purchase
        only_when: {kind: bought}
        fields: {amount: total, currency: currency}
"""


@pytest.mark.rest
def test_a_case_that_is_added_is_read_without_a_restart_and_begins_only_its_own_type_anew(
    pair: Pair, tmp_path: Path
) -> None:
    async def law() -> None:
        cases = CASES.format(topic="events").replace(f"    {COMPLETE}\n", "")
        async with site(pair, tmp_path, RULES, sources=braced(cases, orders("orders"))) as place:
            await are_ready(place, 1)

            async def send(kind: str, at_day: float) -> None:
                event = {"id": f"{kind}{at_day}", "customer": "ada", "at": day(at_day), "kind": kind}
                await place.send("events", {**event, "total": "3.00", "currency": "EUR"}, at_day)

            await send("bought", 1)
            await send("seen", 1)
            await place.now(2)
            await place.decided_until(2)
            assert (await place.counters())["events"] == 1
            (tmp_path / "sources.yaml").write_text(written(place, cases, BOUGHT, orders("orders")))
            status, body = await reload(place)
            assert status == 200, body
            assert body["sources"] == [
                f"sources that read other events than before: {place.prefix}events",
                "types watched since now only: purchase",
            ]
            await send("bought", 3)
            await place.now(20)
            await place.decided_until(20)
            assert (await place.counters())["events"] == 2
            assert (await since(place))["purchase"] == day(2)

    asyncio.run(law())


@pytest.mark.rest
def test_a_type_that_is_read_otherwise_is_watched_anew_unless_its_history_is_complete(
    pair: Pair, tmp_path: Path
) -> None:
    async def law() -> None:
        async with site(pair, tmp_path, RULES, sources=braced(orders("orders", more=""))) as place:
            await are_ready(place, 1)
            await order(place, "orders", "ada", 1, buyer="eve")
            await place.now(5)
            await place.decided_until(5)

            async def is_watched() -> bool:
                return (await since(place)).get("purchase") == day(0)

            await place.until(is_watched, "the type to be watched since the beginning")
            (tmp_path / "sources.yaml").write_text(written(place, orders("orders", more="attributes: {shop: shop}")))
            status, body = await reload(place)
            assert (status, body["sources"]) == (200, "nothing is read otherwise than before")
            await order(place, "orders", "ada", 5.5)
            await place.now(6)
            await place.decided_until(6)
            assert (await since(place))["purchase"] == day(0)
            (tmp_path / "sources.yaml").write_text(written(place, orders("orders", customer="buyer", more="")))
            status, body = await reload(place)
            assert (status, body["sources"]) == (
                200,
                [
                    f"sources that read other events than before: {place.prefix}orders",
                    "types watched since now only: purchase",
                ],
            )
            await order(place, "orders", "ada", 6.5, buyer="eve")
            await place.now(7)
            await place.decided_until(7)
            assert (await since(place))["purchase"] == day(6)
            (tmp_path / "sources.yaml").write_text(written(place, orders("orders")))
            status, body = await reload(place)
            assert body["sources"] == [f"sources that read other events than before: {place.prefix}orders"]
            await order(place, "orders", "ada", 7.5)
            await place.now(8)
            await place.decided_until(8)
            assert (await since(place))["purchase"] == day(6)

    asyncio.run(law())


def test_a_topic_that_appears_under_a_pattern_is_read_and_holds_nothing_up(pair: Pair, tmp_path: Path) -> None:
    async def law() -> None:
        sources = braced(orders("orders"), orders("^{prefix}shop[.].*$").replace("{prefix}", "PREFIX"))
        sources = sources.replace("PREFIX", "{prefix}")
        async with site(pair, tmp_path, RULES, workers=2, sources=sources, LINGER_TOPICS_POLL_MS="300") as place:

            async def notes() -> bool:
                if len(ports(place)) < 2:
                    return False
                status, ready = await asyncio.to_thread(ask, ports(place)[0], "/readyz")
                return status == 200 and "no topic matches" in ready["patterns"]

            await place.until(notes, "the pattern to match nothing, which is no problem")
            await order(place, "orders", "ada", 1)
            await place.now(5)
            await place.decided_until(5)
            await make_topics(place, "shop.nl")
            for number in range(300):
                await order(place, "shop.nl", f"n{number}", 2)

            async def counts() -> bool:
                stored = await place.store.redis.fields(place.store.keys.source_sets)
                topics = topics_in(stored)
                return bool(topics) and all(topic.counts for topic in topics.values())

            async def are_known() -> bool:
                return (await place.counters())["customers"] == 301

            await place.now(6)
            await place.until(counts, "the topic to have been read up to the moment at which it appeared")
            await place.until(are_known, "the customers of all its records")
            await order(place, "shop.nl", "bea", 8)
            await place.now(40)
            await place.decided_until(40)
            acted = await reached(place)
            assert acted["ada"] == acted["bea"] == 1
            await are_ready(place, 2)

    asyncio.run(law())


@pytest.mark.rest
def test_a_topic_that_two_patterns_match_is_left_out_and_said(pair: Pair, tmp_path: Path) -> None:
    async def law() -> None:
        patterns = [orders("^PREFIXshop[.].*$"), orders("^PREFIX.*[.]nl$")]
        sources = braced(orders("orders"), *patterns).replace("PREFIX", "{prefix}")
        async with site(pair, tmp_path, RULES, sources=sources, LINGER_TOPICS_POLL_MS="300") as place:
            await are_ready(place, 1)
            await make_topics(place, "shop.nl", "shop.de")

            async def is_said() -> bool:
                status, ready = await asyncio.to_thread(ask, ports(place)[0], "/readyz")
                return status == 200 and f"{place.prefix}shop.nl" in ready["patterns"]

            await place.until(is_said, "the worker to say which topic it leaves out")
            await order(place, "shop.nl", "eve", 1)
            await order(place, "shop.de", "bea", 1)
            await place.now(2)

            async def is_read() -> bool:
                return (await place.counters()).get("customers") == 1

            await place.until(is_read, "the other one to be read")

    asyncio.run(law())
