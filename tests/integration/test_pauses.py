"""Laws of `linger pause`, `linger resume` and the brake, over real Kafka and Redis and real workers."""

import asyncio
import json
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.integration.test_rebuild import forget_everything, rebuild, stop_workers
from tests.support.site import Site, site
from workers.demo.embedded import Pair
from workers.kafka.groups import members_of
from workers.kafka.topics import connected_admin

pytestmark = pytest.mark.integration

RULES = """
rules:
  - id: bought
    title: bought something and has not left
    status: live
    when: {all: [{count: purchase, at least: 1}, {status: active}]}
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


async def linger(place: Site, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "workers", *arguments],
        env=place.process_environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


class Shop:
    """New customers who buy something, until it is closed; each of them is an action."""

    def __init__(self, place: Site) -> None:
        self.place = place
        self.customers = 0
        self.at_day = 1.0
        self._task: asyncio.Task[None] | None = None
        self._closing = asyncio.Event()

    async def sell(self) -> None:
        self.at_day += 0.002
        await self.place.order(f"c{self.customers}", self.at_day)
        self.customers += 1
        await self.place.now(self.at_day)

    def open(self) -> None:
        async def go_on() -> None:
            while not self._closing.is_set():
                await self.sell()
                await asyncio.sleep(0.02)

        self._closing.clear()
        self._task = asyncio.create_task(go_on())

    async def close(self) -> None:
        """Close after the sale that is under way, so that it is counted."""
        assert self._task is not None
        self._closing.set()
        await self._task

    async def leave(self, number: int) -> None:
        """Let a customer cancel."""
        self.at_day += 0.002
        at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(1_704_067_200 + self.at_day * 86_400))
        event = {"event_id": f"x{number}", "customer_id": f"c{number}", "type": "cancellation", "occurred_at": at}
        await self.place.send("events", {**event, "reason": "price"}, self.at_day, f"c{number}".encode())
        await self.place.now(self.at_day)

    async def later(self, days: float) -> None:
        self.at_day += days
        await self.place.now(self.at_day)


async def sent(place: Site) -> list[tuple[int, dict[str, Any]]]:
    """Every record of the action topic with Kafka's time in milliseconds."""
    return [(record.timestamp, json.loads(record.value)) for record in await place.read("at-risk")]


def active(records: list[tuple[int, dict[str, Any]]]) -> Counter[str]:
    """How many actions each customer has; a record that a killed worker had sent may come again, and is the same."""
    return Counter(active_ids(records).values())


def active_ids(records: list[tuple[int, dict[str, Any]]]) -> dict[str, str]:
    return {action["action_id"]: action["customer_id"] for _, action in records if action["status"] == "active"}


async def held_ids(place: Site) -> set[str]:
    names = await place.store.redis.call([("HKEYS", place.store.keys.partition(n).held) for n in range(4)])
    return {name.decode() for of_partition in names for name in of_partition}


async def held(place: Site) -> int:
    return sum(await place.store.redis.call([("HLEN", place.store.keys.partition(n).held) for n in range(4)]))


async def has_no_workers(place: Site) -> bool:
    async with connected_admin(place.settings.kafka_connection()) as admin:
        return await members_of(admin, place.settings.kafka_group_id) == 0


@pytest.mark.long
def test_two_seconds_after_a_pause_nothing_of_it_goes_out_whatever_happens_and_a_resume_sends_all_of_it_once(
    apache_pair: Pair, tmp_path: Path
) -> None:
    async def law() -> None:
        async with site(apache_pair, tmp_path, RULES, workers=2) as place:
            shop = Shop(place)

            async def has_sent(number: int) -> bool:
                return len(await place.read("at-risk")) >= number

            shop.open()
            await place.until(lambda: has_sent(60), "actions to flow")
            answer = await linger(place, "pause", "--all", "--because", "the offer is wrong", "--by", "ann", "--json")
            returned_ms = time.time_ns() // 1_000_000
            assert answer.returncode == 0, answer.stdout + answer.stderr
            said = json.loads(answer.stdout)
            assert (said["workers"], said["unconfirmed_partitions"], said["problem"]) == (True, [], None)

            async def are_held(number: int) -> bool:
                return await held(place) >= number

            await place.until(lambda: are_held(80), "the actions to be held")
            place.processes[0].kill()  # the other one takes over
            place.start_worker()
            await place.until(lambda: are_held(160), "more of them to be held")
            await shop.close()
            gone = sorted(active(await sent(place)))[0]
            await shop.leave(int(gone.removeprefix("c")))
            await shop.later(0.1)
            await place.decided_until(shop.at_day)

            async def is_taken_back() -> bool:
                return any(action["status"] == "retracted" for _, action in await sent(place))

            await place.until(is_taken_back, "a retraction to go out during the pause")
            await stop_workers(place)
            records = await sent(place)
            late = [at_ms for at_ms, action in records if action["status"] == "active"]
            assert max(late) <= returned_ms + 2_000, max(late) - returned_ms
            out = len(active(records))
            were_held = shop.customers - out
            # What a killed worker had sent, and not noted, is held too; a resume would send the same again.
            assert len({*active_ids(records), *await held_ids(place)}) == shop.customers

            await forget_everything(place, shop.at_day)
            await place.until(lambda: has_no_workers(place), "the killed worker to be missed by its group")
            await rebuild(place)
            assert await held(place) == were_held
            place.start_worker()
            place.start_worker()
            shown = json.loads((await linger(place, "paused", "--json")).stdout)
            assert [(one["rule"], one["by"], one["because"]) for one in shown["paused"]] == [
                (None, "ann", "the offer is wrong")
            ]
            rows = json.loads((await linger(place, "rules", "held", "--json")).stdout)
            assert [(row["rule"], row["because"], row["held"]) for row in rows] == [("bought", "pause", were_held)]
            await shop.sell()
            await shop.later(0.1)
            await place.decided_until(shop.at_day)
            await place.until(lambda: are_held(were_held + 1), "a new action to be held after the rebuild, too")
            assert len(active(await sent(place))) == out

            answer = await linger(place, "resume", "--all", "--json")
            assert answer.returncode == 0, answer.stdout + answer.stderr

            async def nothing_is_held() -> bool:
                await shop.later(0.05)  # the brake and the pace count by this clock
                return await held(place) == 0

            await place.until(nothing_is_held, "everything to be let go")
            await place.decided_until(shop.at_day)
            counts = active(await sent(place))
            assert set(counts) == {f"c{number}" for number in range(shop.customers)}
            assert set(counts.values()) == {1}
            assert json.loads((await linger(place, "paused", "--json")).stdout)["paused"] == []

    asyncio.run(law())


@pytest.mark.rest
def test_without_workers_a_pause_is_written_and_said_to_count_later_and_an_unknown_rule_is_refused(
    apache_pair: Pair, tmp_path: Path
) -> None:
    async def law() -> None:
        async with site(apache_pair, tmp_path, RULES, workers=0) as place:
            shop = Shop(place)
            wrong = await linger(place, "pause", "bougt", "--because", "x")
            assert wrong.returncode == 2
            assert "did you mean 'bought'?" in " ".join(wrong.stderr.split())
            silent = await linger(place, "pause", "bought")
            assert (silent.returncode, "--because" in silent.stderr) == (2, True)
            began = time.monotonic()
            answer = await linger(place, "pause", "bought", "--because", "[red]wrong[/] offer")
            assert (answer.returncode, "No worker runs" in answer.stdout) == (0, True)
            assert time.monotonic() - began < 8
            assert "[red]wrong[/] offer" in (await linger(place, "pause", "--list")).stdout
            place.start_worker()
            await shop.sell()
            await shop.later(0.1)
            await place.decided_until(shop.at_day)
            assert await sent(place) == []
            assert await held(place) == 1
            both = await linger(place, "resume", "--all")
            assert (both.returncode, "paused by name: bought" in " ".join(both.stderr.split())) == (1, True)
            assert (await linger(place, "resume", "bought")).returncode == 0

            async def is_sent() -> bool:
                return len(await sent(place)) == 1

            await place.until(is_sent, "the action to be let go")
            again = await linger(place, "resume", "bought")
            assert (again.returncode, "'bought' is not paused" in again.stderr) == (1, True)

    asyncio.run(law())


@pytest.mark.rest
def test_a_pause_by_other_settings_than_those_of_the_workers_is_written_and_never_said_to_be_confirmed(
    apache_pair: Pair, tmp_path: Path
) -> None:
    async def law() -> None:
        async with site(apache_pair, tmp_path, RULES) as place:
            shop = Shop(place)
            await shop.sell()
            await shop.later(0.1)
            await place.decided_until(shop.at_day)
            for setting, value, said in (
                ("LINGER_PARTITIONS", "2", "Set LINGER_PARTITIONS=4"),
                ("LINGER_PARTITIONS", "8", "Set LINGER_PARTITIONS=4"),
                ("LINGER_REDIS_NAMESPACE", "nowhere", "under the namespace 'nowhere'"),
            ):
                right = place.environment[setting]
                place.environment[setting] = value
                answer = await linger(place, "pause", "--all", "--because", f"with {setting}={value}", "--by", "ann")
                shown = await linger(place, "paused")
                place.environment[setting] = right
                assert answer.returncode == 1, answer.stdout
                assert "confirmed" not in answer.stdout
                assert said in " ".join(answer.stderr.split())
                assert said in " ".join(shown.stdout.split())  # about the brake
            # The reason that another operator gave is not replaced without a word.
            again = await linger(place, "pause", "--all", "--because", "mine", "--by", "bob")
            assert again.returncode == 0
            assert "by ann, because: with LINGER_REDIS_NAMESPACE=nowhere" in " ".join(again.stdout.split())

    asyncio.run(law())


@pytest.mark.rest
def test_a_worker_that_does_not_answer_is_named(apache_pair: Pair, tmp_path: Path) -> None:
    async def law() -> None:
        async with site(apache_pair, tmp_path, RULES) as place:
            shop = Shop(place)
            await shop.later(0.1)
            await place.decided_until(shop.at_day)
            place.processes[0].send_signal(signal.SIGSTOP)
            try:
                answer = await linger(place, "pause", "--all", "--because", "x", "--json")
            finally:
                place.processes[0].send_signal(signal.SIGCONT)
            assert answer.returncode == 1
            assert json.loads(answer.stdout)["unconfirmed_partitions"] == [0, 1, 2, 3]

    asyncio.run(law())


@pytest.mark.rest
def test_the_brake_holds_what_exceeds_it_until_somebody_releases_it(apache_pair: Pair, tmp_path: Path) -> None:
    async def law() -> None:
        rules = "for every rule:\n  brake: at most 8 per hour\n" + RULES
        async with site(apache_pair, tmp_path, rules, workers=2) as place:
            shop = Shop(place)
            shop.at_day = 3.0
            for number in range(30):
                await place.order(f"c{number}", 3.0)
            await shop.later(0.01)

            async def are_decided() -> bool:
                return len(await sent(place)) + await held(place) == 30

            await place.until(are_decided, "everything to be decided")
            for _ in range(3):
                await shop.later(1)
                await place.decided_until(shop.at_day)
            assert (len(active(await sent(place))), await held(place)) == (8, 22)
            assert '"brake_holds"' in place.log()
            (row,) = json.loads((await linger(place, "rules", "held", "--json")).stdout)
            assert (row["because"], row["held"]) == ("brake", 22)
            brake = json.loads((await linger(place, "paused", "--json")).stdout)["brake"]
            assert (brake["limit"], brake["from"]) == (8, "rule files")
            assert (await linger(place, "rules", "release", "bought", "--at-most", "12")).returncode == 0

            async def is_released() -> bool:
                return len(active(await sent(place))) == 20

            await place.until(is_released, "what was released to go out")
            assert (await linger(place, "rules", "discard", "bought", "--all")).returncode == 0

            async def nothing_is_held() -> bool:
                return await held(place) == 0

            await place.until(nothing_is_held, "the rest to be discarded")
            assert set(active(await sent(place)).values()) == {1}

    asyncio.run(law())
