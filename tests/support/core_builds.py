"""Two forms of the compiled core that find what is wrong in memory, which a wheel would do without a word.

python -m tests.support.core_builds checked      # builds it once, and prints the variables with which Python takes it
python -m tests.support.core_builds sanitized

*checked*: every pointer of the `.pxd` files becomes an object that refuses a place outside it, and no error is
swallowed. Modules without types have no pointer and stay in plain Python, so compiling takes half the time.
*sanitized*: the very code of a wheel, with AddressSanitizer and UndefinedBehaviorSanitizer: a number that leaves 64
bits where the compiler is not asked to check ends the process, too. Modules are those that `setup.py` finds.
"""

import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tests.support.compiled import OPTIMIZED, QUICKLY, ROOT, Form, NotCompiled, built, environment

_MEMORY: Final = "workers/core/memory"
_CHECKED_MEMORY: Final = "workers/core/checked_memory.py"
_CHECKS: Final = '''\
"""Rooms that refuse a place outside them, below 0, too: a pointer would not count it from the end."""

from array import array as _array


def _checked(room, place):
    if place.__class__ is slice:
        if not 0 <= (place.start or 0) <= (len(room) if place.stop is None else place.stop) <= len(room):
            raise IndexError(f"{place} of {len(room)}")
    elif not 0 <= place < len(room):
        raise IndexError(f"place {place} of {len(room)}")
    return place


class array:
    # Without a length: to a place below 0, compiled code would add it.
    def __init__(self, kind, content):
        self._content = _array(kind, content)

    def __getitem__(self, place):
        return self._content[_checked(self._content, place)]

    def __setitem__(self, place, value):
        self._content[_checked(self._content, place)] = value


_bytearray = bytearray


class bytearray(_bytearray):
    def __getitem__(self, place):
        return _bytearray.__getitem__(self, _checked(self, place))

    def __setitem__(self, place, value):
        size = len(self)
        _bytearray.__setitem__(self, _checked(self, place), value)
        if len(self) != size:
            raise IndexError(f"{size} bytes became {len(self)}")
'''

_POINTER: Final = re.compile(r"\b(?:const )?(?:unsigned )?(?:long long|char|int|short) ?\*(?=\w)")
_POINTER_OF_LOCAL: Final = re.compile(r"\bcython\.p_\w+")
_NO_CLAUSE: Final = re.compile(r"^(\s*c(?:p?)def object \w+\(.*\)) (?:noexcept|except .*)$", re.MULTILINE)
_MEMORY_TYPES: Final = re.compile(r"^from workers\.core\.memory cimport \(?([^()]*?)\)?$", re.MULTILINE)


def declarations_with_checks(text: str) -> str:
    """Return a `.pxd` in which pointers, and the rooms they point into, are objects; nothing swallows an error."""
    for names in _MEMORY_TYPES.findall(text):
        for name in re.findall(r"\w+", names):
            text = re.sub(rf"\b{name}\b(?!\()", "object", text)
    text = re.sub(r"^from workers\.core\.memory cimport .*$", "", text, flags=re.MULTILINE)
    text = _POINTER_OF_LOCAL.sub("object", _POINTER.sub("object ", text))
    return _NO_CLAUSE.sub(r"\1", text).replace(" noexcept", " except *")


def _with_checks(source: Path) -> None:
    """Rewrite a copy of the sources. A module that exists twice keeps its own pointers, except the memory."""
    core = source / "workers" / "core"
    for path in core.rglob("*.pxd"):
        if not path.with_suffix(".pyx").exists():
            path.write_text(declarations_with_checks(path.read_text()))
    for suffix in (".pyx", ".pxd"):
        (source / _MEMORY).with_suffix(suffix).unlink()
    memory = (source / _MEMORY).with_suffix(".py")
    checked = memory.read_text().replace(
        "from array import array", "from workers.core.checked_memory import array, bytearray"
    )
    memory.write_text(checked)
    (source / _CHECKED_MEMORY).write_text(_CHECKS)
    for path in core.rglob("*.py"):
        path.write_text(path.read_text().replace("boundscheck=False", "boundscheck=True"))


# Not optimized: compiling would take longer than the tests.
CHECKED: Final = Form("checked", "-O0 -g0", rewrite=_with_checks, is_typed_only=True)
SANITIZED: Final = Form(
    "sanitized",
    # Python asks for `-fwrapv`, with which leaving 64 bits is defined, and so is not found.
    "-O0 -g1 -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-wrapv -fno-omit-frame-pointer",
)
FORMS: Final = {form.name or "wheel": form for form in (OPTIMIZED, QUICKLY, CHECKED, SANITIZED)}


def environment_of(form: Form, *further: Path) -> Mapping[str, str]:
    """Return the variables with which Python takes the core in a form; it is built if the code has changed since.

    Args:
        form: one of `FORMS`, or a form made of one.
        further: folders with what the process imports besides.

    Raises:
        NotCompiled: a module of the core is not compiled, or AddressSanitizer is not there.
    """
    folder = built(form)
    if missing := not_compiled(folder, is_typed_only=form.is_typed_only):
        raise NotCompiled(f"of the form {form.name}, {', '.join(missing)} could not be compiled")
    return {**environment(folder, *further), **(_sanitizer() if "-fsanitize=" in form.options else {})}


def not_compiled(folder: Path, *, is_typed_only: bool = False) -> list[str]:
    """Return the modules of a built core that are not compiled: of all, or of those with types.

    The memory has none where places are checked.
    """
    modules = [path for path in (folder / "workers" / "core").rglob("*.py") if path.name != "__init__.py"]
    if is_typed_only:
        typed = {path.relative_to(ROOT).with_suffix("") for path in (ROOT / "workers" / "core").rglob("*.pxd")}
        typed.remove(Path(_MEMORY))
        modules = [path for path in modules if path.relative_to(folder).with_suffix("") in typed]
    return [str(path.relative_to(folder)) for path in modules if not list(path.parent.glob(f"{path.stem}.*.so"))]


def _sanitizer() -> Mapping[str, str]:
    libraries = [_library("libasan.so"), _library("libstdc++.so.6")]  # it has to know how C++ throws
    return {
        "LD_PRELOAD": " ".join(libraries),
        "PYTHONMALLOC": "malloc",  # each object is a piece of its own, with guards around it
        "ASAN_OPTIONS": "detect_leaks=0",  # Python keeps what it may use again
    }


def _library(name: str) -> str:
    found = subprocess.run(
        ["cc", f"-print-file-name={name}"], capture_output=True, text=True, check=True
    ).stdout.strip()
    if not Path(found).is_absolute():
        raise NotCompiled(f"{name} is not there (on Debian: apt-get install gcc g++)")
    return found


if __name__ == "__main__":
    try:
        print(*(f"{name}='{value}'" for name, value in environment_of(FORMS[sys.argv[1]]).items()))
    except NotCompiled as error:
        sys.exit(f"error: {error}")
