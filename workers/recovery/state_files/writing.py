"""Writes the parts of a state file: private, and under their names only once they are complete."""

import os
from pathlib import Path
from typing import BinaryIO, Final

from workers.recovery.state_files.lines import Checksum, End, Head, Inner, encode_line

SHARED_NAME: Final = "shared.jsonl"
_PRIVATE_FILE: Final = 0o600
_PRIVATE_FOLDER: Final = 0o700
_UNFINISHED: Final = ".part"


def partition_name(partition: int) -> str:
    """Return the name of the file with one partition."""
    return f"partition-{partition:04}.jsonl"


class PartWriter:
    """Writes one part, line by line."""

    def __init__(self, file: BinaryIO, head: Head) -> None:
        self._file = file
        self._sum = Checksum()
        self._put(encode_line(head))

    def add(self, line: Inner) -> None:
        """Write one more line."""
        self._put(encode_line(line))

    def end(self, unreadable: int = 0) -> None:
        """Close the part."""
        end = End(lines=self._sum.lines, unreadable=unreadable, checksum=self._sum.text)
        self._file.write(encode_line(end) + b"\n")

    def _put(self, raw: bytes) -> None:
        self._sum.add(raw)
        self._file.write(raw)
        self._file.write(b"\n")


class StateFolder:
    """A folder that is filled with state files."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def make(self) -> None:
        """Make the folder, which only its owner can read; one that is there stays as it is."""
        self.path.mkdir(mode=_PRIVATE_FOLDER, parents=True, exist_ok=True)

    def is_empty(self) -> bool:
        """Return whether there is nothing in it, or no such folder."""
        return not self.path.exists() or not any(self.path.iterdir())

    def open(self, name: str) -> BinaryIO:
        """Open a file that is not complete yet, and empty it if it is there."""
        number = os.open(self._unfinished(name), os.O_CREAT | os.O_TRUNC | os.O_WRONLY, _PRIVATE_FILE)
        return os.fdopen(number, "wb")

    def finish(self, name: str) -> None:
        """Give a complete file its name."""
        os.replace(self._unfinished(name), self.path / name)

    def drop_unfinished(self) -> None:
        """Remove what was not finished."""
        for path in self.path.glob(f".*{_UNFINISHED}"):
            path.unlink(missing_ok=True)

    def _unfinished(self, name: str) -> Path:
        return self.path / f".{name}{_UNFINISHED}"
