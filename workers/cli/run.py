"""`linger run`: one worker in this process, with its signals and the interpreter tuned for it."""

import asyncio
import gc
import os
import signal
import sys
import threading
from typing import Final

import structlog
import typer

from workers.cli.output import EXIT_FORCED
from workers.errors import StartupError, Transient
from workers.loading import Configuration, also_refused, load_configuration, newest_configuration
from workers.observability import log_events, logs
from workers.observability.http_server import Reloaded
from workers.observability.listening import why_not
from workers.runtime.preflight import require_access, warn_of_lost_records
from workers.runtime.worker import Worker
from workers.settings import FILES, Check, Settings, read_settings
from workers.state.connect import open_store

log = structlog.get_logger(__name__)

_COLLECT_AFTER: Final = (200_000, 20, 100)
"""New objects before a young collection, and how many of those before an older one; Python's own are 700, 10, 10."""
_SWITCH_SECONDS: Final = 0.0005
"""How long a thread keeps the interpreter while another waits for it; Python's own is 0.005."""


def _cannot_listen(settings: Settings) -> list[str]:
    problem = why_not(settings.http_host, settings.http_port)
    return [] if problem is None else [problem]


_LISTENS: Final = Check(("http_host", "http_port"), _cannot_listen)


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command("run")(run)


def run(context: typer.Context) -> None:
    """Run one worker until SIGTERM or Ctrl-C. Settings come from LINGER_… variables."""
    settings = read_settings(context.obj, *FILES, _LISTENS)
    logs.configure_logging(settings.log_level, settings.log_format)
    logs.set_log_key(None if settings.log_key is None else settings.log_key.get_secret_value())
    configuration = _load(settings)
    asyncio.run(_check_access(settings, configuration))
    _tune_collector()
    _tune_thread_switching()
    worker = Worker(settings, configuration)
    asyncio.run(_run_until_signal(worker, settings.shutdown_grace_ms / 1000))


def _load(settings: Settings) -> Configuration:
    """Read the files; if they are broken, take the newest rules and sources that Redis holds.

    Raises:
        StartupError: the files are broken, and Redis holds nothing that this release can use.
    """
    try:
        return load_configuration(settings)
    except StartupError as refused:
        configuration = asyncio.run(_newest(settings, refused))
    log.error(log_events.LAST_GOOD_USED, problems=list(configuration.refused), rule_set=configuration.rules.hash)
    return configuration


async def _newest(settings: Settings, refused: StartupError) -> Configuration:
    store = open_store(settings)
    try:
        return await newest_configuration(settings, store, refused)
    except Transient as error:
        raise also_refused(refused, [f"{error}. Check LINGER_REDIS_URL"]) from error
    finally:
        await store.close()


async def _check_access(settings: Settings, configuration: Configuration) -> None:
    await require_access(settings, configuration.sources)
    await warn_of_lost_records(settings, configuration.book)


def _tune_collector() -> None:
    """Exempt existing objects from garbage collection, and collect rarely: a batch makes many objects and no cycles.

    With Python's own thresholds, a worker spends a tenth of its time on scanning the same rules and modules.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_COLLECT_AFTER)


def _tune_thread_switching() -> None:
    """Give the fetching thread the interpreter soon: it has little to do, and the other thread waits for it.

    With Python's own interval, it waits up to 5 ms while a batch is decided, several times for each fetch.
    """
    sys.setswitchinterval(_SWITCH_SECONDS)


async def _run_until_signal(worker: Worker, grace_seconds: float) -> None:
    """Run a worker; SIGTERM and SIGINT stop it, SIGHUP reloads its rules and sources.

    A worker that has not stopped after the grace period is ended with exit status EXIT_FORCED.
    """
    stop = asyncio.Event()

    def start_grace_period() -> None:
        # A library may hang on a dead broker. Ending the process loses nothing: every step is atomic.
        watchdog = threading.Timer(grace_seconds, os._exit, (EXIT_FORCED,))
        watchdog.daemon = True
        watchdog.start()

    def request_stop() -> None:
        start_grace_period()
        stop.set()

    loop = asyncio.get_running_loop()
    reloads: set[asyncio.Task[Reloaded]] = set()

    def reload() -> None:
        # The set keeps the task alive: the loop itself holds tasks only weakly.
        task = asyncio.create_task(worker.reload())
        reloads.add(task)
        task.add_done_callback(reloads.discard)

    for stop_signal in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(stop_signal, request_stop)
    loop.add_signal_handler(signal.SIGHUP, reload)
    try:
        await worker.run(stop)
    except BaseException:
        start_grace_period()  # the rest of the loop may hang as well
        raise
