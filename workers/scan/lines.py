"""The lines of a scan: what each is, as JSON. Reads and writes no file.

The first line is about all of it. Then comes a line for each partition, followed by its customers, and a last line
with counts and a checksum. Keys that are not known are refused.
"""

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from workers.core.coverage import Coverage
from workers.core.customer.standing import AS_ANYBODY, Standing
from workers.sealed_lines import DamagedFile

FORMAT: Final = 1
"""Of the scans that this release writes. It reads those up to it."""

Number = Annotated[int, Meta(ge=0, le=(1 << 62))]
EpochMs = Annotated[int, Meta(ge=0, le=1 << 54)]


class _Line(msgspec.Struct, tag_field="line", forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """One line of a scan."""


class ScanHead(_Line, tag="scan", kw_only=True):
    """What a scan is of.

    Attributes:
        format: of this file.
        release: of Linger, which took it.
        namespace: where the customers are stored.
        at: its moment, when it began (milliseconds since 1970).
        partitions: how many the activity topic has.
        rules: the hash in which workers agree on the newest rules, with its generation and content hash.
        rule_contents: by version of a rule, what it said.
    """

    format: int
    release: str
    namespace: str
    at: EpochMs
    partitions: Annotated[int, Meta(ge=1)]
    rules: dict[str, str]
    rule_contents: dict[str, str]


class PartitionLine(_Line, tag="partition", kw_only=True):
    """A partition, at the moment when the reading of its customers began; they follow.

    Attributes:
        partition: its number.
        at: that moment (milliseconds since 1970).
        offset: the next offset to fold; -1 if nothing was ever read.
        layout: in which customers are written there.
        generation, rules: of the rule set that decided last, and its hash; "" if none did.
        since: by series, since when it is watched (milliseconds since 1970).
        until: by event type, up to when it has been seen.
        complete: series whose history is complete.
        meant: by event type, up to when an earlier meaning of rules decided.
    """

    partition: Number
    at: EpochMs
    offset: Annotated[int, Meta(ge=-1, le=(1 << 62))]
    layout: Number
    generation: Number
    rules: str
    since: dict[str, int]
    until: dict[str, int]
    complete: list[str]
    meant: dict[str, int]

    def as_if_seen(self) -> Coverage:
        """Return the coverage of the partition if every type had been seen, and goes on to be."""
        return Coverage(self.since, {}, frozenset(self.complete), self.meant)


class StoredCustomer(_Line, tag="customer", kw_only=True):
    """A customer as stored.

    Attributes:
        id: the customer's.
        stored: the activity, as bytes in the layout that they say.
        suppressed: whether the customer must never be written to.
        opted_out_ms: when a mark says that the customer said no; 0 for never.
    """

    id: str
    stored: bytes
    suppressed: bool = False
    opted_out_ms: EpochMs = 0

    @property
    def standing(self) -> Standing:
        """What the customer's mark says."""
        if not (self.suppressed or self.opted_out_ms):
            return AS_ANYBODY
        return Standing(self.suppressed, self.opted_out_ms)


class End(_Line, tag="end", kw_only=True):
    """Closes a scan.

    Attributes:
        lines: how many it has, without this one.
        customers: how many of them are customers.
        took_ms: how long it took.
        checksum: of these lines.
    """

    lines: Number
    customers: Number
    took_ms: Number
    checksum: str


Line = ScanHead | PartitionLine | StoredCustomer | End

encode_line: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder(Line).decode


class _Beginning(msgspec.Struct):
    line: str
    format: int


_decode_beginning: Final = msgspec.json.Decoder(_Beginning).decode


def decode_head(raw: bytes) -> ScanHead:
    """Read the first line.

    Raises:
        DamagedFile: if it is none, or a later release wrote it.
    """
    try:
        beginning = _decode_beginning(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        beginning = None
    if beginning is None or beginning.line != "scan":
        raise DamagedFile("this is no scan of Linger: it does not begin as one")
    if beginning.format > FORMAT:
        raise DamagedFile(
            f"its format is {beginning.format}, this release reads {FORMAT} and below: a later release of Linger "
            "took it; use that release, or take another: linger scan"
        )
    line = decode_line(raw)
    assert isinstance(line, ScanHead)
    return line


def decode_line(raw: bytes) -> Line:
    """Read a line.

    Raises:
        DamagedFile: if it is none.
    """
    try:
        line: Line = _decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DamagedFile(f"it cannot be read: {error}") from None
    return line
