"""Files of lines that end with a count and a checksum of them: one that was cut, changed or mixed is noticed.

Such a file is private, and gets its name only once it is complete. What its lines say is up to others.
"""

import os
from hashlib import blake2b
from pathlib import Path
from typing import BinaryIO, Final

from workers.errors import LingerError

LONGEST_LINE: Final = 64 << 20
"""Bytes; a customer with everything takes a few hundred kilobytes."""
AGAIN: Final = "copy it again, or use another"
_PRIVATE: Final = 0o600
_CHECKSUM_BYTES: Final = 16
_UNFINISHED: Final = ".part"


class DamagedFile(LingerError):
    """A file that is not what it should be, or was cut or changed; the text says where, and what to do."""


class Checksum:
    """The lines so far: how many, and their hash."""

    def __init__(self) -> None:
        self.lines = 0
        self._hash = blake2b(digest_size=_CHECKSUM_BYTES)

    def add(self, raw: bytes) -> None:
        """Add a line, without its line break."""
        self.lines += 1
        self._hash.update(raw)
        self._hash.update(b"\n")

    @property
    def text(self) -> str:
        """The hash as text."""
        return self._hash.hexdigest()

    def check(self, lines: int, text: str, what: str) -> None:
        """Compare with what the last line says.

        Args:
            lines: how many there are, without the last one.
            text: their hash as text.
            what: they are of, in words.

        Raises:
            DamagedFile: if it says something else.
        """
        if lines != self.lines or text != self.text:
            raise DamagedFile(
                f"{what} says that it has {lines:,} lines and the checksum {text[:32]}, it has {self.lines:,} and "
                f"{self.text}: it was changed; {AGAIN}"
            )


class SealedWriter:
    """Writes lines, and counts them into a checksum.

    Attributes:
        checksum: of the lines so far.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.checksum = Checksum()

    def add(self, raw: bytes) -> None:
        """Write a line, given without its line break."""
        self.checksum.add(raw)
        self.end(raw)

    def end(self, raw: bytes) -> None:
        """Write the last line, which the checksum does not count."""
        self._file.write(raw)
        self._file.write(b"\n")


def read_line(file: BinaryIO, what: str) -> bytes:
    """Read a line, and return it without its line break.

    Args:
        file: to read from.
        what: the file should be, in words.

    Raises:
        DamagedFile: if the file ends before it, or it is too long.
    """
    raw = file.readline(LONGEST_LINE)
    if raw.endswith(b"\n"):
        return raw[:-1]
    raise DamagedFile(
        f"a line is longer than {LONGEST_LINE:,} bytes: this is no {what} of Linger"
        if len(raw) == LONGEST_LINE
        else f"it ends before its last line, so it was cut; {AGAIN}"
    )


def open_unfinished(path: Path) -> BinaryIO:
    """Open a file that is not complete yet, which only its owner can read; one of an earlier attempt is emptied."""
    number = os.open(_unfinished(path), os.O_CREAT | os.O_TRUNC | os.O_WRONLY, _PRIVATE)
    return os.fdopen(number, "wb")


def finish(path: Path) -> None:
    """Give a complete file its name; one that has it is replaced."""
    os.replace(_unfinished(path), path)


def drop_unfinished(folder: Path) -> None:
    """Remove the files of a folder that were not finished."""
    for path in folder.glob(f".*{_UNFINISHED}"):
        path.unlink(missing_ok=True)


def drop(path: Path) -> None:
    """Remove a file that was not finished, if it is there."""
    _unfinished(path).unlink(missing_ok=True)


def _unfinished(path: Path) -> Path:
    return path.with_name(f".{path.name}{_UNFINISHED}")
