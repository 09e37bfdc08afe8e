"""The worker processes of a demo: the very command an operator runs, started again when one dies."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from workers.demo.embedded import die_with_parent

_STOP_SECONDS: Final = 15.0
_MAX_RESTARTS: Final = 10


class WorkersFailed(Exception):
    """Workers do not stay up; the message holds the end of their log."""


class Workers:
    """`linger run`, several times.

    Attributes:
        restarted: how often one was started again after it ended on its own or was killed.
    """

    def __init__(self, number: int, environment: Mapping[str, str], log_dir: Path) -> None:
        self._environment = dict(environment)
        self._log_dir = log_dir
        self._started = 0
        self._processes = [self._start() for _ in range(number)]
        self.restarted = 0

    def __enter__(self) -> "Workers":
        """Return itself; on leaving, every process is ended."""
        return self

    def __exit__(self, *_: object) -> None:
        """Ask all to stop, then make them."""
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def kill_one(self) -> int:
        """End the first worker by SIGKILL, as a crash would, and return its process id."""
        victim = self._processes[0]
        victim.kill()
        victim.wait()
        return victim.pid

    def look_after(self) -> None:
        """Start what has died again.

        Raises:
            WorkersFailed: if it keeps dying.
        """
        for place, process in enumerate(self._processes):
            if process.poll() is None:
                continue
            self.restarted += 1
            if self.restarted > _MAX_RESTARTS:
                raise WorkersFailed(f"workers keep ending with status {process.returncode}:\n{self._last_lines()}")
            self._processes[place] = self._start()

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
        text = (self._log_dir / f"worker-{self._started}.log").read_text(errors="replace")
        return "\n".join(text.splitlines()[-12:])
