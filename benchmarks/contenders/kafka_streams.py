"""Kafka Streams: a Java process with state in RocksDB, a changelog of it in Kafka, and transactions (kafka_streams/).

One processor for each partition has two stores: the customers, in some 60 bytes each, and an index of due
times in the order of time. Both go through Kafka Streams' own cache, so that what is touched twice within a commit
interval is written once, to RocksDB and to the changelog. The commit interval is that which comes with exactly-once,
100 ms.

It has one stream thread, as the others have one process; BENCH_THREADS makes it more. RocksDB and the JVM have
threads of their own besides.
"""

import shutil
import subprocess
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Final

from benchmarks.contenders import Contender, Missing

_SOURCES: Final = Path(__file__).parent / "kafka_streams"
_TOOLS: Final = ("java", "javac", "mvn")
_LAST_LINES: Final = 20


def prepare(cache: Path) -> None:
    """Build the application and fetch the jars it needs, unless that was done from these very sources.

    Raises:
        Missing: if there is no JDK or no Maven, or if they fail.
    """
    if lacking := [name for name in _TOOLS if shutil.which(name) is None]:
        raise Missing(
            f"there is no {', '.join(lacking)}: Kafka Streams needs a JDK, 17 or later, and Maven; "
            "on Debian: apt-get install default-jdk-headless maven"
        )
    target, sources = _target(cache), _digest(_files())
    # Written last: its presence says that the build is complete, its content what was built.
    marker = target / "sources.blake2b"
    if marker.exists() and marker.read_text() == sources:
        return
    shutil.rmtree(target, ignore_errors=True)
    _run(("mvn", "-q", "-B", "-C", "-f", str(_SOURCES), "-DskipTests", f"-Dbench.target={target}", "package"))
    marker.write_text(sources)


def command(cache: Path) -> Sequence[str]:
    """Return how to start it; all its configuration is in the environment.

    RocksDB's library unpacks itself into Java's folder for temporary files, where it stays if the process is killed.
    """
    target = _target(cache)
    return (
        "java",
        "-Xms1g",
        "-Xmx1g",
        "-XX:+UseParallelGC",
        f"-Djava.io.tmpdir={target}",
        "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
        "-cp",
        f"{target / 'application.jar'}:{target / 'lib'}/*",
        "linger.bench.Application",
    )


def _target(cache: Path) -> Path:
    return cache.resolve() / "target"


def _files() -> list[Path]:
    return [_SOURCES / "pom.xml", *sorted((_SOURCES / "src").rglob("*.java"))]


def _digest(files: Iterable[Path]) -> str:
    digest = blake2b(digest_size=16)
    for file in files:
        content = file.read_bytes()
        digest.update(f"{file.relative_to(_SOURCES)} {len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()


def _run(arguments: Sequence[str]) -> None:
    done = subprocess.run(arguments, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode:
        printed = f"{done.stdout}{done.stderr}".strip().splitlines()[-_LAST_LINES:]
        raise Missing("\n".join([f"{arguments[0]} ended with status {done.returncode}:", *printed]))


CONTENDER: Final = Contender(
    name="kafka-streams",
    title="Kafka Streams 4.3, rules by hand in Java",
    state="RocksDB, with changelogs in Kafka",
    delivery="exactly once for read_committed consumers",
    prepare=prepare,
    command=command,
)
