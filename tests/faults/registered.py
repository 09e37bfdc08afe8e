"""Log-ins as the serializer of a schema registry writes them, with a registry that dies.

What the history says stays JSON; only what is sent is Avro, and the sources file says so. The schema changes with
time, so that a registry that is dead is missed.
"""

import asyncio
import os
from pathlib import Path
from typing import Any, Final

import orjson
from ruamel.yaml import YAML

from schemas.sources import SourcesFile
from tests.faults.installation import Server
from tests.support.schema_registry import answers, avro_record, register, registry_command, url_of
from workers.demo.embedded import free_ports
from workers.histories.history import LOGINS, History, Record
from workers.settings import Settings

_VERSIONS: Final = 12
_YAML: Final = YAML(typ="safe")


class RegisteredLogins:
    """The registry, and the records that name its schemas.

    Attributes:
        server: the registry.
    """

    def __init__(self, folder: Path, history: History) -> None:
        (self._port,) = free_ports(1)
        self._history = history
        self._ids: list[int] = []
        command = registry_command(folder / "schemas", self._port)
        self.server = Server(command, folder / "registry.log", lambda: answers(self._port), dict(os.environ))

    async def start(self) -> None:
        """Start the registry and register every version."""
        await self.server.start()
        for version in range(_VERSIONS):
            subject = f"logins-{version}-value"
            self._ids.append(await asyncio.to_thread(register, self._port, subject, _schema(version)))

    def variables(self) -> dict[str, str]:
        """Return how workers reach it."""
        return {"LINGER_SCHEMA_REGISTRY_URL": url_of(self._port)}

    def change_sources(self, settings: Settings, prefix: str) -> None:
        """Say in the sources file that log-ins are Avro."""
        path = Path(settings.sources)
        document: dict[str, Any] = _YAML.load(path)
        for source in document["sources"]:
            if source["topic"] == prefix + LOGINS:
                source["format"] = "avro"
        with path.open("w") as file:
            _YAML.dump(document, file)

    def value_of(self, record: Record) -> bytes:
        """Return what is sent for a record of the history."""
        if record.topic != LOGINS:
            return record.value
        span_ms = self._history.end_ms - self._history.start_ms
        version = (record.at_ms - self._history.start_ms) * _VERSIONS // span_ms
        return avro_record(self._ids[version], _schema(version), orjson.loads(record.value))


def as_json(sources: SourcesFile) -> SourcesFile:
    """Return the sources that read what the history says, before it is written as Avro."""
    in_json = [
        source.model_copy(update={"format": "json"}) if source.format == "avro" else source
        for source in sources.sources
    ]
    return sources.model_copy(update={"sources": in_json})


def _schema(version: int) -> dict[str, Any]:
    fields: list[dict[str, Any]] = [
        {"name": "session", "type": "string"},
        {"name": "user", "type": "string"},
        {"name": "time", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {"name": "result", "type": "string"},
    ]
    added = [{"name": f"added{number}", "type": ["null", "string"], "default": None} for number in range(version)]
    # What is new comes first: read with an older schema, a record would be another one, or none.
    return {"type": "record", "name": "Login", "fields": [*added, *fields]}
