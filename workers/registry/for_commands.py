"""The schemas of a few records, asked for at once: for commands, which read some records and end."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from workers.core.formats.confluent import REGISTRY_FORMATS, schema_id_of
from workers.errors import StartupError
from workers.registry.client import RegistryAccess, RegistryClient
from workers.registry.schemas import Schemas, reader_of

__all__ = ["reader_for"]


async def reader_for(
    source_format: str, values: Iterable[bytes | None], connection: Mapping[str, Any] | None
) -> Callable[[bytes | None], Any] | None:
    """Return what reads the values of a source, once the schemas that these values name are known.

    Args:
        source_format: as in `sources.yaml`.
        values: all that will be read.
        connection: as `Settings.registry_connection` gives it.

    Returns:
        The reader; None for a format that needs none.

    Raises:
        StartupError: if the format needs a registry, and none is set.
        RegistryUnavailable: if it does not answer.
    """
    if source_format not in REGISTRY_FORMATS:
        return None
    if connection is None:
        problem = f"records in the format {source_format} are read with a schema registry: set "
        raise StartupError([f"{problem}LINGER_SCHEMA_REGISTRY_URL, as in the workers"])
    schemas = Schemas(RegistryClient(RegistryAccess(**connection)))
    named = {number for value in values if (number := schema_id_of(value)) is not None}
    await schemas.learn(sorted(named))
    return reader_of(source_format, schemas)
