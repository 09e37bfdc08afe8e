"""The file of a scan: written customer by customer, and read again in one pass with memory for one of them."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Final

from workers.errors import StartupError
from workers.scan.lines import End, PartitionLine, ScanHead, StoredCustomer, decode_head, decode_line, encode_line
from workers.sealed_lines import (
    AGAIN,
    Checksum,
    DamagedFile,
    SealedWriter,
    drop,
    finish,
    open_unfinished,
    read_line,
)

Advance = Callable[[int, int], None]
"""Called with how many customers are done, and how many there are; 0 while that is not known."""
Found = tuple[PartitionLine, StoredCustomer]
"""A customer with the line of the partition."""

_WHAT: Final = "scan"
_AT_ONCE: Final = 1_000
_LONGEST_END: Final = 512
"""Bytes; the last line is shorter."""


class ScanWriter:
    """Writes a scan.

    Attributes:
        customers: how many are written.
    """

    def __init__(self, file: BinaryIO, head: ScanHead) -> None:
        self._lines = SealedWriter(file)
        self._lines.add(encode_line(head))
        self.customers = 0

    def begin(self, partition: PartitionLine) -> None:
        """Begin a partition; its customers follow."""
        self._lines.add(encode_line(partition))

    def add(self, customer: StoredCustomer) -> None:
        """Write a customer."""
        self._lines.add(encode_line(customer))
        self.customers += 1

    def end(self, took_ms: int) -> None:
        """Write the last line; without it, no one reads the file."""
        seal = self._lines.checksum
        last = End(lines=seal.lines, customers=self.customers, took_ms=took_ms, checksum=seal.text)
        self._lines.end(encode_line(last))


class ScanFile:
    """A scan that is read.

    Attributes:
        path: of the file.
        head: its first line.
        end: its last line; None until every customer was read.
        expected: how many customers the last line announces, to show progress; 0 if that cannot be read beforehand.
    """

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self.path = path
        self.end: End | None = None
        self._file = file
        self._sum = Checksum()
        self.expected = _announced(file)
        raw = read_line(file, _WHAT)
        self.head = decode_head(raw)
        self._sum.add(raw)

    def parts(self, advance: Advance = lambda _, __: None) -> Iterator[list[Found]]:
        """Yield all customers, some at a time; else as `customers`.

        Args:
            advance: called after each part.

        Raises:
            StartupError: if the file was cut or changed.
        """
        customers, done = self.customers(), 0
        while part := list(islice(customers, _AT_ONCE)):
            yield part
            done += len(part)
            advance(done, self.expected)

    def customers(self) -> Iterator[Found]:
        """Yield every customer with the line of the partition, which is the same object for all of a partition.

        What was made of them counts only if this ends without an error: only the last line shows that all is there.

        Raises:
            StartupError: if the file was cut or changed.
        """
        with _named(self.path):
            partition: PartitionLine | None = None
            while True:
                raw = read_line(self._file, _WHAT)
                line = decode_line(raw)
                if isinstance(line, End):
                    self._sum.check(line.lines, line.checksum, "it")
                    self.end = line
                    return
                self._sum.add(raw)
                if isinstance(line, PartitionLine):
                    partition = line
                elif isinstance(line, StoredCustomer) and partition is not None:
                    yield partition, line
                else:
                    raise DamagedFile(f"line {self._sum.lines} stands where it cannot; {AGAIN}")


def _announced(file: BinaryIO) -> int:
    """Return how many customers the last line announces, 0 if there is none, and go to the beginning of the file."""
    if not file.seekable():
        return 0
    file.seek(max(0, file.seek(0, os.SEEK_END) - _LONGEST_END))
    *_, last = file.read().splitlines() or [b""]
    file.seek(0)
    try:
        line = decode_line(last)
    except DamagedFile:
        return 0
    return line.customers if isinstance(line, End) else 0


@contextmanager
def opened(path: Path) -> Iterator[ScanFile]:
    """Open a scan for the duration of a `with` block.

    Raises:
        StartupError: if there is no such file, or it is no scan.
    """
    with _named(path), path.open("rb") as file:
        scan = ScanFile(path, file)
        yield scan


@contextmanager
def unfinished(path: Path) -> Iterator[BinaryIO]:
    """Open a file for a scan, for the duration of a `with` block; it has its name only if that ends well."""
    try:
        with open_unfinished(path) as file:
            yield file
        finish(path)
    finally:
        drop(path)


def refuse_other(path: Path) -> None:
    """Refuse to write a scan over a file that is none; an older scan is replaced.

    Raises:
        StartupError: if there is such a file, or it would be in no folder.
    """
    if not path.parent.is_dir():
        raise StartupError([f"{path}: there is no folder {path.parent}"])
    if not path.exists():
        return
    try:
        with path.open("rb") as file:
            decode_head(read_line(file, _WHAT))
    except (DamagedFile, OSError) as error:
        raise StartupError([f"{path} is there and is no scan of Linger: name another file"]) from error


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Name the file in an error."""
    try:
        yield
    except DamagedFile as error:
        raise StartupError([f"{path}: {error}"]) from error
    except OSError as error:
        raise StartupError([f"{path}: {error.strerror or error}"]) from error
