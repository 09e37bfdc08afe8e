"""Log lines that need no library: from the first moment of a worker to its last, however it ends.

`guard` makes JSON of everything that a worker writes besides its log: what a library prints, a warning, a traceback
of the main program, of a thread or of an object that is collected. So a pipeline that reads the log line by line
loses none of it. It imports the standard library alone: an import that fails must be a line of the log, too.
"""

import io
import json
import os
import socket
import sys
import threading
import traceback
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache
from types import TracebackType
from typing import IO, Any, Final

from workers.observability.escapes import escaped
from workers.observability.log_events import PRINTED, WORKER_ENDED, WORKER_HURT

EXIT_UNEXPECTED: Final = 1
"""An exception that nothing catches."""
_LONGEST_LINE: Final = 16_384
"""Characters of a printed line in one record; a longer one has several."""


@cache
def identity() -> dict[str, str]:
    """Return the fields that every line of a worker has: the version, and which process writes it."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        release = version("linger")
    except PackageNotFoundError:  # it runs from a folder without being installed
        release = "unknown"
    return {"version": release, "instance": f"{socket.gethostname()}:{os.getpid()}"}


class LineLog(io.TextIOBase):
    """A stream that writes each line that is printed as one line of the log."""

    encoding = "utf-8"
    errors = "strict"

    def __init__(self, log: IO[str], name: str) -> None:
        """Write to `log`; lines say that they were printed to the stream of this name."""
        super().__init__()
        self.log = log
        self._name = name
        self._begun = ""
        self._lock = threading.RLock()

    def write(self, text: str) -> int:
        """Write the lines that are complete; the rest waits for its end."""
        if not isinstance(text, str):
            raise TypeError(f"write() takes a text, not {type(text).__name__}")
        with self._lock:
            *lines, self._begun = (self._begun + text).split("\n")
            while len(self._begun) > _LONGEST_LINE:
                lines.append(self._begun[:_LONGEST_LINE])
                self._begun = self._begun[_LONGEST_LINE:]
        for line in lines:
            self._say(line)
        return len(text)

    def end_line(self) -> None:
        """Write a line that was begun."""
        with self._lock:
            line, self._begun = self._begun, ""
        self._say(line)

    def writable(self) -> bool:
        """Return True."""
        return True

    def fileno(self) -> int:
        """Return the descriptor of the log."""
        return self.log.fileno()

    def _say(self, line: str) -> None:
        if line.strip():
            write_line(self.log, "warning", PRINTED, text=line, stream=self._name)


def write_line(log: IO[str], level: str, event: str, **fields: Any) -> None:
    """Write one line of the log as JSON."""
    at = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    line = json.dumps({**fields, **identity(), "event": event, "level": level, "timestamp": at}, default=repr)
    with suppress(OSError, ValueError):  # the reader of the log has gone: no one can be informed
        log.write(line + "\n")
        log.flush()


_ends: Final[list[int]] = []
"""The exit statuses whose reasons have been written; more than one if there are several reasons."""


def guard() -> None:
    """Turn everything that this process prints, and every error that nothing catches, into lines of the log."""
    for name in ("stdout", "stderr"):
        if not isinstance(getattr(sys, name), LineLog):
            setattr(sys, name, LineLog(_raw(sys.stderr), name))
    sys.excepthook = _log_exception
    threading.excepthook = _log_thread
    sys.unraisablehook = _log_unraisable
    _ends.clear()


def is_guarding() -> bool:
    """Return whether everything that is printed becomes a line of the log."""
    return isinstance(sys.stderr, LineLog)


def log_stream() -> IO[str]:
    """Return the stream to which the log is written."""
    return _raw(sys.stderr)


def note_exit(status: object) -> None:
    """Write that this worker ends with an exit status, unless it is 0 or the reason has been written."""
    if status not in (0, None) and not _ends:
        say_end(
            status if isinstance(status, int) else EXIT_UNEXPECTED, None if isinstance(status, int) else str(status)
        )


def say_end(status: int, problem: str | None = None, error: BaseException | None = None) -> None:
    """Write why this worker ends; without `guard`, as a line for people.

    Args:
        status: its exit status.
        problem: the reason in words.
        error: the exception that ends it, for its traceback.
    """
    fields: dict[str, Any] = {"status": status}
    if problem is not None:
        fields["problem"] = problem
    if error is not None:
        fields["error"] = f"{type(error).__name__}: {error}"
        fields["exception"] = "".join(traceback.format_exception(error)).rstrip()
    if not is_guarding():
        sys.stderr.write(f"error: {escaped(problem or fields.get('error', 'unexpected'))}\n")
        return
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, LineLog):
            stream.end_line()
    _ends.append(status)
    write_line(log_stream(), "critical", WORKER_ENDED, **fields)


def _raw(stream: IO[str]) -> IO[str]:
    return stream.log if isinstance(stream, LineLog) else stream


def _log_exception(kind: type[BaseException], error: BaseException, place: TracebackType | None) -> None:
    say_end(1, error=error)


def _log_thread(caught: threading.ExceptHookArgs) -> None:
    if caught.exc_value is None:
        return
    thread = None if caught.thread is None else caught.thread.name
    _hurt(caught.exc_value, thread=thread)


def _log_unraisable(caught: "sys.UnraisableHookArgs") -> None:
    if caught.exc_value is not None:
        _hurt(caught.exc_value, where=caught.err_msg or "an exception was ignored", object=repr(caught.object))


def _hurt(error: BaseException, **fields: Any) -> None:
    lines = "".join(traceback.format_exception(error)).rstrip()
    write_line(
        log_stream(), "error", WORKER_HURT, error=f"{type(error).__name__}: {error}", exception=lines, **fields
    )
