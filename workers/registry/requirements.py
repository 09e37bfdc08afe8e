"""What sources need whose schemas are in a registry; checked before anything is read."""

from importlib.util import find_spec

from schemas.sources import SourcesFile
from workers.core.formats.confluent import REGISTRY_FORMATS


def registry_problems(sources: SourcesFile, *, has_registry: bool) -> list[str]:
    """Return what the sources need and do not have, each with the remedy.

    Args:
        sources: the content of `sources.yaml`.
        has_registry: whether LINGER_SCHEMA_REGISTRY_URL is set.
    """
    problems = []
    named = [(source.name, source.format) for source in sources.sources if source.format in REGISTRY_FORMATS]
    if named and not has_registry:
        problems.append(
            f"source '{named[0][0]}' has the format {named[0][1]}, whose schemas are in a schema registry: "
            "set LINGER_SCHEMA_REGISTRY_URL, for example to http://registry:8081"
        )
    avro = [name for name, source_format in named if source_format == "avro"]
    if avro and find_spec("fastavro") is None:
        problems.append(
            f"source '{avro[0]}' has the format avro, which needs a package that is not installed: "
            "pip install 'linger[registry]'"
        )
    return problems
