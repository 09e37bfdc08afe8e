"""A registry whose answers the test decides."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

from workers.registry.client import RegisteredSchema, RegistryClient, RegistryUnavailable, UnknownSchema


class SchemaAnswers:
    """Stands for a `RegistryClient`.

    Attributes:
        schemas: what it has, by id.
        is_down: whether every question fails.
        answers: while it is cleared, no question ends.
        asked: the ids that were asked for, in order.
    """

    def __init__(self) -> None:
        self.schemas: dict[int, RegisteredSchema] = {}
        self.is_down = False
        self.answers = asyncio.Event()
        self.answers.set()
        self.asked: list[int] = []

    def as_client(self) -> RegistryClient:
        return cast(RegistryClient, self)

    def add(self, schema_id: int, schema: Any, kind: str = "AVRO") -> None:
        self.schemas[schema_id] = RegisteredSchema(kind, json.dumps(schema))

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[RegistryClient]:
        yield self.as_client()

    async def schema(self, schema_id: int) -> RegisteredSchema:
        self.asked.append(schema_id)
        await self.answers.wait()
        if self.is_down:
            raise RegistryUnavailable("the schema registry at http://registry cannot be asked")
        if schema_id not in self.schemas:
            raise UnknownSchema(f"Schema {schema_id} not found")
        return self.schemas[schema_id]
