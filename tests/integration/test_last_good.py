"""Laws of a worker that starts with broken files: it works by the newest rules and sources that Redis holds."""

import asyncio
import json
import random
import signal
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from schemas.sources import SourcesFile
from tests.integration.test_reload import file_of, generation_is, linger_run, logged, until_generation, written
from tests.integration.test_store import lawful
from tests.support.builders import day, rule, rules
from tests.support.site import Site, site
from workers.core.source_changes import content_hash
from workers.demo.embedded import Pair
from workers.state.rule_sets.activation import activate, newest_generation
from workers.state.rule_sets.last_good import MAX_BYTES, FilesRead, keep_files, newest_files
from workers.state.source_sets.activation import activate_sources
from workers.state.store import Store

pytestmark = [pytest.mark.integration, pytest.mark.rest]

GOOD: Final = file_of(written("soft", 10))
BETTER: Final = file_of(written("soft", 10), written("hard", 15))


def broken_rules(folder: Path) -> None:
    (folder / "rules.yaml").write_text(GOOD.replace("purchase", "puchase", 1))


def broken_sources(folder: Path) -> None:
    (folder / "sources.yaml").write_text("sources: [\n")


def missing_rules(folder: Path) -> None:
    (folder / "rules.yaml").rename(folder / "elsewhere")


def unreadable_sources(folder: Path) -> None:
    (folder / "sources.yaml").unlink()
    (folder / "sources.yaml").mkdir()


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (broken_rules, "did you mean 'purchase'?"),
        (broken_sources, "sources.yaml:"),
        (missing_rules, "No such file or directory"),
        (unreadable_sources, "Is a directory"),
    ],
)
def test_a_worker_that_starts_with_broken_files_decides_by_the_last_good_ones_until_they_are_well(
    pair: Pair, tmp_path: Path, harm: Callable[[Path], None], said: str
) -> None:
    async def law() -> None:
        async with site(pair, tmp_path, GOOD, LINGER_RULES_POLL_MS="100") as place:
            sources = (tmp_path / "sources.yaml").read_text()
            await place.order("ada", 1)
            await place.now(2)
            await place.decided_until(2)
            await stop(place)
            harm(tmp_path)
            empty = await asyncio.to_thread(linger_run, place, {"LINGER_REDIS_NAMESPACE": f"{place.prefix}other"})
            assert (empty.returncode, "Redis" in empty.stderr) == (2, False)
            assert said in empty.stderr

            place.start_worker()
            await place.order("bob", 3)
            await place.now(14)
            await place.decided_until(14)
            assert {action["customer_id"] for action in await place.actions("at-risk")} == {"ada", "bob"}
            (used,) = events(place, "last_good_used")
            assert (used["level"], said in "\n".join(used["problems"])) == ("error", True)
            assert "linger_last_good_in_use 1.0" in await asked(place, "/metrics")
            assert said in json.loads(await asked(place, "/readyz"))["rules"] or len(used["problems"]) > 1
            assert await newest_generation(place.store) == 1

            if (tmp_path / "sources.yaml").is_dir():
                (tmp_path / "sources.yaml").rmdir()
            (tmp_path / "sources.yaml").write_text(sources)
            (tmp_path / "rules.yaml").write_text(BETTER)
            await until_generation(place, 2)
            await place.until(partial(logged, place, "rules_accepted_again", 1), "the files to be accepted")
            assert "linger_last_good_in_use 0.0" in await asked(place, "/metrics")
            assert json.loads(await asked(place, "/readyz"))["rules"] == "ok"

    asyncio.run(law())


def test_a_worker_with_broken_files_follows_the_others_and_brings_no_older_files_back(
    pair: Pair, tmp_path: Path
) -> None:
    async def law() -> None:
        async with site(pair, tmp_path, GOOD, LINGER_RULES_POLL_MS="100") as place:
            await place.until(partial(generation_is, place, 1), "the worker to start")
            other = tmp_path / "other"
            other.mkdir()
            broken_rules(other)
            place.environment["LINGER_RULES"] = str(other / "rules.yaml")
            place.start_worker()
            await place.until(partial(logged, place, "worker_ready", 2), "the second worker to start")
            (tmp_path / "rules.yaml").write_text(BETTER)
            await until_generation(place, 2)
            await place.until(partial(logged, place, "rules_loaded", 4), "both workers to have the newer rules")
            (other / "rules.yaml").write_text(GOOD)
            await place.until(partial(says, place, "linger rules promote"), "the older rules to be refused")
            assert await newest_generation(place.store) == 2
            (other / "rules.yaml").write_text(BETTER)
            await place.until(partial(logged, place, "rules_accepted_again", 1), "the files to be accepted")
            assert await newest_generation(place.store) == 2

    asyncio.run(law())


def test_what_this_release_cannot_compile_ends_the_start_with_every_problem(pair: Pair, tmp_path: Path) -> None:
    async def law() -> None:
        async with site(pair, tmp_path, GOOD) as place:
            await place.until(partial(generation_is, place, 1), "the worker to start")
            await stop(place)
            broken_rules(tmp_path)
            key = place.store.keys.last_good
            for name, text in (await place.store.redis.fields(key)).items():
                await place.store.redis.call([("HSET", key, name, text[: len(text) // 2])])
            damaged = await asyncio.to_thread(linger_run, place, {})
            assert damaged.returncode == 2
            assert "did you mean 'purchase'?" in damaged.stderr
            assert "the last good rules and sources cannot be used either" in damaged.stderr

    asyncio.run(law())


@pytest.mark.parametrize("command", ["rules", "sources"])
def test_what_an_operator_promotes_is_kept_before_any_worker_has_loaded_it(
    pair: Pair, tmp_path: Path, command: str
) -> None:
    async def law() -> None:
        async with site(pair, tmp_path, GOOD) as place:
            await place.until(partial(generation_is, place, 1), "the worker to start")
            await stop(place)
            file = tmp_path / ("rules.yaml" if command == "rules" else "sources.yaml")
            text = BETTER if command == "rules" else file.read_text().replace("3000 days", "2000 days")
            file.write_text(text)
            promote = [sys.executable, "-m", "workers", command, "promote"]
            process = await asyncio.create_subprocess_exec(*promote, env=place.process_environment())
            assert await process.wait() == 0
            kept = await newest_files(place.store)
            assert kept is not None
            assert text == (next(iter(kept.rules.values())) if command == "rules" else kept.sources)

    asyncio.run(law())


def test_files_come_back_as_they_were_kept_and_only_those_of_the_newest(pair: Pair) -> None:
    async def work(store: Store) -> None:
        files = FilesRead("sources: []", "folder/sources.yaml", {"f\udce9.yaml": "ü", "a.yaml": ""}, {"b.yaml": "x"})
        now = rules(rule("quiet"))
        source = {"topic": "logins", "format": "canonical", "events": ["login"], "max_silence": "1 day"}
        sources = SourcesFile.model_validate({"sources": [source]})
        assert await newest_files(store) is None
        assert await keep_files(store, files, now.hash, content_hash(sources))
        assert await newest_files(store) is None
        await activate(store, now, day(1), allow_rollback=False)
        assert await newest_files(store) is None
        await activate_sources(store, sources, {}, day(1), allow_rollback=False)
        assert await newest_files(store) == msgspec.structs.replace(files, rules={"f\\udce9.yaml": "ü", "a.yaml": ""})
        changed = msgspec.structs.replace(files, rules={"a.yaml": "# another comment"})
        assert await keep_files(store, changed, now.hash, content_hash(sources))
        assert await newest_files(store) == changed

    lawful(work, pair.redis_url)


def test_files_that_are_too_large_are_not_kept(pair: Pair) -> None:
    async def work(store: Store) -> None:
        noise = random.Random(5).randbytes(MAX_BYTES).hex()
        assert not await keep_files(store, FilesRead("", "s", {"a.yaml": noise}, {}), "r", "s")
        assert await store.redis.fields(store.keys.last_good) == {}

    lawful(work, pair.redis_url)


async def stop(place: Site) -> None:
    process = place.processes.pop()
    process.send_signal(signal.SIGTERM)
    assert await asyncio.to_thread(process.wait, 30) == 0
    (place.folder / "worker-0.log").unlink()


async def says(place: Site, text: str) -> bool:
    return text in place.log()


def events(place: Site, name: str) -> list[dict[str, Any]]:
    lines = [line for line in place.log().splitlines() if line.startswith("{")]
    return [entry for entry in map(json.loads, lines) if entry["event"] == name]


async def asked(place: Site, path: str) -> str:
    """Ask the last worker; return its answer, with any status."""
    (port,) = {entry["http_port"] for entry in events(place, "worker_ready")}
    return await asyncio.to_thread(_ask, f"http://127.0.0.1:{port}{path}")


def _ask(url: str) -> str:
    try:
        with urllib.request.urlopen(url, timeout=20) as answer:
            return str(answer.read().decode())
    except urllib.error.HTTPError as error:
        return error.read().decode()
