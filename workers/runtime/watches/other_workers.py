"""The other workers: whether one has this worker's group instance id, and whether all have the same files."""

import asyncio
import os
import socket
import time
import uuid
from collections.abc import Callable
from typing import Final

import structlog

from workers.errors import LingerError, StartupError, Transient
from workers.observability import log_events
from workers.runtime.parts import Parts
from workers.state.presence.reports import (
    BEAT_SECONDS,
    SILENT_SECONDS,
    WorkerReport,
    read_reports,
    remove_reports,
    take_name,
    write_report,
)
from workers.state.presence.versions import Alive, versions_by_worker, worded

log = structlog.get_logger(__name__)

INSTANCE_ID: Final = "LINGER_KAFKA_GROUP_INSTANCE_ID"
_WATCHED_EVERY_SECONDS: Final = 0.2
_FORGOTTEN_SECONDS: Final = 600.0
"""After this time the report of a worker that has ended is removed."""

Versions = Callable[[], tuple[int, str, int]]
"""Returns the generation and the hash of the rules, and the generation of the sources, of this worker now."""


class OtherWorkers:
    """Reports this worker to the others, and looks at what they report.

    Attributes:
        problem: which workers decide by other files, None if all agree.
    """

    def __init__(self, parts: Parts, versions: Versions) -> None:
        self._store = parts.store
        self._versions = versions
        self._instance = parts.settings.kafka_group_instance_id
        self._token = uuid.uuid4().hex
        self._host, self._pid = socket.gethostname(), os.getpid()
        self._name = self._instance or f"{self._host}:{self._pid}:{self._token[:4]}"
        self._beat = 0
        self._alive = Alive()
        self._silent_since: dict[str, tuple[WorkerReport, float]] = {}
        # A change of files reaches a worker after two looks at them, and its own reload.
        self._patience_seconds = 5.0 + 5 * parts.settings.rules_poll_ms / 1000
        self._differ_since: float | None = None
        self._reported: dict[str, str] = {}
        self.problem: str | None = None

    async def enter(self) -> None:
        """Take the name of this worker, before it joins the group: it would take over from another with its name.

        A report that is found there is watched for some seconds. It may be of an earlier process that was killed.

        Raises:
            StartupError: another worker with this group instance id is alive.
            Transient: Redis does not answer.
        """
        found = (await read_reports(self._store)).get(self._name)
        while True:
            if found is not None:
                await self._watch(found)
            if (found := await take_name(self._store, self._name, self._report(), found)) is None:
                return

    async def _watch(self, found: WorkerReport) -> None:
        give_up_at = time.monotonic() + SILENT_SECONDS
        log.info(log_events.INSTANCE_WATCHED, instance=self._name, seconds=SILENT_SECONDS, other=found.place)
        while time.monotonic() < give_up_at:
            await asyncio.sleep(_WATCHED_EVERY_SECONDS)
            present = (await read_reports(self._store)).get(self._name)
            if present is None:
                return
            if present != found:
                log.error(log_events.INSTANCE_TAKEN, instance=self._name, other=present.place)
                raise StartupError(
                    [
                        f"{INSTANCE_ID}: '{self._name}' belongs to a worker that is running ({present.place}); two "
                        "with one id would take the partitions from each other without end. Give each its own"
                    ]
                )

    async def report(self) -> None:
        """Write the report of this worker, and look at those of the others, until cancelled.

        Raises:
            LingerError: another worker has taken the group instance id of this one.
        """
        while True:
            try:
                await self._look(time.monotonic())
            except Transient as error:
                log.debug(log_events.STEP_RETRIED, error=str(error))
            await asyncio.sleep(BEAT_SECONDS)

    async def leave(self) -> None:
        """Remove the report of this worker, so that its successor need not wait.

        Raises:
            Transient: Redis does not answer.
        """
        present = (await read_reports(self._store)).get(self._name)
        if present is not None and present.token == self._token:
            await remove_reports(self._store, [self._name])

    async def _look(self, now: float) -> None:
        own = self._report()
        # Read before it is written: a report of another must not be replaced, or that one would end, too.
        self._require_own((await read_reports(self._store)).get(self._name))
        reports = await write_report(self._store, self._name, own)
        self._note_versions(own, self._alive.note(reports, now), now)
        await self._forget_ended(reports, now)

    def _require_own(self, present: WorkerReport | None) -> None:
        if present is not None and present.token != self._token:
            raise instance_taken(self._name, present.place)

    def _note_versions(self, own: WorkerReport, alive: dict[str, WorkerReport], now: float) -> None:
        versions = versions_by_worker(self._name, own, alive)
        if not versions:
            self._differ_since = None
        elif self._differ_since is None:
            self._differ_since = now
        lasts = self._differ_since is not None and now - self._differ_since >= self._patience_seconds
        reported = versions if lasts else {}
        if reported and reported != self._reported:
            log.warning(log_events.RULE_SETS_DIFFER, this_worker=self._name, workers=reported)
        if self._reported and not versions:
            log.info(log_events.RULE_SETS_AGREE, rule_set=own.rule_set)
        self._reported = reported
        self.problem = worded(self._name, reported)

    async def _forget_ended(self, reports: dict[str, WorkerReport], now: float) -> None:
        self._silent_since = {
            name: (report, since if before == report else now)
            for name, report in reports.items()
            for before, since in [self._silent_since.get(name, (report, now))]
        }
        ended = [name for name, (_, since) in self._silent_since.items() if now - since > _FORGOTTEN_SECONDS]
        if ended:
            await remove_reports(self._store, ended)

    def _report(self) -> WorkerReport:
        self._beat += 1
        generation, rule_set, sources = self._versions()
        return WorkerReport(self._token, self._beat, self._host, self._pid, generation, rule_set, sources)


def instance_taken(name: str, other: str) -> LingerError:
    """Return the error that ends a worker whose group instance id another has, and log it."""
    log.error(log_events.INSTANCE_TAKEN, instance=name, other=other)
    return LingerError(
        f"{INSTANCE_ID}: '{name}' was taken by another worker ({other}); this one ends, so that the two do not take "
        "the partitions from each other without end. Give each worker its own"
    )
