"""The worker processes of a demo: the same command that operators run, restarted when a process ends."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from workers.demo.embedded import die_with_parent

_STOP_SECONDS: Final = 15.0
_MAX_RESTARTS: Final = 10


class WorkersFailed(Exception):
    """Workers keep ending; the message contains the end of their log."""


class Workers:
    """Several processes of `linger run`.

    Args:
        count: number of processes.
        environment: their environment variables.
        log_dir: for their logs, one for each start.

    Attributes:
        restarted: how often a process was restarted after it ended or was killed.
    """

    def __init__(self, count: int, environment: Mapping[str, str], log_dir: Path) -> None:
        self._environment = dict(environment)
        self._log_dir = log_dir
        self._started = 0
        self._processes = [self._start() for _ in range(count)]
        self.restarted = 0

    def __enter__(self) -> "Workers":
        """Return itself; every process ends on exit."""
        return self

    def __exit__(self, *_: object) -> None:
        """Ask all processes to stop, and kill those that do not."""
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def kill_one(self) -> int:
        """Kill the first worker with SIGKILL, like a crash, and return its process id."""
        victim = self._processes[0]
        victim.kill()
        victim.wait()
        return victim.pid

    def restart_ended(self) -> None:
        """Restart the processes that have ended.

        Raises:
            WorkersFailed: if they were restarted more than 10 times.
        """
        for index, process in enumerate(self._processes):
            if process.poll() is None:
                continue
            self.restarted += 1
            if self.restarted > _MAX_RESTARTS:
                raise WorkersFailed(f"workers keep ending with status {process.returncode}:\n{self._last_lines()}")
            self._processes[index] = self._start()

    def _start(self) -> "subprocess.Popen[bytes]":
        self._started += 1
        log = (self._log_dir / f"worker-{self._started}.log").open("wb")
        with log:
            return subprocess.Popen(
                [sys.executable, "-m", "workers", "run"],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=die_with_parent(),
            )

    def _last_lines(self) -> str:
        text = (self._log_dir / f"worker-{self._started}.log").read_text(encoding="utf-8", errors="replace")
        return "\n".join(text.splitlines()[-12:])
