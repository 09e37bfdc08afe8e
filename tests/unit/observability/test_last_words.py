"""Laws of a worker's log: every line of a process that guards it is JSON, from every writer and to every end."""

import json
import subprocess
import sys
from typing import Any, Final

import pytest

from tests.support.paths import ROOT

GUARDED: Final = """
import asyncio, gc, logging, os, sys, threading, traceback, warnings
from workers.observability import last_words, logs
last_words.guard()
{before}
logs.configure_logging("info", "auto")
{after}
"""
NEVER_AWAITED: Final = "async def f(): pass\nf()\ngc.collect()"
THREAD: Final = "t = threading.Thread(target=lambda: 1 / 0, name='fetcher')\nt.start()\nt.join()"
TASK: Final = """
async def boom(): raise ValueError("in a task")
async def main():
    task = asyncio.create_task(boom())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    del task
    gc.collect()
asyncio.run(main())
"""
UNRAISABLE: Final = "class A:\n    def __del__(self): raise ValueError('while collected')\na = A()\ndel a"
AT_EXIT: Final = "import atexit\natexit.register(lambda: 1 / 0)"


def lines_of(before: str = "", after: str = "", status: int = 0) -> list[dict[str, Any]]:
    """Run a guarded program and return its lines; each must be JSON, and say which process wrote it."""
    ended = subprocess.run(
        [sys.executable, "-c", GUARDED.format(before=before, after=after)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stdout) == (status, ""), ended.stderr
    lines: list[dict[str, Any]] = [json.loads(line) for line in ended.stderr.splitlines()]
    assert all(line.keys() >= {"event", "level", "timestamp", "version", "instance"} for line in lines)
    assert len({line["instance"] for line in lines}) <= 1
    return lines


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(
    ("program", "event", "words"),
    [
        ("print('hello')", "printed", "hello"),
        ("print('a\\x1b[2Jb', file=sys.stderr)", "printed", "\x1b"),
        ("sys.stderr.write('no end')\nlast_words.say_end(3)", "printed", "no end"),
        ("try:\n    1 / 0\nexcept ZeroDivisionError:\n    traceback.print_exc()", "printed", "ZeroDivisionError"),
        (THREAD, "worker_hurt", "fetcher"),
        (UNRAISABLE, "worker_hurt", "while collected"),
        (AT_EXIT, "worker_hurt", "ZeroDivisionError"),
    ],
)
def test_what_is_printed_or_goes_wrong_beside_the_log_is_a_line_of_it(
    when: str, program: str, event: str, words: str
) -> None:
    before, after = (program, "") if when == "before" else ("", program)
    lines = lines_of(before, after)
    assert any(line["event"] == event and words in str(line.values()).replace("\\x1b", "\x1b") for line in lines)


@pytest.mark.parametrize(
    ("program", "words"),
    [
        (NEVER_AWAITED, "was never awaited"),
        ("warnings.warn('old', UserWarning)", "old"),
        (TASK, "in a task"),
        ("logging.getLogger('aiokafka').error('a\\nb')", "a\nb"),
        ("logging.getLogger('redis').error('%d', 'x')", "TypeError"),
    ],
)
def test_what_libraries_log_and_warn_of_is_a_line_of_the_log(program: str, words: str) -> None:
    assert any(words in str(value) for line in lines_of(after=program) for value in line.values())


@pytest.mark.parametrize("when", ["before", "after"])
def test_an_error_that_nothing_catches_is_the_last_line_with_its_traceback(when: str) -> None:
    program = "raise ValueError('a\\nb')"
    *_, last = lines_of(*((program, "") if when == "before" else ("", program)), status=1)
    assert (last["event"], last["level"], last["status"]) == ("worker_ended", "critical", 1)
    assert last["error"] == "ValueError: a\nb"
    assert last["exception"].startswith("Traceback (most recent call last):")


def test_a_line_without_an_end_is_written_in_pieces() -> None:
    lines = lines_of("sys.stderr.write('x' * 40_000)\nlast_words.say_end(3)")
    printed = [line["text"] for line in lines if line["event"] == "printed"]
    assert "".join(printed) == "x" * 40_000
    assert max(map(len, printed)) == 16_384


def test_a_log_that_nobody_reads_ends_nothing() -> None:
    assert lines_of("os.close(2)\nprint('x')\nlast_words.say_end(3)\nos._exit(7)", status=7) == []
