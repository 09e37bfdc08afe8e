"""What an operator does during a run."""

import subprocess
import sys
import time
from typing import Final

from tests.faults.stage import Stage

_TITLE: Final = "\n    title: "


def change_a_rule(stage: Stage) -> None:
    """Give a rule another title, so that there is another rule set, without changing what it decides."""
    path = next(path for path in sorted(stage.settings.rules.glob("*.yaml")) if _TITLE in path.read_text())
    path.write_text(path.read_text().replace(_TITLE, f"{_TITLE}Changed. ", 1))


def linger(stage: Stage, *arguments: str) -> str:
    """Run a command, until the group has forgotten its members; return what it prints."""
    command = [sys.executable, "-m", "workers", *arguments]
    give_up = time.monotonic() + 30
    while True:
        done = subprocess.run(command, env=stage.crew.environment, capture_output=True, text=True, timeout=60)
        if not done.returncode:
            return done.stdout
        if time.monotonic() > give_up:
            raise AssertionError(f"linger {' '.join(arguments)}: {done.stdout}{done.stderr}")
        time.sleep(0.5)
