"""What is to be published of a customer's stages: rows of numbers, and the bytes of the records that Kafka gets.

Words are made only when the records are written, as `records` does it for actions.

The bytes are those of `schemas.stages.encode_stage`, which makes them of objects.
"""

from typing import Final

import msgspec

from schemas.actions import Value
from schemas.stages import Because, Direction, StageRecord, begun_hash, decode_stage
from workers.core.conditions.condition import Condition
from workers.core.conditions.ladder import ActiveLadder
from workers.core.customer.candidate import Evidence
from workers.core.decisions.published import FIRST_HEADERS, ID, SOURCE, SUBJECT, TIME, TYPE, Headers
from workers.core.text import Text, escaped, inside_quotes

DIRECTIONS: Final[tuple[Direction, ...]] = ("none", "up", "down")
"""By the number of a direction (`customer.stage`), its word."""

BY_EVENT: Final = 0
BY_TIME: Final = 1
FIRST_KNOWN: Final = 2
BY_LADDER: Final = 3
BY_LATE_EVENT: Final = 4

CAUSES: Final[tuple[Because, ...]] = ("event", "time", "first_known", "ladder", "late_event")
"""By its number, what changed a stage."""

_as_json: Final = msgspec.json.Encoder().encode
_ID_SIZE: Final = 36
_TYPE: Final = (TYPE, b"linger.stage.v1")
_SOURCE: Final = (SOURCE, b"/linger/stages")
_MOVED: Final = tuple(f',"direction":"{direction}","because":"'.encode() for direction in DIRECTIONS)
"""By the number of a direction, what is written of it."""
_CAUSED: Final = tuple(f'{cause}","why":['.encode() for cause in CAUSES)
"""By the number of what changed a stage, what is written of it."""


class StageRow:
    """One record of a stage.

    Attributes:
        code: of the stage; 0 says that the customer is not known any longer, and nothing below means anything.
        since_ms: since when the customer stands there.
        id_ms: the moment in the record's id (`schemas.stages.stage_id`).
        from_code: of the stage before; 0 for none.
        direction: of the move.
        because: what changed it, a place in `CAUSES`.
        step: whose reasons go with it; None for the lowest stage.
        evidence: of these reasons.
        value: what the customer is worth; None where no file says it.
    """

    __slots__ = ("because", "code", "direction", "evidence", "from_code", "id_ms", "since_ms", "step", "value")

    def __init__(self, most_conditions: int) -> None:
        self.evidence = Evidence(most_conditions)
        self.code = self.since_ms = self.id_ms = self.from_code = self.direction = self.because = 0
        self.step: Condition | None = None
        self.value: Value | None = None


class StageContent:
    """A record of a stage without topic and key.

    Attributes:
        value: None says that the customer is not known any longer.
        headers: empty then.
    """

    __slots__ = ("headers", "value")

    value: bytes | None
    headers: Headers


class StageWords:
    """What is written of a stage, in pieces.

    Attributes:
        name: as the hash of an id has it.
        named, came_from: of the stage that the record is about, and of the stage before.
    """

    __slots__ = ("came_from", "name", "named")

    def __init__(self, name: str) -> None:
        self.name = name.encode()
        written = inside_quotes(name)
        self.named = b'","stage":"' + written + b'","since":"'
        self.came_from = b',"from":"' + written + b'"'


class StageRecords:
    """Writes the records of the stages of one ladder, for one customer after the other."""

    __slots__ = ("_content_type", "_spec", "_text", "_words")

    def __init__(self, ladder: ActiveLadder) -> None:
        self._words = {code: StageWords(name) for code, name in ladder.name_of.items()}
        self._text = Text()
        self._spec, self._content_type = FIRST_HEADERS

    def written(self, customer_id: str, rows: list[StageRow]) -> list[StageContent]:
        """Return the records of a customer, in order."""
        found: list[StageContent] = []
        if not rows:
            return found
        key = customer_id.encode()
        subject, name = (SUBJECT, key), escaped(key)
        for row in rows:
            content = StageContent.__new__(StageContent)
            content.value, content.headers = None, ()
            if row.code:
                self._write(content, row, key, name, subject)
            found.append(content)
        return found

    def contents(self, customer_id: str, rows: list[StageRow]) -> list[StageRecord | None]:
        """Return the same as objects, for callers in Python; None for a customer who is not known any longer."""
        written = self.written(customer_id, rows)
        return [None if one.value is None else decode_stage(one.value) for one in written]

    def _write(
        self, content: StageContent, row: StageRow, key: bytes, name: bytes, subject: tuple[str, bytes]
    ) -> None:
        """Write the record of a row.

        Args:
            content: takes it.
            row: what is to be published.
            key: the customer's id.
            name: the same as JSON has it between the quotes.
            subject: the header that has it.
        """
        text, words, step = self._text, self._words[row.code], row.step
        came_from = self._words.get(row.from_code)
        text.clear()
        text.decimal(row.id_ms)
        text.byte(10)
        if came_from is not None:
            text.copy(came_from.name)
        text.byte(10)
        text.copy(words.name)
        text.byte(10)
        text.copy(key)
        hashed = begun_hash()
        hashed.update(text.made())
        text.clear()
        text.copy(b'{"stage_id":"')
        id_from = text.at
        text.uuid(hashed.digest())
        text.copy(b'","customer_id":"')
        text.copy(name)
        text.copy(words.named)
        time_from = text.at
        text.instant(row.since_ms)
        time_size = text.at - time_from
        text.byte(34)
        if came_from is not None:
            text.copy(came_from.came_from)
        text.copy(_MOVED[row.direction])
        text.copy(_CAUSED[row.because])
        if step is not None:
            step.word(text, row.evidence)
        text.byte(93)
        if row.value is not None:
            text.copy(b',"value":')
            text.copy(_as_json(row.value))
        text.byte(125)
        content.value = text.made()
        content.headers = (
            self._spec,
            self._content_type,
            (ID, text.part(id_from, _ID_SIZE)),
            _TYPE,
            _SOURCE,
            subject,
            (TIME, text.part(time_from, time_size)),
        )
