"""Laws of the schemas that are known: asked for once, kept, and asked for again only if that can help."""

import asyncio
import io
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from fastavro import parse_schema, schemaless_writer

from schemas.events import InvalidEvent
from schemas.sources import Source
from tests.support.schema_answers import SchemaAnswers
from workers.core.formats.avro import UnusableSchema
from workers.core.formats.confluent import compile_registry_reader
from workers.core.mapping.converter import Canonical, compile_converter
from workers.core.mapping.record import SourceRecord
from workers.core.mapping.skipped import Skipped
from workers.registry import schemas as module
from workers.registry.client import RegistryUnavailable
from workers.registry.schemas import SchemaNotAsked, Schemas, read_body_of_avro


class Asking:
    def __init__(self) -> None:
        self.registry = SchemaAnswers()
        self.seconds = 0.0
        self.schemas = Schemas(self.registry.as_client(), lambda: self.seconds)
        self.changes = asyncio.Event()
        self.schemas.changed = self.changes.set

    async def ask(self, *schema_ids: int) -> None:
        """Want schemas, and wait for the next answer."""
        self.changes.clear()
        self.schemas.want(schema_ids)
        await self.changes.wait()

    def read(self, schema_id: int, source_format: str = "avro") -> Any:
        return self.schemas.read_body_of(source_format)(schema_id)

    def refusal(self, schema_id: int, source_format: str = "avro") -> str:
        with pytest.raises(InvalidEvent) as caught:
            self.read(schema_id, source_format)
        return str(caught.value)


def lawful(law: Callable[[Asking], Awaitable[None]]) -> None:
    async def run() -> None:
        asking = Asking()
        task = asyncio.create_task(asking.schemas.keep_asking())
        try:
            await asyncio.wait_for(law(asking), 30)
        finally:
            task.cancel()
            await asyncio.wait({task})

    asyncio.run(run())


def test_a_schema_is_asked_for_once_and_kept() -> None:
    async def law(asking: Asking) -> None:
        asking.registry.add(7, "int")
        with pytest.raises(SchemaNotAsked):
            asking.read(7)
        await asking.ask(7)
        asking.schemas.want([7])
        assert asking.read(7)(b"\x04", 0) == 2
        assert asking.registry.asked == [7]

    lawful(law)


def test_an_id_that_the_registry_lacks_is_asked_for_again_only_after_a_while() -> None:
    async def law(asking: Asking) -> None:
        await asking.ask(7)
        assert "unknown_schema" in asking.refusal(7)
        asking.registry.add(7, "int")
        asking.schemas.want([7])
        assert asking.schemas.is_answered(7)
        asking.seconds = 11
        await asking.ask(7)
        assert asking.read(7)(b"\x04", 0) == 2
        assert asking.registry.asked == [7, 7]

    lawful(law)


def test_a_registry_that_is_down_is_asked_until_it_answers_and_the_reason_is_told_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "_FIRST_PAUSE_SECONDS", 0.0)
    monkeypatch.setattr(module, "_LONGEST_PAUSE_SECONDS", 0.0)

    async def law(asking: Asking) -> None:
        asking.registry.add(7, "int")
        asking.registry.is_down = True
        await asking.ask(7)
        assert "cannot be asked" in (asking.schemas.problem_of(7) or "")
        assert not asking.schemas.is_answered(7)
        asking.registry.is_down = False
        while not asking.schemas.is_answered(7):
            asking.changes.clear()
            await asking.changes.wait()
        assert asking.schemas.problem_of(7) is None

    lawful(law)


def test_schemas_are_for_their_own_format_and_the_other_one_is_named() -> None:
    async def law(asking: Asking) -> None:
        asking.registry.add(1, "int")
        asking.registry.add(2, {"type": "object"}, "JSON")
        asking.registry.add(3, "message x {}", "PROTOBUF")
        asking.registry.add(4, {"type": "nothing"})
        for schema_id in (1, 2, 3, 4):
            await asking.ask(schema_id)
        assert asking.read(2, "json-schema")(b'\0\0\0\0\2{"a": 1}', 5) == {"a": 1}
        assert "undecodable" in asking.refusal(1, "json-schema")
        assert "write 'format: avro'" in asking.refusal(1, "json-schema")
        assert "write 'format: json-schema'" in asking.refusal(2)
        assert "PROTOBUF, expected AVRO, which is not read" in asking.refusal(3)
        assert "schema 4 cannot be used: UnknownType" in asking.refusal(4)

    lawful(law)


def test_a_command_learns_what_it_needs_at_once_or_fails() -> None:
    async def law() -> None:
        registry = SchemaAnswers()
        schemas = Schemas(registry.as_client())
        registry.add(7, "int")
        await schemas.learn([7, 8, 7])
        assert registry.asked == [7, 8]
        registry.is_down = True
        with pytest.raises(RegistryUnavailable):
            await schemas.learn([9])

    asyncio.run(law())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        '{"type": "record"}',
        '"nothing"',
        "[" * 100_000,
        '{"type": "array", "items": "null"}',
        "5",
        "null",
        "[]x",
    ],
)
def test_a_text_that_is_no_schema_is_refused(text: str) -> None:
    with pytest.raises(UnusableSchema):
        read_body_of_avro(text)


def test_a_default_that_does_not_fit_its_type_is_no_reason_to_refuse_a_schema() -> None:
    text = '{"type": "record", "name": "R", "fields": [{"name": "a", "type": ["string", "null"], "default": null}]}'
    assert read_body_of_avro(text)(b"\x00\x02x", 0) == {"a": "x"}


def test_a_change_of_a_database_in_avro_is_unwrapped_as_the_one_in_json() -> None:
    row = {
        "type": "record",
        "name": "Row",
        "fields": [{"name": "id", "type": "long"}, {"name": "who", "type": "string"}],
    }
    origin = {"type": "record", "name": "Source", "fields": [{"name": "ts_ms", "type": "long"}]}
    rows = [{"name": "before", "type": ["null", row]}, {"name": "after", "type": ["null", "Row"]}]
    others = [{"name": "source", "type": origin}, {"name": "op", "type": "string"}]
    envelope = {"type": "record", "name": "Envelope", "namespace": "shop.orders", "fields": [*rows, *others]}
    change = {
        "before": None,
        "after": {"id": 7, "who": "ada"},
        "source": {"ts_ms": 1_791_018_892_760},
        "op": "c",
    }
    out = io.BytesIO()
    schemaless_writer(out, parse_schema(envelope), change)
    source = Source.model_validate(
        {
            "topic": "shop.orders",
            "unwrap": "debezium",
            "format": "avro",
            "event": "login",
            "fields": {
                "event_id": "after.id",
                "customer_id": "after.who",
                "occurred_at": {"path": "source.ts_ms", "format": "milliseconds"},
            },
            "max_silence": "3 days",
        }
    )
    read_value = compile_registry_reader({7: read_body_of_avro(json.dumps(envelope))}.__getitem__)
    convert = compile_converter(source, (), None, read_value)
    event = convert(SourceRecord("shop.orders", 0, 0, 0, None, b"\0\0\0\0\7" + out.getvalue(), ()), 2**42)
    assert isinstance(event, Canonical)
    assert json.loads(event.value)["event_id"] == "7"
    assert isinstance(convert(SourceRecord("shop.orders", 0, 1, 0, None, None, ()), 2**42), Skipped)
