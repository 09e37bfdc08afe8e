"""`linger run`: one worker in this process, with its signals and the interpreter tuned for it."""

import asyncio
import gc
import os
import sys
import threading
from collections.abc import Callable
from typing import Final

import structlog
import typer

from workers.cli.output import EXIT_FORCED
from workers.errors import StartupError, Transient
from workers.loading import Configuration, also_refused, load_configuration, newest_configuration
from workers.observability import last_words, log_events, logs
from workers.observability.listening import why_not
from workers.runtime.failure import unless
from workers.runtime.preflight import require_access, warn_of_lost_records
from workers.runtime.worker import Worker
from workers.settings import FILES, Check, Settings, read_settings
from workers.signals import delivered
from workers.state.connect import open_store

log = structlog.get_logger(__name__)

_COLLECT_AFTER: Final = (200_000, 20, 100)
"""New objects before a young collection, and how many of those before an older one; Python's own are 700, 10, 10."""
_SWITCH_SECONDS: Final = 0.0005
"""How long a thread keeps the interpreter while another waits for it; Python's own is 0.005."""


def _cannot_listen(settings: Settings) -> list[str]:
    problem = why_not(settings.http_host, settings.http_port)
    return [] if problem is None else [problem]


_LAST_WORDS_SECONDS: Final = 1.0
"""How long a worker that is ended by force may take to say so."""

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
    asyncio.run(_run_until_signal(configuration.settings, configuration))


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


def _in_background(seconds: float, work: Callable[..., object], *arguments: object) -> None:
    timer = threading.Timer(seconds, work, arguments)
    timer.daemon = True
    timer.start()


def _end_by_force(grace_seconds: float) -> None:
    _in_background(_LAST_WORDS_SECONDS, os._exit, EXIT_FORCED)  # what reads the log may hang, too
    last_words.say_end(EXIT_FORCED, f"it did not stop within {grace_seconds:g} seconds (LINGER_SHUTDOWN_GRACE_MS)")
    os._exit(EXIT_FORCED)


async def _run_until_signal(settings: Settings, configuration: Configuration) -> None:
    """Run a worker; SIGTERM and SIGINT stop it, SIGHUP reloads its rules and sources.

    A worker that has not stopped after the grace period is ended with exit status EXIT_FORCED.
    """
    stop, reload_asked = asyncio.Event(), asyncio.Event()

    def start_grace_period() -> None:
        # A library may hang on a dead broker. Ending the process loses nothing: every step is atomic.
        grace_seconds = settings.shutdown_grace_ms / 1000
        _in_background(grace_seconds, _end_by_force, grace_seconds)

    def request_stop() -> None:
        start_grace_period()
        stop.set()

    with delivered(asyncio.get_running_loop(), request_stop, reload_asked.set):
        try:
            if not await unless(stop, _check_access(settings, configuration)):
                log.info(log_events.WORKER_STOPPED)
                return
            _tune_collector()
            _tune_thread_switching()
            worker = Worker(settings, configuration)
            await worker.run(stop, reload_asked)
        except BaseException:
            start_grace_period()  # the rest of the loop may hang as well
            raise
