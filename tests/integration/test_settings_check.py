"""A command whose settings do not lead to the state of the workers refuses; it never answers "never seen"."""

import asyncio
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tests.integration.test_worker import QUIET, play
from tests.support.site import Site
from workers.cli.app import app
from workers.demo.embedded import Pair
from workers.errors import LingerError, StartupError
from workers.kafka.partitioner import partition_of

pytestmark = pytest.mark.integration

COMMANDS = [
    ("customer", "show", "ada"),
    ("customer", "show", "ada", "--json"),
    ("customer", "export", "ada", "--json", "-"),
    ("why", "ada"),
    ("why", "ada", "--json"),
    ("rules", "held"),
    ("rules", "held", "--json"),
    ("rules", "release", "quiet-one", "--all"),
    ("rules", "discard", "quiet-one", "--all"),
    ("rules", "promote"),
    ("sources", "forget", "orders"),
    ("dead-letters", "list"),
    ("dead-letters", "replay", "--yes"),
    ("dead-letters", "discard", "--reason", "not_json", "--yes"),
]


async def ran(place: Site, words: tuple[str, ...], **variables: str) -> Result:
    environment = {**place.environment, **variables}
    return await asyncio.to_thread(CliRunner().invoke, app, list(words), obj=environment, env={"COLUMNS": "200"})


async def refused(place: Site, words: tuple[str, ...], **variables: str) -> str:
    result = await ran(place, words, **variables)
    assert isinstance(result.exception, StartupError), (words, result.output, result.exception)
    assert result.output == ""
    return str(result.exception)


async def settled(place: Site) -> None:
    await place.order("ada", 1)
    await place.now(2)
    await place.decided_until(2)


@pytest.mark.rest
def test_every_command_refuses_other_partitions_or_another_namespace_and_says_what_is_there(
    pair: Pair, tmp_path: Path
) -> None:
    async def scenario(place: Site) -> None:
        await settled(place)
        namespace = place.settings.redis_namespace
        assert (await ran(place, ("customer", "show", "ada"))).exit_code == 0
        keys = await place.store.redis.call([("KEYS", "*")])
        for words in COMMANDS:
            for count in ("64", "2"):
                text = await refused(place, words, LINGER_PARTITIONS=count)
                assert text.startswith(
                    f"LINGER_PARTITIONS is {count}, but the state under the namespace '{namespace}'"
                )
                assert "made with 4 partitions" in text
                assert text.endswith("Set LINGER_PARTITIONS=4")
            text = await refused(place, words, LINGER_REDIS_NAMESPACE="nobody-s")
            assert text.startswith("Linger has seen nothing at all under the namespace 'nobody-s' at redis://")
            assert "Are LINGER_REDIS_NAMESPACE and LINGER_REDIS_URL those of the workers?" in text
            assert "There is state of Linger under '" in text  # of several, five are named
        assert sorted((await place.store.redis.call([("KEYS", "*")]))[0]) == sorted(keys[0])

    play(pair, tmp_path, QUIET, scenario)


def test_a_rebuild_and_the_doctor_find_the_state_of_the_topic_under_another_namespace(
    apache_pair: Pair, tmp_path: Path
) -> None:
    async def scenario(place: Site) -> None:
        await settled(place)
        namespace, words = place.settings.redis_namespace, ("rebuild", "--dry-run")
        text = await refused(place, words, LINGER_REDIS_NAMESPACE="nobody-s")
        assert text.startswith("nothing is stored under the namespace 'nobody-s', but the state of topic")
        assert f"is under '{namespace}': set LINGER_REDIS_NAMESPACE" in text
        meant = await ran(place, (*words, "--all"), LINGER_REDIS_NAMESPACE="nobody-s")
        assert meant.exit_code == 0, meant.output
        report = await ran(place, ("doctor", "--json"), LINGER_REDIS_NAMESPACE="nobody-s")
        findings = {finding["checked"]: finding for finding in json.loads(report.output)}
        assert findings["namespace"]["health"] == "problem"
        assert f"'{namespace}'" in findings["namespace"]["found"]

    play(apache_pair, tmp_path, QUIET, scenario, LINGER_CLOCK="system")


def test_a_customer_who_was_never_seen_is_said_so_where_the_settings_are_right(pair: Pair, tmp_path: Path) -> None:
    async def scenario(place: Site) -> None:
        await settled(place)
        result = await ran(place, ("customer", "show", "stranger"))
        assert result.exit_code == 1
        assert not isinstance(result.exception, LingerError)

    play(pair, tmp_path, QUIET, scenario)


UNREADABLE = [
    (
        b"\x05\x00",
        "stored activity has layout 5, this version reads 3 and 4: a newer version of Linger",
    ),
    (b"\x93\x02\x00", "stored activity has layout 2, this version reads 3 and 4: an older version of Linger"),
    (b"\x03\xff\xff", "stored activity cannot be read: "),
    (b"", "stored activity cannot be read: it does not begin with a layout"),
]


def test_a_value_of_another_layout_or_a_damaged_one_is_an_error_of_one_line(pair: Pair, tmp_path: Path) -> None:
    async def scenario(place: Site) -> None:
        await settled(place)
        key = place.store.keys.partition(partition_of("ada", place.settings.partitions)).customer("ada")
        for raw, said in UNREADABLE:
            await place.store.redis.call([("SET", key, raw)])
            for words in (("customer", "show", "ada"), ("customer", "show", "ada", "--json"), ("why", "ada")):
                result = await ran(place, words)
                assert isinstance(result.exception, LingerError), (words, raw, result.exception)
                assert str(result.exception).startswith(said)
                assert "\n" not in str(result.exception)

    play(pair, tmp_path, QUIET, scenario)
