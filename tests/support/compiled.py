"""Linger as its wheel has it, with a compiled core: to measure it, and to test that it decides the same.

python -m tests.support.compiled      # builds it once, and prints the folder for PYTHONPATH

`core_builds` has further forms of it, which find what is wrong in memory.
"""

import inspect
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fcntl import LOCK_EX, flock
from functools import cache
from hashlib import sha256
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
_WHEEL_IS_MADE_OF: Final = ("pyproject.toml", "setup.py", "README.md", "LICENSE", "schemas", "workers")


class NotCompiled(Exception):
    """The wheel could not be built, or nothing in it is compiled; the text says why, and what would help."""


@dataclass(frozen=True)
class Form:
    """How the core is compiled.

    Attributes:
        name: of the form, in the name of its folder.
        options: of the compiler and the linker; they come after those of `setup.py`.
        rewrite: changes a copy of the sources, given its folder, before they are compiled.
        further: files that are put beside the sources, each its path and content.
        only: the beginnings of the paths of those sources that are taken.
        is_typed_only: whether modules without a `.pxd`, which hold no pointer, stay in plain Python.
    """

    name: str
    options: str = ""
    rewrite: Callable[[Path], None] | None = None
    further: tuple[tuple[str, str], ...] = ()
    only: tuple[str, ...] = ("",)
    is_typed_only: bool = False


OPTIMIZED: Final = Form("")
QUICKLY: Final = Form("quickly", "-O0")


def compiled(*, is_optimized: bool = True) -> Path:
    """Return a folder with Linger's packages, the core compiled; built if the code has changed since.

    Args:
        is_optimized: as in the wheel that is installed; if not, the compiler takes a third of the time.

    Raises:
        NotCompiled: there is no C compiler, or the wheel could not be built.
    """
    return built(OPTIMIZED if is_optimized else QUICKLY)


@cache
def built(form: Form) -> Path:
    """Return a folder with Linger's packages, the core compiled in a form; errors as for `compiled`."""
    folder = ROOT / ".cache" / "compiled" / f"{_digest(form)}{'-' if form.name else ''}{form.name}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    # Of processes that need the same folder at once, the first one builds it, and the others wait.
    with folder.with_suffix(".lock").open("w") as lock:
        flock(lock, LOCK_EX)
        if not folder.exists():
            print("Compiling the core of Linger, once for this code ...", file=sys.stderr)
            with tempfile.TemporaryDirectory(dir=folder.parent) as made:
                _unpack(_wheel(Path(made), form), Path(made) / "packages")
                (Path(made) / "packages").rename(folder)
    if not list(folder.glob(f"workers/core/**/*{EXTENSION_SUFFIXES[0]}")):
        raise NotCompiled("nothing was compiled: there is no C compiler (on Debian: apt-get install gcc libc6-dev)")
    return folder


def environment(*folders: Path) -> Mapping[str, str]:
    """Return the variables with which Python takes the packages in these folders: first what `compiled` returned."""
    # Safe path: the folder that a process is started in would come first.
    return {"PYTHONPATH": ":".join(map(str, folders)), "PYTHONSAFEPATH": "1"}


def as_in_the_wheel(*further: Path, is_optimized: bool = True) -> Mapping[str, str]:
    """Return the variables of a process that runs Linger with its core compiled; none where it cannot be compiled.

    Args:
        further: folders with what the process imports besides.
        is_optimized: see `compiled`.
    """
    try:
        return environment(compiled(is_optimized=is_optimized), *further)
    except NotCompiled as error:
        print(f"Linger runs with its core in plain Python: {error}", file=sys.stderr)
        return {}


def _sources() -> list[Path]:
    paths = [ROOT / name for name in _WHEEL_IS_MADE_OF]
    inside = [path for folder in paths if folder.is_dir() for path in sorted(folder.rglob("*"))]
    return [path for path in [*paths, *inside] if path.is_file() and "__pycache__" not in path.parts]


def _digest(form: Form) -> str:
    options = f"{form.options} {form.further} {form.only} {form.is_typed_only}"
    content = sha256(f"{sys.version} {form.name} {options}".encode())
    if form.rewrite is not None:
        content.update(Path(inspect.getfile(form.rewrite)).read_bytes())
    for path in _sources():
        content.update(f"{path.relative_to(ROOT)} {path.stat().st_size}\n".encode())
        content.update(path.read_bytes())
    return content.hexdigest()[:16]


def _wheel(made: Path, form: Form) -> Path:
    """Build the wheel out of a copy, so that nothing is left where the code is."""
    source = made / "source"
    for path in _sources():
        name = path.relative_to(ROOT)
        if str(name).startswith(form.only):
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, source / name)
    for further, content in form.further:
        (source / further).write_text(content)
    if form.rewrite is not None:
        form.rewrite(source)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(made), "."]
    variables = {"CC": str(_compiler(made, form.options))} if form.options else {}
    if form.is_typed_only:
        variables["LINGER_COMPILE_ONLY_TYPED"] = "1"
    done = subprocess.run(
        command, cwd=source, env={**os.environ, **variables}, capture_output=True, text=True, check=False
    )
    wheels = list(made.glob("*.whl"))
    if done.returncode or not wheels:
        raise NotCompiled(f"the wheel cannot be built: {done.stderr.strip()[-2000:]}")
    return wheels[0]


def _compiler(folder: Path, options: str) -> Path:
    """Write a compiler with further options: its last ones count, and those of `setup.py` come before them."""
    compiler = folder / "cc"
    compiler.write_text(f'#!/bin/sh\nexec cc "$@" {options}\n')
    compiler.chmod(0o700)
    return compiler


def _unpack(wheel: Path, folder: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)


if __name__ == "__main__":
    try:
        print(compiled())
    except NotCompiled as error:
        sys.exit(f"error: {error}")
