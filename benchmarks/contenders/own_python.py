"""Virtual environments, for contenders whose libraries are none of Linger's."""

import subprocess
import sys
from pathlib import Path

from benchmarks.contenders import Missing


def python_in(folder: Path) -> Path:
    """Return where the Python of a virtual environment is."""
    return folder / "bin" / "python"


def install(folder: Path, lock: Path) -> None:
    """Make a virtual environment of this very Python with what a lock file names, if it is not there already.

    Raises:
        Missing: with what pip printed, if it fails.
    """
    done = folder / lock.name  # a copy of the lock, put there last
    if done.exists() and done.read_bytes() == lock.read_bytes():
        return
    pip = (python_in(folder), "-m", "pip", "--disable-pip-version-check", "install", "--quiet")
    for command in (
        (sys.executable, "-m", "venv", "--clear", folder),
        (*pip, "--require-hashes", "--only-binary", ":all:", "--requirement", lock),
    ):
        run = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if run.returncode:
            raise Missing(f"{lock.name} cannot be installed into {folder}:\n{run.stdout}{run.stderr}".strip())
    done.write_bytes(lock.read_bytes())
