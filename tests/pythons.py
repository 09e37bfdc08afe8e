"""The short tests on every other Python that the project names and this machine has: `python -m tests.pythons`.

The versions are those of the classifiers in pyproject.toml. An interpreter is found in pyenv's folders, or by its
usual name in `PATH`. Each gets an environment of its own in `.cache/pythons`, with what the lock files pin. The exit
status is 1 if a test fails on one; a version that is not here is said, and is no failure.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Final

_ROOT: Final = Path(__file__).parents[1]
_ENVIRONMENTS: Final = _ROOT / ".cache" / "pythons"
_LOCKS: Final = ("requirements.lock", "requirements-dev.lock")
_CLASSIFIER: Final = re.compile(r"Programming Language :: Python :: (\d+\.\d+)")


def main() -> int:
    """Run the short tests on each version, and return the exit status."""
    failed = []
    for version in named_versions():
        if version == ".".join(map(str, sys.version_info[:2])):
            continue
        program = found(version)
        if program is None:
            print(f"Python {version} is not here: its tests are SKIPPED", flush=True)
            continue
        print(f"Python {version}: {program}", flush=True)
        if subprocess.run([str(environment_of(version, program)), "-m", "tests"], cwd=_ROOT, check=False).returncode:
            failed.append(version)
    if failed:
        print(f"FAILED on Python {', '.join(failed)}: see above")
    return 1 if failed else 0


def named_versions() -> list[str]:
    """Return the versions of Python that pyproject.toml names."""
    project = tomllib.loads((_ROOT / "pyproject.toml").read_text())["project"]
    return [found[1] for classifier in project["classifiers"] if (found := _CLASSIFIER.fullmatch(classifier))]


def found(version: str) -> Path | None:
    """Return the interpreter of a version, None if this machine has none."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    of_pyenv = sorted(pyenv.glob(f"{version}.*/bin/python{version}"))
    if of_pyenv:
        return of_pyenv[-1]
    named = shutil.which(f"python{version}")
    return None if named is None else Path(named)


def environment_of(version: str, program: Path) -> Path:
    """Return the interpreter of an environment with everything that the lock files pin, making it if it is older."""
    locks = b"".join((_ROOT / name).read_bytes() for name in (*_LOCKS, "pyproject.toml"))
    folder = _ENVIRONMENTS / f"{version}-{hashlib.sha256(locks).hexdigest()[:12]}"
    python, complete = folder / "bin" / "python", folder / "complete"
    if not complete.exists():
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run([str(program), "-m", "venv", str(folder)], check=True)
        pinned = [part for name in _LOCKS for part in ("-r", str(_ROOT / name))]
        install = [str(python), "-m", "pip", "install", "--quiet"]
        subprocess.run([*install, "--require-hashes", *pinned], check=True)
        subprocess.run([*install, "--no-deps", "-e", str(_ROOT)], check=True)
        complete.touch()
    return python


if __name__ == "__main__":
    sys.exit(main())
