"""Linger as its wheel has it, with a compiled core, for whoever measures it or tests that it decides the same.

python -m tests.support.compiled      # builds it once, and prints the folder for PYTHONPATH
"""

import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
_WHEEL_IS_MADE_OF: Final = ("pyproject.toml", "setup.py", "README.md", "LICENSE", "schemas", "workers")


class NotCompiled(Exception):
    """The wheel could not be built, or nothing in it is compiled; the text says why, and what would help."""


@cache
def compiled() -> Path:
    """Return a folder with Linger's packages, the core compiled; built if the code has changed since.

    Raises:
        NotCompiled: there is no C compiler, or the wheel could not be built.
    """
    folder = ROOT / ".cache" / "compiled" / _digest()
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        print("Compiling the core of Linger, once for this code ...", file=sys.stderr)
        with tempfile.TemporaryDirectory(dir=folder.parent) as made:
            _unpack(_wheel(Path(made)), Path(made) / "packages")
            try:
                (Path(made) / "packages").rename(folder)
            except OSError:
                if not folder.exists():  # somebody else was faster, with the same code
                    raise
    if not list(folder.glob(f"workers/core/**/*{EXTENSION_SUFFIXES[0]}")):
        raise NotCompiled("nothing was compiled: there is no C compiler (on Debian: apt-get install gcc libc6-dev)")
    return folder


def environment(*further: Path) -> Mapping[str, str]:
    """Return the variables with which Python takes the compiled packages, and what these further folders hold.

    Raises:
        NotCompiled: see `compiled`.
    """
    # Safe path: the folder that a process is started in would come first.
    return {"PYTHONPATH": ":".join(map(str, [compiled(), *further])), "PYTHONSAFEPATH": "1"}


def as_in_the_wheel(*further: Path) -> Mapping[str, str]:
    """Return the variables of a process that runs Linger with its core compiled; none where it cannot be compiled.

    Args:
        further: folders with what the process imports besides.
    """
    try:
        return environment(*further)
    except NotCompiled as error:
        print(f"Linger runs with its core in plain Python: {error}", file=sys.stderr)
        return {}


def _sources() -> list[Path]:
    paths = [ROOT / name for name in _WHEEL_IS_MADE_OF]
    inside = [path for folder in paths if folder.is_dir() for path in sorted(folder.rglob("*"))]
    return [path for path in [*paths, *inside] if path.is_file() and "__pycache__" not in path.parts]


def _digest() -> str:
    content = sha256(sys.version.encode())
    for path in _sources():
        content.update(f"{path.relative_to(ROOT)} {path.stat().st_size}\n".encode())
        content.update(path.read_bytes())
    return content.hexdigest()[:16]


def _wheel(made: Path) -> Path:
    """Build the wheel out of a copy, so that nothing is left where the code is."""
    for path in _sources():
        copy = made / "source" / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(made), "."]
    done = subprocess.run(command, cwd=made / "source", capture_output=True, text=True, check=False)
    wheels = list(made.glob("*.whl"))
    if done.returncode or not wheels:
        raise NotCompiled(f"the wheel cannot be built: {done.stderr.strip()[-2000:]}")
    return wheels[0]


def _unpack(wheel: Path, folder: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)


if __name__ == "__main__":
    try:
        print(compiled())
    except NotCompiled as error:
        sys.exit(f"error: {error}")
