"""The worker processes of a run, and a supervisor that starts them again when they end."""

import asyncio
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from workers.demo.embedded import die_with_parent

_STOP_SECONDS: Final = 25.0
_RESTART_SECONDS: Final = 0.3


@dataclass
class Member:
    """One place in the crew.

    Attributes:
        sabotage: arguments of `saboteur` for the first process of the place; later ones get those of the guards only.
        wanted: it is started again when it ends.
        exits: exit codes so far.
    """

    sabotage: tuple[str, ...]
    process: "subprocess.Popen[bytes]"
    wanted: bool = True
    ended_at: float | None = None
    exits: list[int] = field(default_factory=list)


class Crew:
    """Several workers.

    Attributes:
        environment: of every process that is started from now on.
    """

    def __init__(self, environment: Mapping[str, str], folder: Path, always: Sequence[str] = ()) -> None:
        self.environment = dict(environment)
        self._folder = folder
        self._always = tuple(always)
        self._serial = 0
        self.members: list[Member] = []

    def add(self, *sabotage: str) -> Member:
        """Start one more worker."""
        member = Member(sabotage, self._spawn(sabotage))
        self.members.append(member)
        return member

    def kill(self, place: int) -> None:
        """End a worker by SIGKILL."""
        self.members[place].process.kill()

    def freeze(self, place: int) -> None:
        """Stop a worker by SIGSTOP."""
        self.members[place].process.send_signal(signal.SIGSTOP)

    def thaw(self, place: int) -> None:
        """Continue a worker by SIGCONT."""
        self.members[place].process.send_signal(signal.SIGCONT)

    async def stop(self, place: int) -> float:
        """Ask a worker to end, wait until it has ended, and return the seconds that this took."""
        member, started = self.members[place], time.monotonic()
        member.wanted = False
        member.process.terminate()
        try:
            await asyncio.to_thread(member.process.wait, _STOP_SECONDS)
        except subprocess.TimeoutExpired:
            member.process.kill()
        return time.monotonic() - started

    def begin_again(self, place: int) -> None:
        """Start a worker that was stopped."""
        member = self.members[place]
        member.wanted, member.process = True, self._spawn(())

    def restart_ended(self) -> None:
        """Start every process again that has ended and is wanted."""
        for member in self.members:
            code = member.process.poll()
            if code is None or not member.wanted:
                continue
            if member.ended_at is None:
                member.ended_at = time.monotonic()
                member.exits.append(code)
            elif time.monotonic() - member.ended_at > _RESTART_SECONDS:
                member.ended_at, member.process = None, self._spawn(())

    async def end(self) -> None:
        """End all of them; none is started again, even if `restart_ended` is called once more."""
        for member in self.members:
            member.wanted = False
            member.process.send_signal(signal.SIGCONT)
            member.process.terminate()
        give_up = time.monotonic() + _STOP_SECONDS
        for member in self.members:
            try:
                await asyncio.to_thread(member.process.wait, max(0.1, give_up - time.monotonic()))
            except subprocess.TimeoutExpired:
                member.process.kill()
                await asyncio.to_thread(member.process.wait)

    def log(self, lines: int = 12) -> str:
        """Return the end of what each process wrote."""
        ends = []
        for path in sorted(self._folder.glob("worker-*.log")):
            ends += [path.name, *path.read_text(errors="replace").splitlines()[-lines:]]
        return "\n".join(ends)

    def _spawn(self, sabotage: Sequence[str]) -> "subprocess.Popen[bytes]":
        self._serial += 1
        with (self._folder / f"worker-{self._serial}.log").open("wb") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "tests.faults.saboteur", *self._always, *sabotage],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=die_with_parent(),
            )
