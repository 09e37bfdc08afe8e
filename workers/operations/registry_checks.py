"""Checks of the schema registry, for sources whose schemas are there."""

from schemas.sources import SourcesFile
from workers.core.formats.confluent import REGISTRY_FORMATS
from workers.operations.findings import Finding, ok, problem
from workers.registry.client import RegistryAccess, RegistryClient, RegistryUnavailable
from workers.settings import Settings


async def registry(settings: Settings, sources: SourcesFile) -> list[Finding]:
    """Check that the schema registry answers; nothing is found if no source needs one."""
    connection = settings.registry_connection()
    named = [source.name for source in sources.sources if source.format in REGISTRY_FORMATS]
    if connection is None or not named:
        return []
    client = RegistryClient(RegistryAccess(**connection))
    try:
        async with client.opened():
            await client.check()
    except RegistryUnavailable as error:
        why = f"records of {', '.join(named)} with new schemas wait, and everything after a restart"
        remedy = "start it, or correct the LINGER_SCHEMA_REGISTRY_ settings"
        return [problem("schema registry", "reachable", str(error), why, remedy)]
    return [ok("schema registry", "reachable", f"{client.shown} answers")]
