"""Marks in state files: written as they are, and joined to those that are there when a file is loaded.

A mark that is there is never replaced by an older one: what either of the two says stays said. A customer who was
erased after the file was written is left out of what is loaded.
"""

from collections.abc import Iterator, Mapping

import msgspec

from workers.errors import StartupError
from workers.kafka.records import OutboxRecord
from workers.processor.orders.mark_topic import Copies
from workers.recovery.state_files.lines import MarkLine, PartitionHead, SharedHash, raw_bytes
from workers.recovery.state_files.reading import StateFiles
from workers.state.marks.key import MarkKey
from workers.state.marks.mark import Mark, encode_mark
from workers.state.marks.merging import merged
from workers.state.marks.stored import CHECK, KEY, key_of
from workers.state.store import Store

__all__ = ["PresentMarks", "check_of", "key_of_files", "mark_line", "mark_of_line", "require_key"]

_NAME = "marks-key"
"""Name of the hash of the key."""


class PresentMarks:
    """The marks that are there when a part is loaded.

    Attributes:
        left_out: customers of the file who were erased since it was written.
    """

    def __init__(self, head: PartitionHead, marks: Mapping[bytes, Mark], key: MarkKey | None) -> None:
        """Take the marks.

        Args:
            head: of the part.
            marks: that Redis has of the partition, by the ref of the customer.
            key: of marks; None if there is none, and so no mark.
        """
        self.left_out = 0
        self._head = head
        self._marks = marks
        self._key = key
        topic_id = head.topic_id or ""
        self._erased = {
            ref
            for ref, mark in marks.items()
            if mark.erased_ms and mark.topic_id == topic_id and mark.erased_at >= head.offset
        }

    def is_erased(self, customer_id: str) -> bool:
        """Return whether a customer was erased at the file's offset or after it."""
        return bool(self._erased) and self._key is not None and self._key.ref(customer_id) in self._erased

    def is_of_erased(self, record: OutboxRecord) -> bool:
        """Return whether a record is of a customer who was erased, and no retraction."""
        if not self._erased or record.key is None or not self.is_erased(record.key.decode(errors="replace")):
            return False
        return not _takes_back(record.value)

    def joined(self, line: MarkLine) -> tuple[bytes, bytes]:
        """Return the ref of a customer, and the mark to store: that of the file and the present one together."""
        ref, mark = mark_of_line(line)
        return ref, encode_mark(merged(self._marks.get(ref, Mark()), mark, self._head.topic_id or ""))


def mark_line(ref: bytes, mark: Mark) -> MarkLine:
    """Return the line of a mark."""
    return MarkLine(ref=ref.hex(), **msgspec.structs.asdict(mark))


def mark_of_line(line: MarkLine) -> tuple[bytes, Mark]:
    """Return the ref of a customer, and the mark that a line holds."""
    fields = {name: getattr(line, name) for name in Mark.__struct_fields__}
    return bytes.fromhex(line.ref), Mark(**fields)


def check_of(fields: Mapping[str, str]) -> str:
    """Return what shows the key of marks, by what is stored of it; "" if there is none."""
    return MarkKey(bytes.fromhex(fields[KEY])).check() if KEY in fields else fields.get(CHECK, "")


def key_of_files(stored: Mapping[str, str], files: StateFiles, configured: bytes | None) -> MarkKey | None:
    """Return the key under which marks stand after the files are loaded; None if there are no marks.

    Args:
        stored: what Redis, or the topic of marks, has of the key.
        files: to load.
        configured: the key of the settings, None without one.

    Raises:
        StartupError: if the marks of a file, or those in Redis, stand under another key.
    """
    key = key_of(stored or _fields_in(files), configured)
    problems = [
        f"partition {number}: its marks stand under another key than {'those here' if key else 'any that is known'}: "
        + (
            "set LINGER_MARKS_KEY to the key of the installation that wrote the file"
            if key
            else "import the file of what all partitions share with it, or set LINGER_MARKS_KEY"
        )
        for number, head in sorted(files.heads.items())
        if head.marks_key and (key is None or head.marks_key != key.check())
    ]
    if problems:
        raise StartupError(problems)
    return key


async def require_key(store: Store, files: StateFiles, copies: Copies, configured: bytes | None) -> MarkKey | None:
    """Return the key as `key_of_files` does, by what Redis has of it, or else the topic of marks.

    Raises:
        StartupError: as `key_of_files`.
        Transient: if Redis does not answer.
    """
    return key_of_files(await store.marks.key_fields() or copies.key_fields, files, configured)


def _fields_in(files: StateFiles) -> dict[str, str]:
    lines: Iterator[object] = iter(()) if files.shared is None else files.shared.lines()
    for line in lines:
        if isinstance(line, SharedHash) and line.name == _NAME:
            return {name: (raw_bytes(value) or b"").decode() for name, value in line.fields.items()}
    return {}


class _Status(msgspec.Struct):
    status: str = ""


_status_of = msgspec.json.Decoder(_Status).decode


def _takes_back(value: bytes | None) -> bool:
    try:
        return value is not None and _status_of(value).status == "retracted"
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
