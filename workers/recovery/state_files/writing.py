"""Writes the parts of a state file: private, and under their names only once they are complete."""

from pathlib import Path
from typing import BinaryIO, Final

from workers.recovery.state_files.lines import End, Head, Inner, encode_line
from workers.sealed_lines import SealedWriter, drop_unfinished, finish, open_unfinished

SHARED_NAME: Final = "shared.jsonl"
_PRIVATE_FOLDER: Final = 0o700


def partition_name(partition: int) -> str:
    """Return the name of the file with one partition."""
    return f"partition-{partition:04}.jsonl"


class PartWriter:
    """Writes one part, line by line."""

    def __init__(self, file: BinaryIO, head: Head) -> None:
        self._lines = SealedWriter(file)
        self._lines.add(encode_line(head))

    def add(self, line: Inner) -> None:
        """Write one more line."""
        self._lines.add(encode_line(line))

    def end(self, unreadable: int = 0) -> None:
        """Close the part."""
        seal = self._lines.checksum
        self._lines.end(encode_line(End(lines=seal.lines, unreadable=unreadable, checksum=seal.text)))


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
        return open_unfinished(self.path / name)

    def finish(self, name: str) -> None:
        """Give a complete file its name."""
        finish(self.path / name)

    def drop_unfinished(self) -> None:
        """Remove what was not finished."""
        drop_unfinished(self.path)
