"""Surrounds what a command changes: the intent is recorded before it, the outcome after it.

A command whose intent cannot be recorded changes nothing. If the outcome cannot be recorded, the command has done its
work all the same, and says so.
"""

import asyncio
import signal
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from types import FrameType
from typing import Any, Final, Literal

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, TopicAuthorizationFailedError

from workers.audit.actor import os_user
from workers.audit.arguments import customers_in, recorded, without_customers
from workers.audit.record import Intent, Outcome, encode_audit
from workers.errors import StartupError
from workers.kafka.clients.connecting import connect
from workers.kafka.topics import TopicsError, connected_admin, describe
from workers.observability import logs
from workers.settings import AUDIT, Settings, for_command

_PARTITION: Final = 0
_ANSWER_SECONDS: Final = 20.0
_STOPPED_BY_SIGNAL: Final = 128

OutcomeName = Literal["ok", "failed", "interrupted"]


@dataclass(frozen=True, slots=True)
class Deed:
    """What a command is asked to do.

    Attributes:
        command: its words, without the name of the program.
        arguments: those that were given, by name.
        by: who does it, if it was said.
        reason: why, if it was said.
    """

    command: str
    arguments: Mapping[str, Any]
    by: str | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Trail:
    """The outcome of a command, filled in while it works.

    Attributes:
        counts: what was changed, by kind.
        problems: why it did not succeed, though it raises nothing.
    """

    counts: dict[str, int] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


@contextmanager
def audited(settings: Settings, deed: Deed, unrecorded: Callable[[str], object]) -> Iterator[Trail]:
    """Record a command's intent, let it work, and record its outcome.

    SIGTERM and SIGHUP interrupt the work as Ctrl-C does, so that its outcome can be recorded.

    Args:
        settings: name the topic and the hash of customer ids.
        deed: what it is asked to do.
        unrecorded: called with a warning if the outcome cannot be recorded.

    Raises:
        StartupError: if the intent cannot be recorded; nothing was done then.
    """
    logs.set_log_key(None if settings.log_key is None else settings.log_key.get_secret_value())
    customer_ids = customers_in(deed.arguments)
    intent = Intent(
        id=uuid.uuid4().hex,
        at_ms=_now_ms(),
        user=os_user(),
        by=None if deed.by is None else without_customers(deed.by, customer_ids),
        command=deed.command,
        arguments=recorded(deed.arguments),
        reason=without_customers(deed.reason, customer_ids),
        version=version("linger"),
    )
    try:
        asyncio.run(append(settings, intent))
    except StartupError as error:
        problem = f"nothing was done, because it could not be recorded who does it: {error}"
        raise StartupError([problem]) from error
    trail = Trail()
    outcome: OutcomeName = "failed"
    why: str | None = None
    try:
        with _interrupted_by_signals():
            yield trail
        outcome, why = ("failed", "; ".join(trail.problems)) if trail.problems else ("ok", None)
    except KeyboardInterrupt:
        outcome = "interrupted"
        raise
    except SystemExit as error:
        status = error.code
        if status in (0, None):
            outcome, why = "ok", None
        elif isinstance(status, int) and status > _STOPPED_BY_SIGNAL:
            outcome = "interrupted"
        else:
            why = "; ".join(trail.problems) or f"exit status {status}"
        raise
    except BaseException as error:
        why = f"{type(error).__name__}: {error}"
        raise
    finally:
        error_text = None if why is None else without_customers(why, customer_ids)
        ended = Outcome(id=intent.id, at_ms=_now_ms(), outcome=outcome, counts=trail.counts, error=error_text)
        try:
            asyncio.run(append(settings, ended))
        except StartupError as error:
            unrecorded(f"the outcome ({outcome}) of this command is not in the audit: {error}")


async def append(settings: Settings, record: Intent | Outcome) -> None:
    """Append a record to the audit topic.

    Raises:
        StartupError: if the topic is missing, or Kafka does not take the record.
    """
    topic = settings.topic(AUDIT)
    connection = for_command(settings).kafka_connection()
    try:
        async with asyncio.timeout(_ANSWER_SECONDS):
            async with connected_admin(connection) as admin:
                if topic not in await describe(admin, [topic]):
                    raise StartupError([f"topic '{topic}' does not exist; create it: linger topics create"])
            producer = AIOKafkaProducer(**connection, acks="all")
            try:
                await connect(producer)
                await producer.send_and_wait(
                    topic, encode_audit(record), key=record.id.encode(), partition=_PARTITION
                )
            finally:
                await producer.stop()
    except (KafkaError, OSError, TimeoutError, TopicsError) as error:
        problem = f"Kafka at {settings.kafka_bootstrap_servers} does not take a record for topic '{topic}': "
        problem += f"{type(error).__name__}: {error}"
        if isinstance(error, TopicAuthorizationFailedError) or "AUTHORIZATION" in str(error):
            problem += f"; allow this user to Write to '{topic}': docs/acl/kafka-acls.sh"
        raise StartupError([problem]) from error


@contextmanager
def _interrupted_by_signals() -> Iterator[None]:
    """Let SIGTERM and SIGHUP interrupt as Ctrl-C does, and end the program with the status of that signal."""
    received: list[int] = []

    def interrupt(number: int, frame: FrameType | None) -> None:
        received.append(number)
        signal.raise_signal(signal.SIGINT)

    # nohup ignores SIGHUP: that stays so. Only the main thread may set handlers, and gets signals.
    ours = [number for number in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(number) is signal.SIG_DFL]
    is_main = threading.current_thread() is threading.main_thread()
    before = {number: signal.signal(number, interrupt) for number in ours if is_main}
    try:
        yield
    except KeyboardInterrupt:
        if received:
            raise SystemExit(_STOPPED_BY_SIGNAL + received[0]) from None
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
