"""The schemas of one registry that are known, and a task that asks for those that records name.

Readers of records never wait: what reads records asks first (`want`), and holds back what is not known yet. The
schema of an id never changes, so it is kept. That the registry lacks an id is forgotten after a while: it may come.
"""

import asyncio
import json
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, NamedTuple

from schemas.events import InvalidEvent
from workers.core.formats.avro import ReadBody, UnusableSchema, compile_avro
from workers.core.formats.confluent import (
    REGISTRY_FORMATS,
    ReadBodyOf,
    compile_registry_reader,
    read_json_body,
    schema_id_of,
)
from workers.errors import LingerError
from workers.observability import metrics
from workers.registry.client import (
    RegisteredSchema,
    RegistryAccess,
    RegistryClient,
    RegistryUnavailable,
    UnknownSchema,
)

_MOST_SCHEMAS: Final = 10_000
_MOST_UNKNOWN: Final = 10_000
_UNKNOWN_SECONDS: Final = 10.0
_FIRST_PAUSE_SECONDS: Final = 0.25
_LONGEST_PAUSE_SECONDS: Final = 5.0

_KINDS: Final = {"avro": "AVRO", "json-schema": "JSON"}
_FORMATS: Final = {kind: name for name, kind in _KINDS.items()}


class SchemaNotAsked(LingerError):
    """A record names a schema that was not asked for; what reads records has to do so first."""


class _Known(NamedTuple):
    kind: str
    read: ReadBody | None
    problem: str
    """Why bodies of it cannot be read; empty if they can."""


class Schemas:
    """What is known of one registry.

    Attributes:
        changed: called after each answer and each failure; replace it.
    """

    def __init__(self, client: RegistryClient, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._client = client
        self._monotonic = monotonic
        self._known: OrderedDict[int, _Known] = OrderedDict()
        self._unknown: OrderedDict[int, tuple[str, float]] = OrderedDict()
        self._wanted: dict[int, str | None] = {}  # in the order in which they are asked for; with the last failure
        self._has_wanted = asyncio.Event()
        self.changed: Callable[[], object] = lambda: None

    def want(self, schema_ids: Iterable[int]) -> None:
        """Ask for what is not known, as soon as `keep_asking` comes to it."""
        for schema_id in schema_ids:
            if schema_id in self._known or schema_id in self._wanted:
                continue
            _, until = self._unknown.get(schema_id, ("", 0.0))
            if self._monotonic() < until:
                continue
            self._unknown.pop(schema_id, None)
            self._wanted[schema_id] = None
            self._has_wanted.set()

    def is_answered(self, schema_id: int) -> bool:
        """Return whether the registry has answered, be it that it lacks the schema."""
        return schema_id in self._known or schema_id in self._unknown

    def problem_of(self, schema_id: int) -> str | None:
        """Return why a schema could not be asked for; None if it could, or the first answer is still to come."""
        return self._wanted.get(schema_id)

    def read_body_of(self, source_format: str) -> ReadBodyOf:
        """Return how the readers of one format find the reader of a schema.

        It raises `InvalidEvent`: `unknown_schema` if the registry lacks it, `undecodable` if it is of another kind or
        cannot be used; and `SchemaNotAsked`.

        Args:
            source_format: `avro` or `json-schema`.
        """
        expected, known_schemas = _KINDS[source_format], self._known

        def read_body_of(schema_id: int) -> ReadBody:
            known = known_schemas.get(schema_id)
            if known is None:
                raise self._refusal(schema_id)
            if known.read is None or known.kind != expected:
                raise InvalidEvent("undecodable", _unusable(schema_id, known, expected))
            return known.read

        return read_body_of

    def _refusal(self, schema_id: int) -> Exception:
        if schema_id not in self._unknown:
            return SchemaNotAsked(f"schema {schema_id} is not known yet")
        words, _ = self._unknown[schema_id]
        return InvalidEvent("unknown_schema", f"the schema registry does not have schema {schema_id}: {words}")

    async def learn(self, schema_ids: Iterable[int]) -> None:
        """Ask for schemas now, once each; for commands, which read a few records and end.

        Raises:
            RegistryUnavailable: if the registry does not answer.
        """
        if missing := [schema_id for schema_id in schema_ids if not self.is_answered(schema_id)]:
            async with self._client.opened():
                for schema_id in missing:
                    if not self.is_answered(schema_id):
                        await self._ask(schema_id)

    async def keep_asking(self) -> None:
        """Ask for what is wanted until cancelled, one schema at a time; what fails is asked again, after a pause."""
        pause_seconds = _FIRST_PAUSE_SECONDS
        async with self._client.opened():
            while True:
                await self._has_wanted.wait()
                schema_id = next(iter(self._wanted))
                try:
                    await self._ask(schema_id)
                except RegistryUnavailable as error:
                    del self._wanted[schema_id]  # to the end: one bad answer must not hold up the others
                    self._wanted[schema_id] = str(error)
                    metrics.REGISTRY_ANSWERS.labels("failed").inc()
                    self.changed()
                    await asyncio.sleep(pause_seconds)
                    pause_seconds = min(2 * pause_seconds, _LONGEST_PAUSE_SECONDS)
                    continue
                pause_seconds = _FIRST_PAUSE_SECONDS
                del self._wanted[schema_id]
                if not self._wanted:
                    self._has_wanted.clear()
                self.changed()

    async def _ask(self, schema_id: int) -> None:
        try:
            schema = await self._client.schema(schema_id)
        except UnknownSchema as error:
            metrics.REGISTRY_ANSWERS.labels("unknown").inc()
            self._unknown[schema_id] = (str(error), self._monotonic() + _UNKNOWN_SECONDS)
            if len(self._unknown) > _MOST_UNKNOWN:
                self._unknown.popitem(last=False)
            return
        metrics.REGISTRY_ANSWERS.labels("found").inc()
        self._known[schema_id] = _compiled(schema)
        if len(self._known) > _MOST_SCHEMAS:
            self._known.popitem(last=False)


def schemas_of(connection: Mapping[str, Any] | None) -> Schemas | None:
    """Return the schemas of a registry; `connection` is `Settings.registry_connection()`, None without a registry."""
    return None if connection is None else Schemas(RegistryClient(RegistryAccess(**connection)))


def named_by(values: Iterable[bytes | None]) -> set[int]:
    """Return the ids of the schemas that the values of some records name."""
    return {schema_id for value in values if (schema_id := schema_id_of(value)) is not None}


def reader_of(source_format: str, schemas: Schemas | None) -> Callable[[bytes | None], Any] | None:
    """Return what reads the values of a source by the schemas that they name; None for a format that names none.

    Args:
        source_format: as in `sources.yaml`.
        schemas: None without a registry; `workers.registry.requirements` has refused sources that need one.
    """
    if source_format not in REGISTRY_FORMATS or schemas is None:
        return None
    return compile_registry_reader(schemas.read_body_of(source_format))


def _compiled(schema: RegisteredSchema) -> _Known:
    if schema.kind == "JSON":
        return _Known(schema.kind, read_json_body, "")
    if schema.kind != "AVRO":
        return _Known(schema.kind, None, "")
    try:
        return _Known(schema.kind, read_body_of_avro(schema.text, schema.references), "")
    except UnusableSchema as error:
        return _Known(schema.kind, None, str(error))


def read_body_of_avro(text: str, references: Iterable[str] = ()) -> ReadBody:
    """Return the reader of an Avro schema.

    Args:
        text: the schema as JSON.
        references: those that it refers to, each before the ones that need it.

    Raises:
        UnusableSchema: if it is no schema, or its values cannot be read within bounds.
    """
    from fastavro.schema import parse_schema  # only who reads Avro needs it

    named: dict[str, Any] = {}
    try:
        parsed: Any = None
        for one in (*references, text):
            # A default that the schema's own type does not have is no reason: it is never used here.
            parsed = parse_schema(json.loads(one), named, _ignore_default_error=True)
        return compile_avro(parsed, named)
    except UnusableSchema:
        raise
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise UnusableSchema(f"{type(error).__name__}: {error}") from None
    except Exception as error:  # fastavro's own errors have no common class
        raise UnusableSchema(f"{type(error).__name__}: {error}") from None


def _unusable(schema_id: int, known: _Known, expected: str) -> str:
    if known.problem:
        return f"schema {schema_id} cannot be used: {known.problem}"
    meant = _FORMATS.get(known.kind)
    hint = f": write 'format: {meant}'" if meant else ", which is not read"
    return f"schema {schema_id} is of the kind {known.kind}, expected {expected}{hint}"
