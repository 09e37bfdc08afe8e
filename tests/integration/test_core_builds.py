"""Laws of the core hold when it is compiled, too, with bounds checks and under sanitizers.

In plain Python the same properties run anyway. `make test-rest` tries a share of them with bounds checks, and
`make test-long` the share in each form, and then all of them, with fuzzers that go on for minutes.
"""

import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from tests.conftest import need
from tests.support.compiled import QUICKLY, ROOT, Form, NotCompiled
from tests.support.core_builds import CHECKED, FORMS, SANITIZED, declarations_with_checks, environment_of
from tests.support.examples import LONG, SHORT

pytestmark = pytest.mark.integration

PROPERTIES: Final = [
    str(path.relative_to(ROOT))
    for path in sorted((ROOT / "tests" / "property").glob("test_*.py"))
    if "workers.core" in path.read_text() and "pytest.mark.integration" not in path.read_text()
]
"""Those that look into the core; new ones are found."""


def in_form(form: Form) -> Mapping[str, str]:
    try:
        return environment_of(form, ROOT)
    except NotCompiled as error:
        need(str(error))
        raise


def python(variables: Mapping[str, str], *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, *arguments],
        env={"PATH": os.environ["PATH"], **variables},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


SHARE: Final = [name for name in PROPERTIES if re.search("scanner|layout|folding|decide_prop|record|text", name)]
"""What is tried first in each form: what reads bytes, writes them and decides."""


def properties_hold(name: str, files: Sequence[str], *options: str) -> None:
    # Appended, not put first: the folder of the tests holds the core in plain Python, too. What a sanitizer writes
    # goes to the real standard error.
    usual = ("-m", "pytest", "-q", "--import-mode=append", "-p", "no:cacheprovider", "--capture=sys")
    done = python(in_form(FORMS[name]), *usual, *options, *files)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    assert " passed" in done.stdout


def test_the_properties_of_the_core_are_found() -> None:
    names = {Path(name).stem for name in PROPERTIES}
    assert {"test_scanner_properties", "test_decide_properties", "test_layout_properties"} <= names


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(CHECKED.name, marks=pytest.mark.rest),
        pytest.param(QUICKLY.name, marks=pytest.mark.long),
        pytest.param(SANITIZED.name, marks=pytest.mark.long),
    ],
)
def test_a_share_of_the_properties_of_the_core_holds_in_each_form(name: str) -> None:
    properties_hold(name, SHARE, f"--hypothesis-profile={SHORT}", "-m", "not (rest or long)")


@pytest.mark.long
@pytest.mark.parametrize("name", FORMS)
def test_all_properties_of_the_core_hold_in_each_form(name: str, fuzz_minutes: float) -> None:
    properties_hold(name, PROPERTIES, f"--hypothesis-profile={LONG}", f"--fuzz-minutes={fuzz_minutes}")


BROKEN: Final = (
    (
        "workers/core/broken.py",
        """# cython: overflowcheck=False
from workers.core.memory import Numbers


class Broken:
    def __init__(self, size):
        self._memory = Numbers(size)
        self.numbers = self._memory.numbers()

    def put(self, place, value):
        self.numbers[place] = value

    def read(self, place):
        return self.numbers[place]

    def twice(self, value):
        return 2 * value
""",
    ),
    (
        "workers/core/broken.pxd",
        """from workers.core.memory cimport Numbers

cdef class Broken:
    cdef Numbers _memory
    cdef long long *numbers

    cpdef put(self, long long place, long long value)
    cpdef long long read(self, long long place) noexcept
    cpdef long long twice(self, long long value) noexcept
""",
    ),
)
ALONE: Final = (
    "pyproject",
    "setup",
    "README",
    "LICENSE",
    "schemas/",
    "workers/__init__",
    "workers/core/__init__",
    "workers/core/memory",
)
"""What a wheel needs in whose core there is nothing but memory, and a module that is broken on purpose."""


def in_broken(form: Form, program: str) -> "subprocess.CompletedProcess[str]":
    """Run a program with `it`, which has room for eight numbers in that form."""
    variables = in_form(replace(form, name=f"broken-{form.name}", further=BROKEN, only=ALONE))
    return python(variables, "-c", f"from workers.core.broken import Broken; it = Broken(8); {program}")


@pytest.mark.rest
@pytest.mark.parametrize(("form", "report"), [(CHECKED, "IndexError: place"), (SANITIZED, "heap-buffer-overflow")])
@pytest.mark.parametrize("act", ["put(8, 1)", "put(-1, 1)", "read(8)", "read(-1)"])
def test_a_module_that_writes_or_reads_beyond_its_memory_is_caught(form: Form, report: str, act: str) -> None:
    good = in_broken(form, "it.put(7, 1); print(it.read(7))")
    assert good.stdout == "1\n", good.stderr
    bad = in_broken(form, f"it.{act}")
    assert bad.returncode != 0
    assert report in bad.stderr


@pytest.mark.rest
def test_a_number_that_leaves_64_bits_where_the_compiler_is_not_asked_to_check_is_caught() -> None:
    good = in_broken(SANITIZED, "print(it.twice(1 << 61))")
    assert good.stdout == f"{1 << 62}\n", good.stderr
    bad = in_broken(SANITIZED, "it.twice(1 << 62)")
    assert bad.returncode != 0
    assert "signed integer overflow" in bad.stderr


def test_declarations_with_checks_have_no_pointer_and_swallow_no_error() -> None:
    before = """from workers.core.memory cimport Numbers
cdef class Days:
    cdef list _memory
    cdef Numbers _room
    cdef long long *day
    cdef const unsigned char *given
    @cython.locals(memory=Numbers, moved=cython.p_longlong, place=cython.longlong)
    cdef long long *_moved(self, long long *column, long long room) except NULL
    cpdef long long first_from(self, long long day) noexcept
"""
    after = """
cdef class Days:
    cdef list _memory
    cdef object _room
    cdef object day
    cdef object given
    @cython.locals(memory=object, moved=object, place=cython.longlong)
    cdef object _moved(self, object column, long long room)
    cpdef long long first_from(self, long long day) except *
"""
    assert declarations_with_checks(before) == after
