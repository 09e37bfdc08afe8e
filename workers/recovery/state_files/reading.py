"""Reads state files: first whole, to find out whether they are complete, then line by line.

A file, or a folder of files whose names end with `.jsonl`; each file may have several parts.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from os import SEEK_CUR
from pathlib import Path
from typing import BinaryIO

from workers.errors import StartupError
from workers.recovery.state_files.lines import (
    End,
    Head,
    Inner,
    PartitionHead,
    decode_head,
    decode_line,
)
from workers.sealed_lines import AGAIN, Checksum, DamagedFile, read_line


@dataclass(frozen=True, slots=True)
class Part:
    """Where a part is in the files.

    Attributes:
        path: of its file.
        at: position of its first line, in bytes.
    """

    path: Path
    at: int

    def lines(self) -> Iterator[Inner]:
        """Yield its lines, without the first and the last.

        Raises:
            DamagedFile: if the part is not complete.
        """
        with self.path.open("rb") as file:
            file.seek(self.at)
            reader = _PartReader(file)
            yield from reader.lines()


@dataclass(slots=True)
class StateFiles:
    """State files that are complete.

    Attributes:
        heads: the first line of each partition's part.
        partitions: where each partition is.
        shared: where the part is of what all share; None if there is none.
        unreadable: how many customers could not be read when the files were written.
    """

    heads: dict[int, PartitionHead] = field(default_factory=dict)
    partitions: dict[int, Part] = field(default_factory=dict)
    shared: Part | None = None
    unreadable: int = 0

    def chosen(self, partitions: Collection[int]) -> "StateFiles":
        """Return the same with some partitions only."""
        return StateFiles(
            {number: head for number, head in self.heads.items() if number in partitions},
            {number: part for number, part in self.partitions.items() if number in partitions},
            self.shared,
            self.unreadable,
        )


def read_files(path: Path) -> StateFiles:
    """Read state files from beginning to end, and say where what is.

    Raises:
        StartupError: with every file that is no state file, was cut or changed; or if there is none.
    """
    if path.is_dir():
        paths = sorted(path.glob("*.jsonl"))
        if not paths:
            raise StartupError([f"{path}: there is no state file in this folder"])
    elif path.exists():
        paths = [path]
    else:
        raise StartupError([f"{path}: no such file or folder"])
    files, problems = StateFiles(), []
    for one in paths:
        try:
            _read_file(one, files)
        except DamagedFile as error:
            problems.append(f"{one}: {error}")
        except OSError as error:
            problems.append(f"{one}: {error.strerror or error}")
    if problems:
        raise StartupError(problems)
    return files


def _read_file(path: Path, files: StateFiles) -> None:
    with path.open("rb") as file:
        is_empty = True
        while True:
            at = file.seek(0, SEEK_CUR)
            if not file.read(1):
                break
            file.seek(at)
            is_empty = False
            reader = _PartReader(file)
            for _ in reader.lines():
                pass
            _note(files, reader, Part(path, at))
        if is_empty:
            raise DamagedFile(f"it is empty; {AGAIN}")


def _note(files: StateFiles, reader: "_PartReader", part: Part) -> None:
    head = reader.head
    if not isinstance(head, PartitionHead):
        if files.shared is not None:
            raise DamagedFile("what all partitions share is there twice: these are files of two exports")
        files.shared = part
        return
    if head.partition in files.partitions:
        raise DamagedFile(f"partition {head.partition} is there twice: these are files of two exports")
    files.heads[head.partition] = head
    files.partitions[head.partition] = part
    files.unreadable += reader.unreadable


class _PartReader:
    """Reads one part, and checks it against its last line."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._sum = Checksum()
        raw = self._raw()
        self.head: Head = decode_head(raw)
        self._sum.add(raw)
        self.unreadable = 0

    def lines(self) -> Iterator[Inner]:
        """Yield the lines between the first and the last one.

        Raises:
            DamagedFile: if the part was cut or changed.
        """
        while True:
            raw = self._raw()
            line = self._decoded(raw)
            if isinstance(line, End):
                self._sum.check(line.lines, line.checksum, "a part")
                self.unreadable = line.unreadable
                return
            if isinstance(line, Head):
                raise DamagedFile(f"line {self._sum.lines + 1} of a part begins another one: it was cut; {AGAIN}")
            self._sum.add(raw)
            yield line

    def _decoded(self, raw: bytes) -> Inner | Head | End:
        try:
            return decode_line(raw)
        except DamagedFile as error:
            raise DamagedFile(f"line {self._sum.lines + 1} of a part: {error}; {AGAIN}") from None

    def _raw(self) -> bytes:
        return read_line(self._file, "state file")
