"""Laws of a source whose schemas are in a registry: it waits alone, in order, and nothing of it is lost."""

import asyncio
import io
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any, Final

import pytest
from fastavro import parse_schema, schemaless_writer

from schemas.sources import SourcesFile
from tests.support.builders import day
from tests.support.intake_rig import SITE, Running, settled, stamped
from tests.support.processor_rig import record
from tests.support.schema_answers import SchemaAnswers
from workers.intake.agent import Intake
from workers.kafka.faust_batches import Delivery
from workers.kafka.records import TopicPartition
from workers.observability import metrics
from workers.registry import schemas as schemas_module
from workers.registry.schemas import Schemas
from workers.settings import Settings

AVRO: Final = TopicPartition("avro", 0)
SOURCES: Final = SourcesFile.model_validate(
    {
        "sources": [
            {"topic": "site", "format": "canonical", "events": ["login"], "max_silence": "3 days"},
            {
                "topic": "avro",
                "format": "avro",
                "event": "login",
                "fields": {
                    "event_id": "id",
                    "customer_id": "who",
                    "occurred_at": {"path": "at", "format": "milliseconds"},
                },
                "max_silence": "3 days",
            },
        ]
    }
)
FIELDS: Final = [{"name": "id", "type": "string"}, {"name": "who", "type": "string"}, {"name": "at", "type": "long"}]
LOGIN: Final = {"type": "record", "name": "Login", "fields": FIELDS}


def login(schema_id: int, number: int) -> bytes:
    out = io.BytesIO()
    schemaless_writer(out, parse_schema(LOGIN), {"id": f"e{number}", "who": "ada", "at": day(1)})
    return b"\0" + schema_id.to_bytes(4, "big") + out.getvalue()


def logins(first: int, *parts: tuple[int | bytes, int]) -> Delivery:
    """Log-ins with these schemas (or records with these bytes) and Kafka timestamps."""
    return Delivery(
        [
            replace(
                record(number, raw=login(what, number) if isinstance(what, int) else what),
                topic="avro",
                offset=number,
                timestamp=at_ms,
            )
            for number, (what, at_ms) in enumerate(parts, first)
        ],
        first,
    )


class WithRegistry(Running):
    def __init__(self) -> None:
        super().__init__()
        self.registry = SchemaAnswers()
        self.registry.add(1, LOGIN)
        self.schemas = Schemas(self.registry.as_client(), lambda: 0.0)
        self.intake = Intake(Settings(), SOURCES, self.publisher.as_publisher(), self.clock, self.schemas)
        self.intake.assign({AVRO: 0, SITE: 0}, {}, {})
        self.ends = {AVRO: 0, SITE: 0}

    async def take_snapshot(self) -> Any:
        snapshot = self.intake.snapshot(
            await self.clock.read(), self.ends, {"avro": 1, "site": 1}, self.intake.positions()
        )
        self.intake.note_other_workers(snapshot)
        return snapshot

    def sent(self) -> list[str]:
        """The source positions of what was sent, `!` before dead letters."""
        found = []
        for message in self.publisher.sent:
            headers = dict(message.headers)
            if (position := headers.get("linger-source")) is not None:
                found.append((position or b"").decode())
            else:
                names = ("linger-reason", "linger-source-topic", "linger-source-offset")
                found.append("!" + " ".join((headers[name] or b"").decode() for name in names))
        return found


def waits_for_registry(topic: str) -> float | None:
    return metrics.REGISTRY.get_sample_value("linger_source_waits_for_registry", {"topic": topic})


def lawful(law: Callable[[WithRegistry], Coroutine[Any, Any, None]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schemas_module, "_FIRST_PAUSE_SECONDS", 0.0)
    monkeypatch.setattr(schemas_module, "_LONGEST_PAUSE_SECONDS", 0.0)

    async def run() -> None:
        running = WithRegistry()
        tasks = [asyncio.create_task(running.pass_on()), asyncio.create_task(running.schemas.keep_asking())]
        try:
            await law(running)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

    asyncio.run(run())


def test_a_record_waits_until_its_schema_is_known_and_those_behind_it_too(monkeypatch: pytest.MonkeyPatch) -> None:
    async def law(running: WithRegistry) -> None:
        running.registry.answers.clear()
        await running.take(AVRO, logins(0, (1, day(9)), (b"no", day(9)), (1, day(9))))
        assert running.sent() == []
        assert running.done == []
        running.registry.answers.set()
        await settled()
        assert running.sent() == ["avro:0:0", "!no_schema_id avro 1", "avro:0:2"]
        assert running.done == [AVRO]
        assert running.registry.asked == [1]

    lawful(law, monkeypatch)


def test_while_a_schema_is_asked_for_nothing_later_overtakes_its_record(monkeypatch: pytest.MonkeyPatch) -> None:
    async def law(running: WithRegistry) -> None:
        running.registry.answers.clear()
        running.ends = {AVRO: 2, SITE: 2}
        await running.take_snapshot()
        running.intake.accept(SITE, stamped(SITE, day(2), day(4)), lambda: None)
        running.intake.accept(AVRO, logins(0, (1, day(3)), (1, day(5))), lambda: None)
        await settled()
        assert running.sent() == ["site:0:0"]
        running.registry.answers.set()
        await settled()
        assert running.sent() == ["site:0:0", "avro:0:0", "site:0:1", "avro:0:1"]

    lawful(law, monkeypatch)


def test_a_registry_that_is_down_holds_its_source_alone_and_nothing_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    async def law(running: WithRegistry) -> None:
        running.registry.is_down = True
        await running.take(AVRO, logins(0, (1, day(3)), (1, day(5))))
        await running.take(SITE, stamped(SITE, day(2), day(4), day(9)))
        assert running.sent() == ["site:0:0", "site:0:1", "site:0:2"]
        problems = running.intake.waiting.look()
        assert "waits for schema 1: the schema registry at http://registry cannot be asked" in problems["avro"]
        assert waits_for_registry("avro") == 1
        snapshot = await running.take_snapshot()
        assert snapshot["avro", 0].next_ms == day(10), "no other worker waits for it"
        assert snapshot["avro", 0].watermark_ms < day(10), "its rules do"
        assert snapshot["site", 0].watermark_ms == day(10)
        assert not running.intake.is_behind(), "a restart would not help"
        running.registry.is_down = False
        await settled()
        assert running.sent()[3:] == ["avro:0:0", "avro:0:1"]
        assert running.intake.waiting.look() == {}
        assert waits_for_registry("avro") == 0

    lawful(law, monkeypatch)


def test_a_registry_that_goes_down_holds_only_what_names_a_new_schema(monkeypatch: pytest.MonkeyPatch) -> None:
    async def law(running: WithRegistry) -> None:
        await running.take(AVRO, logins(0, (1, day(3))))
        running.registry.is_down = True
        await running.take(AVRO, logins(1, (1, day(4)), (2, day(4)), (1, day(5))))
        assert running.sent() == ["avro:0:0", "avro:0:1"]
        running.registry.add(2, {**LOGIN, "name": "Login2"})
        running.registry.is_down = False
        await settled()
        assert running.sent() == ["avro:0:0", "avro:0:1", "avro:0:2", "avro:0:3"]

    lawful(law, monkeypatch)


def test_an_id_that_the_registry_lacks_and_a_body_of_another_schema_are_dead_letters(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def law(running: WithRegistry) -> None:
        spoilt = login(1, 0)[:-1]
        await running.take(AVRO, logins(0, (9, day(3)), (spoilt, day(3)), (b"{}", day(3)), (1, day(3))))
        assert running.sent() == [
            "!unknown_schema avro 0",
            "!undecodable avro 1",
            "!no_schema_id avro 2",
            "avro:0:3",
        ]
        assert [message.value for message in running.publisher.sent[:3]] == [login(9, 0), spoilt, b"{}"]

    lawful(law, monkeypatch)


def test_a_source_that_was_stopped_goes_on_when_a_new_schema_makes_its_records_readable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def law(running: WithRegistry) -> None:
        running.intake = Intake(
            Settings(dead_letter_max_consecutive=2),
            SOURCES,
            running.publisher.as_publisher(),
            running.clock,
            running.schemas,
        )
        running.intake.assign({AVRO: 0, SITE: 0}, {}, {})
        passing_on = asyncio.create_task(running.pass_on())
        try:
            await running.take(AVRO, logins(0, *[(b"no", day(3))] * 4))
            assert list(running.intake.stopping.stops()) == [AVRO]
            await running.take(AVRO, logins(4, (1, day(3))))
            running.intake.stopping.go_on_if_readable("avro")
            await settled()
            assert running.intake.stopping.stops() == {}
            assert running.sent()[-1] == "avro:0:4"
        finally:
            passing_on.cancel()
            await asyncio.wait({passing_on})

    lawful(law, monkeypatch)
