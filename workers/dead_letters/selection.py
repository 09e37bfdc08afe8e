"""Dead letters as values: what is in one, which are meant, and what a replay or a discard would do with each.

Pure: knows no clock, no Kafka and no Redis, but what a record of Kafka looks like.
"""

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import blake2b
from re import fullmatch
from typing import Final

from aiokafka import ConsumerRecord

from schemas.sources import TOPIC_PATTERN
from workers.core.direct_producers import SOURCE_HEADER
from workers.dead_letters.disposition import Dispositions, Noted, Place
from workers.dead_letters.record import CUT_FROM, DETAIL, REASON, SOURCE_OFFSET, SOURCE_PARTITION, SOURCE_TOPIC

__all__ = [
    "NOT_LINGERS",
    "REPLAYS",
    "Selection",
    "Disposition",
    "Group",
    "DeadLetter",
    "Plan",
    "group_letters",
    "plan_discard",
    "plan_replay",
    "read_letter",
    "replayed_headers",
]

REPLAYS: Final = "linger-replays"
"""Header of a record that was replayed: how often. Kept when the record becomes a dead letter again."""
NOT_LINGERS: Final = "not_lingers"
"""Reason given for records of the dead-letter topic that Linger did not write."""

_OWN: Final = (REASON, DETAIL, SOURCE_TOPIC, SOURCE_PARTITION, SOURCE_OFFSET)
# What is wrong with these is in the record itself: no sources.yaml can read it, so it would only come back.
_HOPELESS: Final = frozenset({"empty", "too_large", "not_json", "too_deep", "wrong_key"})
_NUMBER: Final = r"[0-9]{1,18}"

Header = tuple[str, bytes | None]


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One dead letter.

    Attributes:
        place: partition and offset in the dead-letter topic.
        at_ms: when it was put there.
        reason: why it could not be read; `NOT_LINGERS` for a record that Linger did not write.
        detail: the same in a sentence. It may show a customer's data.
        source: topic, partition and offset it was read from; None if Linger did not write it.
        cut_from: how many bytes its value had, if only the beginning of it was kept.
        key, value: as they were.
        headers: those that the record came with, without the ones that Linger added.
        replays: how often it was replayed before it became this dead letter.
    """

    place: Place
    at_ms: int
    reason: str
    detail: str
    source: tuple[str, int, int] | None
    cut_from: int | None
    key: bytes | None
    value: bytes | None
    headers: tuple[Header, ...]
    replays: int

    @property
    def topic(self) -> str:
        """The topic it came from, empty if that is not known."""
        return "" if self.source is None else self.source[0]

    def digest(self) -> bytes:
        """Return what two letters have in common only if they are the same record of the same place."""
        content = blake2b(repr((self.source, self.key)).encode(), digest_size=16)
        content.update(b"-" if self.value is None else b"+" + self.value)
        return content.digest()


def read_letter(record: ConsumerRecord) -> DeadLetter:
    """Read a record of the dead-letter topic.

    Linger's headers are the last ones: an older dead letter may have come with headers of the same names.
    """
    place, headers = (record.partition, record.offset), tuple(record.headers)
    cut_from = None
    if len(headers) > len(_OWN) and headers[-1][0] == CUT_FROM:
        cut_from, ours = _number(headers[-1][1]), headers[:-1]
    else:
        ours = headers
    own = ours[-len(_OWN) :]
    reason, detail, topic, partition, offset = (
        [_text(value) for _, value in own] if len(own) == len(_OWN) else [""] * 5
    )
    if (
        tuple(name for name, _ in own) != _OWN
        or not fullmatch(TOPIC_PATTERN, topic)
        or not fullmatch(_NUMBER, partition)
        or not fullmatch(_NUMBER, offset)
    ):
        return DeadLetter(
            place, record.timestamp, NOT_LINGERS, "", None, None, record.key, record.value, headers, _replays(headers)
        )
    original = ours[: -len(_OWN)]
    source = (topic, int(partition), int(offset))
    return DeadLetter(
        place,
        record.timestamp,
        reason,
        detail,
        source,
        cut_from,
        record.key,
        record.value,
        original,
        _replays(original),
    )


def replayed_headers(letter: DeadLetter, activity_topic: str) -> tuple[Header, ...]:
    """Return the headers to send a letter with: those it came with, and how often it was replayed.

    Intake's mark of origin is left out of records of the activity topic: the position in it counts as read already,
    so decide would drop the record as a duplicate. Without it decide takes the record like one that a producer wrote
    to the activity topic itself: checked in full, and dropped if its event id is known.
    """
    dropped = {REPLAYS, SOURCE_HEADER} if letter.topic == activity_topic else {REPLAYS}
    kept = tuple(header for header in letter.headers if header[0] not in dropped)
    return (*kept, (REPLAYS, str(letter.replays + 1).encode()))


def _replays(headers: Iterable[Header]) -> int:
    counts = [_number(value) or 0 for name, value in headers if name == REPLAYS]
    return max(counts, default=0)


def _number(raw: bytes | None) -> int | None:
    text = _text(raw)
    return int(text) if fullmatch(_NUMBER, text) else None


def _text(raw: bytes | None) -> str:
    return (raw or b"").decode(errors="replace")


# -- choosing --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Selection:
    """Which letters are meant; what is None or empty does not narrow it.

    Attributes:
        reason, topic: of the letter, and where it came from.
        since_ms: put into the dead-letter topic at this time or later.
        places: exactly these.
        again: also those that were replayed or discarded before.
    """

    reason: str | None = None
    topic: str | None = None
    since_ms: int | None = None
    places: frozenset[Place] = frozenset()
    again: bool = False

    def takes(self, letter: DeadLetter) -> bool:
        """Tell whether a letter is meant."""
        return (
            self.reason in (None, letter.reason)
            and self.topic in (None, letter.topic)
            and (self.since_ms is None or letter.at_ms >= self.since_ms)
            and (not self.places or letter.place in self.places)
        )

    def names(self, letter: DeadLetter) -> bool:
        """Tell whether somebody asked for just this letter or just this reason."""
        return self.reason is not None or letter.place in self.places


class Disposition(StrEnum):
    """What a replay or a discard does with a letter."""

    TAKEN = "taken"
    REPLAYED = "replayed before"
    DISCARDED = "discarded before"
    COPY = "a copy of another one"
    CUT = "only its beginning was kept; the source still holds it"
    EXHAUSTED = "replayed too often already"
    HOPELESS = "no setting can make it readable"
    NO_TOPIC = "its topic does not exist any more"
    NOT_LINGERS = "not written by Linger"


_BEFORE: Final[dict[Noted, Disposition]] = {"replayed": Disposition.REPLAYED, "discarded": Disposition.DISCARDED}


@dataclass(slots=True)
class Group:
    """Letters with the same reason from the same topic.

    Attributes:
        count: all of them, of which `replayed` and `discarded`.
        oldest_ms, newest_ms: when they were put into the dead-letter topic.
        example: the newest of those that nothing was done about, otherwise the newest.
        rank: of the example: whether nothing was done about it, and when it was put there.
    """

    reason: str
    topic: str
    count: int = 0
    replayed: int = 0
    discarded: int = 0
    oldest_ms: int = 0
    newest_ms: int = 0
    example: Place = (0, 0)
    rank: tuple[bool, int] = (False, -1)

    def add(self, letter: DeadLetter, noted: Noted | None) -> None:
        """Count one letter."""
        self.rank, self.example = max((self.rank, self.example), ((noted is None, letter.at_ms), letter.place))
        self.oldest_ms = min(self.oldest_ms, letter.at_ms) if self.count else letter.at_ms
        self.newest_ms = max(self.newest_ms, letter.at_ms)
        self.count += 1
        self.replayed += noted == "replayed"
        self.discarded += noted == "discarded"


async def group_letters(letters: AsyncIterator[DeadLetter], choice: Selection, notes: Dispositions) -> list[Group]:
    """Count letters by reason and topic, the most frequent first."""
    groups: dict[tuple[str, str], Group] = {}
    async for letter in letters:
        if choice.takes(letter):
            of = (letter.reason, letter.topic)
            groups.setdefault(of, Group(*of)).add(letter, notes.of(letter.place))
    return sorted(groups.values(), key=lambda group: (-group.count, group.topic, group.reason))


@dataclass(slots=True)
class Plan:
    """What a replay or a discard would do.

    Attributes:
        taken: the letters to be sent or discarded.
        copies: the same records once more (a dead letter may be written twice), or copies of records that were dealt
            with before; noted without being sent.
        tally: letters by fate, reason and topic.
        examples: one place for each entry of `tally`.
        cut: letters of which only the beginning was kept, with where the whole of them is.
        found: the places that were asked for and are there.
    """

    taken: list[Place] = field(default_factory=list)
    copies: list[Place] = field(default_factory=list)
    tally: Counter[tuple[Disposition, str, str]] = field(default_factory=Counter)
    examples: dict[tuple[Disposition, str, str], Place] = field(default_factory=dict)
    cut: list[tuple[Place, tuple[str, int, int]]] = field(default_factory=list)
    found: set[Place] = field(default_factory=set)

    def count(self, fate: Disposition, reason: str, topic: str, place: Place) -> None:
        """Count one letter."""
        self.tally[fate, reason, topic] += 1
        self.examples[fate, reason, topic] = place


async def plan_discard(letters: AsyncIterator[DeadLetter], choice: Selection, notes: Dispositions) -> Plan:
    """Choose letters to be discarded: all that are meant and that nothing was done about."""
    plan = Plan()
    async for letter in letters:
        if not choice.takes(letter):
            continue
        plan.found.add(letter.place)
        noted = notes.of(letter.place)
        fate = Disposition.TAKEN if noted is None else _BEFORE[noted]
        plan.count(fate, letter.reason, letter.topic, letter.place)
        if fate is Disposition.TAKEN:
            plan.taken.append(letter.place)
    return plan


async def plan_replay(
    letters: AsyncIterator[DeadLetter],
    choice: Selection,
    notes: Dispositions,
    topic_exists: Callable[[str], Awaitable[object]],
    *,
    at_most: int,
) -> Plan:
    """Choose letters to be sent again.

    Args:
        letters: all there are; copies are recognised only among what is seen here.
        choice: which are meant.
        notes: what was done before.
        topic_exists: awaited with a topic's name.
        at_most: a record that was replayed so often is not sent again.
    """
    plan = Plan()
    done: set[bytes] = set()
    candidates: list[tuple[bytes, str, str, Place]] = []
    async for letter in letters:
        noted = None if choice.again else notes.of(letter.place)
        if noted is not None:
            done.add(letter.digest())
        if not choice.takes(letter):
            continue
        plan.found.add(letter.place)
        fate = _fate(letter, noted, choice, at_most)
        if fate is Disposition.TAKEN and not await topic_exists(letter.topic):
            fate = Disposition.NO_TOPIC
        if fate is Disposition.CUT and letter.source is not None:
            plan.cut.append((letter.place, letter.source))
        if fate is Disposition.TAKEN:
            candidates.append((letter.digest(), letter.reason, letter.topic, letter.place))
        else:
            plan.count(fate, letter.reason, letter.topic, letter.place)
    # Only now, because the copy of a letter that was dealt with may be read before that letter.
    for digest, reason, topic, place in candidates:
        is_copy = digest in done
        done.add(digest)
        (plan.copies if is_copy else plan.taken).append(place)
        plan.count(Disposition.COPY if is_copy else Disposition.TAKEN, reason, topic, place)
    return plan


def _fate(letter: DeadLetter, noted: Noted | None, choice: Selection, at_most: int) -> Disposition:
    if noted is not None:
        return _BEFORE[noted]
    if letter.source is None:
        return Disposition.NOT_LINGERS
    if letter.cut_from is not None:
        return Disposition.CUT
    if letter.replays >= at_most:
        return Disposition.EXHAUSTED
    if letter.reason in _HOPELESS and not choice.names(letter):
        return Disposition.HOPELESS
    return Disposition.TAKEN
