"""A real schema registry on loopback: Apicurio Registry, which speaks Confluent's API.

Its archive comes from Maven Central into `.cache/` (once, 109 MB). It keeps its schemas in files, so it can be killed
and run again over what it left behind.
"""

import io
import json
import os
import shutil
import socket
import tarfile
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from fastavro import parse_schema, schemaless_writer

from tests.support.services import ServiceError, run_tool
from workers.demo.embedded import HOST, running_server

_VERSION: Final = "3.0.9"
_CACHE: Final = Path(__file__).parents[2] / ".cache"
_HOME: Final = _CACHE / f"registry-{_VERSION}"
_RUNNER: Final = f"apicurio-registry-app-{_VERSION}-runner.jar"
# Later versions of this plugin also read the pom of the parent of the archive, and fail where it is not published.
_PLUGIN: Final = "org.apache.maven.plugins:maven-dependency-plugin:2.10:copy"
_ARTIFACT: Final = f"io.apicurio:apicurio-registry-app:{_VERSION}:tar.gz:all"
_PATIENCE_SECONDS: Final = 90.0
_API: Final = "/apis/ccompat/v7"


def missing_registry() -> str | None:
    """Say why the schema registry cannot run here and how to change that, or None if it can."""
    if shutil.which("java") is None:
        return "the schema registry needs Java 17 or later; on Debian: apt-get install default-jdk-headless maven"
    if not is_fetched() and shutil.which("mvn") is None:
        return "the schema registry is fetched with Maven; on Debian: apt-get install maven"
    if not is_fetched():
        try:
            fetch_registry()
        except ServiceError as error:
            return str(error)
    return None


def is_fetched() -> bool:
    """Return whether the schema registry is in the cache."""
    return (_HOME / _RUNNER).exists()


def fetch_registry() -> Path:
    """Return the directory with the schema registry, filling it first if it is not there.

    Raises:
        ServiceError: with what Maven printed, if it fails.
    """
    if not is_fetched():
        _CACHE.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=_CACHE) as directory:
            run_tool(["mvn", "-q", "-B", _PLUGIN, f"-Dartifact={_ARTIFACT}", f"-DoutputDirectory={directory}"])
            unpacked = Path(directory, "unpacked")
            with tarfile.open(Path(directory, f"apicurio-registry-app-{_VERSION}-all.tar.gz")) as archive:
                archive.extractall(unpacked, filter="data")
            if not is_fetched():  # another run may have been quicker
                unpacked.rename(_HOME)
    return _HOME


@contextmanager
def running_registry(
    data: Path, port: int, log_dir: Path, certificate: tuple[Path, Path] | None = None
) -> Iterator[int]:
    """Run the schema registry until the block ends; yields its process id.

    Args:
        data: its files; run it again over the same ones to continue with them.
        port: where it listens on loopback.
        log_dir: where `registry.log` is appended to.
        certificate: files with certificate and key, to listen with TLS alone.

    Raises:
        ServiceError: if it cannot be fetched.
        EmbeddedError: if it does not start.
    """
    log_dir.mkdir(parents=True, exist_ok=True)
    with running_server(
        registry_command(data, port, certificate),
        log_dir / "registry.log",
        lambda: answers(port, is_secure=certificate is not None),
        timeout_seconds=_PATIENCE_SECONDS,
        environment=os.environ,
    ) as pid:
        yield pid


def registry_command(data: Path, port: int, certificate: tuple[Path, Path] | None = None) -> list[str]:
    """Return program and arguments; see `running_registry`."""
    home = fetch_registry()
    properties = {
        "quarkus.http.host": HOST,
        "quarkus.log.level": "WARN",
        # Written before it is answered: it will be killed.
        "apicurio.datasource.url": f"jdbc:h2:file:{data.resolve()}/schemas;WRITE_DELAY=0",
        "quarkus.http.port": str(port),
    }
    if certificate is not None:
        properties |= {
            "quarkus.http.insecure-requests": "disabled",
            "quarkus.http.ssl-port": str(port),
            "quarkus.http.ssl.certificate.files": str(certificate[0]),
            "quarkus.http.ssl.certificate.key-files": str(certificate[1]),
        }
    options = [f"-D{name}={value}" for name, value in properties.items()]
    return ["java", "-Xmx256m", "-XX:TieredStopAtLevel=1", *options, "-jar", str(home / _RUNNER)]


def url_of(port: int, scheme: str = "http") -> str:
    """Return what LINGER_SCHEMA_REGISTRY_URL is for a registry on a port."""
    return f"{scheme}://{HOST}:{port}{_API}"


def register(
    port: int, subject: str, schema: Any, kind: str = "AVRO", references: Sequence[Mapping[str, Any]] = ()
) -> int:
    """Register a schema and return its id."""
    body = json.dumps({"schema": json.dumps(schema), "schemaType": kind, "references": list(references)})
    request = urllib.request.Request(
        f"{url_of(port)}/subjects/{subject}/versions",
        data=body.encode(),
        headers={"Content-Type": "application/vnd.schemaregistry.v1+json"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        schema_id: int = json.load(answer)["id"]
    return schema_id


def avro_record(schema_id: int, schema: Any, value: Any) -> bytes:
    """Return a record as the serializer of a registry writes it."""
    out = io.BytesIO()
    schemaless_writer(out, parse_schema(schema), value)
    return header(schema_id) + out.getvalue()


def json_record(schema_id: int, value: Any) -> bytes:
    """Return a record as the serializer for JSON Schema writes it."""
    return header(schema_id) + json.dumps(value).encode()


def header(schema_id: int) -> bytes:
    """Return what stands before the body."""
    return b"\0" + schema_id.to_bytes(4, "big")


def answers(port: int, *, is_secure: bool = False) -> bool:
    """Return whether a registry on a port can be used."""
    if is_secure:
        with suppress(OSError), socket.create_connection((HOST, port), timeout=1.0):
            return True
        return False
    try:
        with urllib.request.urlopen(f"{url_of(port)}/subjects", timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
