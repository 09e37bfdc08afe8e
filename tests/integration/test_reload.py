"""Laws of reloading: a running site takes over new rules without losing or doubling anything."""

import asyncio
import json
import random
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from functools import partial
from pathlib import Path

import pytest

from schemas.actions import Action, Decision
from tests.support.builders import TYPES, day, event, rules, watched
from tests.support.decided import decide
from tests.support.oracle import left
from tests.support.site import Site, site
from workers.demo.embedded import Pair
from workers.rule_files.known_names import KnownNames
from workers.rule_files.rules import load_book
from workers.state.rule_sets.activation import as_active, newest_generation

pytestmark = pytest.mark.integration

EXAMPLES = """
    examples:
      - name: a customer goes quiet
        given: [{{at: start, event: purchase}}]
        expect: [{{at: {days} days, action: at-risk}}]
      - name: a customer keeps buying
        given: [{{at: start, event: purchase, every: 5 days, times: 10}}]
        watch for: 46 days
        expect: nothing
"""


def written(rule_id: str, days: int, **other: str) -> str:
    """A live rule in a file's words."""
    lines = {
        "id": rule_id,
        "title": f"quiet for {days} days",
        "status": "live",
        "when": f"{{none: purchase, for: {days} days}}",
        "action": "at-risk",
        "template": "t",
        "again after": "1 day",
        "expires after": "3000 days",
        **{name.replace("_", " "): value for name, value in other.items()},
    }
    first, *rest = (f"{name}: {value}" for name, value in lines.items())
    return "\n    ".join([f"  - {first}", *rest]) + EXAMPLES.format(days=days)


def file_of(*parts: str) -> str:
    return "rules:\n" + "\n".join(parts)


async def until_generation(place: Site, number: int) -> None:
    async def is_there() -> bool:
        metas = await place.store.metas(range(place.settings.partitions))
        return await newest_generation(place.store) == number and all(
            int(meta.get("swept", 0)) == number for meta in metas.values()
        )

    await place.until(is_there, f"every partition to be swept under rule set {number}")


def test_a_reload_under_load_loses_and_doubles_nothing(pair: Pair, tmp_path: Path) -> None:
    async def law() -> None:
        chance = random.Random(4)
        orders = sorted((round(chance.uniform(1, 60), 3), f"c{chance.randrange(80)}") for _ in range(700))
        begin = file_of(written("soft", 10))
        async with site(pair, tmp_path, begin, workers=2, LINGER_RULES_POLL_MS="100") as place:
            await place.until(lambda: generation_is(place, 1), "the workers to start")
            path = tmp_path / "rules.yaml"
            after = {
                20.0: file_of(written("soft", 10, title="another title"), written("hard", 15)),
                30.0: file_of(written("soft", 10), written("hard", 15), written("third", 12, status="shadow")),
                40.0: file_of(written("soft", 10), written("hard", 16)),
            }
            clock, number = 0.0, 1
            for at_day, customer in orders:
                if at_day - clock >= 2:
                    clock = at_day - 0.0005
                    await place.now(clock)
                for reload_day in [one for one in after if one <= at_day]:
                    await place.now(at_day - 0.0005)
                    path.write_text(after.pop(reload_day))
                    number += 1
                    await place.until(partial(generation_is, place, number), f"rule set {number}")
                await place.order(customer, at_day)
            await place.now(200)
            await place.decided_until(200)
            await until_generation(place, number)
            published = [json.loads(record.value) for record in await place.read("at-risk")]
            book, problems = load_book([path], KnownNames(TYPES))
            assert not problems
            assert len(book.rules) == 2
            # At least once: a record may come again, and is the same then.
            contents: dict[tuple[str, str], str] = {}
            for action in published:
                content = json.dumps(action, sort_keys=True)
                assert contents.setdefault((action["action_id"], action["status"]), content) == content
            standing = {action["action_id"]: action["status"] for action in published}
            active_ids = {
                rule_id: {
                    action["action_id"]
                    for action in published
                    if action["rule"]["id"] == rule_id and standing[action["action_id"]] == "active"
                }
                for rule_id in ("soft", "hard", "third")
            }
            # A rule whose meaning never changed decides as if there had been no reload.
            steady = rules(next(rule for rule in book.rules if rule.id == "soft"))
            expected: list[Action | Decision] = []
            for customer in {name for _, name in orders}:
                events = [event("purchase", at, customer=customer) for at, name in orders if name == customer]
                expected += decide(customer, None, events, steady, watched(steady), day(200)).decisions
            assert active_ids["soft"] == set(left(expected))
            assert active_ids["third"] == set()
            # The new one acted for no customer who met it before it went live, and for all who met it later.
            newest = await as_active(place.store, rules(*book.rules))
            live_ms = newest.by_id["hard"].live_since_ms
            assert live_ms >= day(39)
            last = {customer: at for at, customer in orders}
            due = {customer for customer, at in last.items() if day(at + 16) >= live_ms}
            # Some of them by the rule as it was before, if its moment came before the change.
            reached = {
                action["customer_id"]
                for action in published
                if action["rule"]["id"] == "hard" and standing[action["action_id"]] == "active"
            }
            assert due <= reached
            assert 0 < len(due) <= len(last)

    asyncio.run(law())


async def generation_is(place: Site, number: int) -> bool:
    metas = await place.store.metas(range(place.settings.partitions))
    return all(int(meta.get("swept", 0)) == number for meta in metas.values())


def test_a_new_rule_finds_those_who_are_silent_and_leaves_them_alone(pair: Pair, tmp_path: Path) -> None:
    async def law() -> None:
        async with site(pair, tmp_path, file_of(written("soft", 100)), LINGER_RULES_POLL_MS="100") as place:
            for number in range(20):
                await place.order(f"c{number}", 1 + number)
            await place.now(25)
            await place.decided_until(25)
            (tmp_path / "rules.yaml").write_text(file_of(written("soft", 100), written("hard", 12)))
            await until_generation(place, 2)
            await place.now(50)
            await place.decided_until(50)
            reached = {action["customer_id"] for action in await place.actions("at-risk")}
            assert reached == {f"c{number}" for number in range(20) if 1 + number + 12 >= 25}

    asyncio.run(law())


@pytest.mark.rest
def test_those_who_met_a_rule_before_can_be_included_at_its_pace_and_the_rest_is_held_for_people(
    pair: Pair, tmp_path: Path
) -> None:
    async def law() -> None:
        async with site(pair, tmp_path, file_of(written("soft", 100)), LINGER_RULES_POLL_MS="100") as place:
            for number in range(20):
                await place.order(f"c{number}", 1)
            await place.now(25)
            await place.decided_until(25)
            include = written("hard", 12, existing="include", pace="at most 6 per day")
            (tmp_path / "rules.yaml").write_text(file_of(written("soft", 100), include))
            await until_generation(place, 2)
            await place.now(25.2)
            await place.decided_until(25.2)
            assert await published(place, 6)
            held = json.loads(linger(place, "rules", "held", "--json").stdout)
            assert [(held_rule["rule"], held_rule["held"]) for held_rule in held] == [("hard", 14)]
            assert linger(place, "rules", "release", "hard", "--at-most", "5").returncode == 0
            await place.until(lambda: published(place, 11), "five more actions")
            assert linger(place, "rules", "discard", "hard", "--all").returncode == 0
            await place.until(lambda: nothing_held(place), "nothing to be held any more")
            assert await published(place, 11)
            decisions = [json.loads(record.value) for record in await place.read("decisions")]
            assert (
                len({decision["action_id"] for decision in decisions if decision["detail"] == "discarded by hand"})
                == 9
            )

    asyncio.run(law())


def test_actions_above_the_pace_can_be_spread_over_time(pair: Pair, tmp_path: Path) -> None:
    async def law() -> None:
        paced = written("soft", 10, pace="at most 4 per day", over_pace="spread")
        async with site(pair, tmp_path, file_of(paced)) as place:
            for number in range(10):
                await place.order(f"c{number}", 1)
            for number, at_day in ((4, 11.5), (8, 12.5), (10, 13.5)):
                await place.now(at_day)
                await place.decided_until(at_day)
                await place.until(partial(published, place, number), f"{number} actions")
            assert await published(place, 10)

    asyncio.run(law())


async def published(place: Site, number: int) -> bool:
    return len({action["action_id"] for action in await place.actions("at-risk")}) == number


async def nothing_held(place: Site) -> bool:
    return bool(json.loads(linger(place, "rules", "held", "--json").stdout) == [])


def linger(place: Site, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "workers", *arguments],
        env=place.process_environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_broken_file_changes_nothing_and_is_reported_and_the_fixed_one_counts(pair: Pair, tmp_path: Path) -> None:
    async def law() -> None:
        async with site(pair, tmp_path, file_of(written("soft", 10)), LINGER_RULES_POLL_MS="60000") as place:
            await place.until(lambda: generation_is(place, 1), "the worker to start")
            path, good = tmp_path / "rules.yaml", file_of(written("soft", 11))
            path.write_text(good.replace("purchase", "puchase", 1))
            status, body = await asyncio.to_thread(reload, place)
            assert status == 400
            assert "did you mean 'purchase'" in body
            place.processes[0].send_signal(signal.SIGHUP)
            await place.until(lambda: logged(place, "rules_refused", 2), "the refusal to be logged")
            assert await newest_generation(place.store) == 1
            path.write_text(good)
            assert (await asyncio.to_thread(reload, place))[0] == 200
            assert await newest_generation(place.store) == 2
            path.write_text(file_of(written("soft", 12)))
            place.processes[0].send_signal(signal.SIGHUP)
            await place.until(lambda: generation_is(place, 3), "the third rule set")

    asyncio.run(law())


async def logged(place: Site, name: str, times: int) -> bool:
    return place.log().count(f'"{name}"') >= times


def reload(place: Site) -> tuple[int, str]:
    """POST /-/reload to the first worker; return the answer's status and text."""
    ports = [json.loads(line)["http_port"] for line in place.log().splitlines() if '"worker_ready"' in line]
    request = urllib.request.Request(f"http://127.0.0.1:{ports[0]}/-/reload", method="POST")
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_a_worker_with_older_rules_does_not_decide_for_what_newer_rules_have_seen(pair: Pair, tmp_path: Path) -> None:
    async def law() -> None:
        old, new = file_of(written("soft", 10)), file_of(written("soft", 12))
        async with site(pair, tmp_path, old, LINGER_RULES_POLL_MS="100") as place:
            await place.order("ada", 1)
            await place.until(lambda: generation_is(place, 1), "the worker to start")
            (tmp_path / "rules.yaml").write_text(new)
            await until_generation(place, 2)
            (tmp_path / "old").mkdir()
            (tmp_path / "old" / "rules.yaml").write_text(old)
            late = linger_run(place, {"LINGER_RULES": str(tmp_path / "old")})
            assert late.returncode == 2
            assert "linger rules promote" in late.stderr + late.stdout
            promoted = linger(place, "rules", "promote", str(tmp_path / "old"))
            assert promoted.returncode == 0, promoted.stderr
            assert await newest_generation(place.store) == 3

    asyncio.run(law())


def linger_run(place: Site, environment: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "workers", "run"],
        env={**place.process_environment(), **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
