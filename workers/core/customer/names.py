"""Names: what the stored bytes of a customer call the series and rules of a rule set."""

from collections.abc import Iterable, Sequence
from hashlib import blake2b
from typing import Final, NamedTuple

from workers.core.coverage import type_of
from workers.core.customer.binary import Damaged, Reader, within
from workers.core.customer.customer import Customer
from workers.core.customer.episode import Episode
from workers.core.customer.requirement import Requirement
from workers.core.customer.series import Series
from workers.core.events.decoding import MAX_STORED
from workers.core.memory import Numbers

CODE_BYTES: Final = 5
"""Two of a company's thousand rules, over the years, share a code in one of two million companies."""


class NamedRule(NamedTuple):
    """What the stored bytes must know of a rule.

    Attributes:
        id: the rule's id.
        version: hash of its content, 12 hexadecimal digits.
        group: place of its group (`decisions.program`).
    """

    id: str
    version: str
    group: int


class GroupOf3(NamedTuple):
    """A group of rules as workers have it that write layout 3.

    Attributes:
        name: its name.
        rules: places of its rules.
        required: how many events of each type its rules need to hold.
    """

    name: str
    rules: tuple[int, ...]
    required: tuple[tuple[str, int, int], ...]


class Places:
    """Places by numbers: a table with open addresses, in which nothing is made to look something up."""

    __slots__ = ("_memory", "mask", "table")

    def __init__(self, numbers: Sequence[int]) -> None:
        """Make the table of the places of numbers, each at least 0 and only once."""
        size = 8
        while size < 2 * len(numbers):
            size *= 2
        self.mask = size - 1
        memory = Numbers(2 * size)
        self._memory = memory
        self.table = memory.numbers()
        for place in range(size):
            self.table[2 * place] = -1
        for place, number in enumerate(numbers):
            at = number % size
            while self.table[2 * at] >= 0:
                at = (at + 1) % size
            self.table[2 * at], self.table[2 * at + 1] = number, place

    def of(self, number: int) -> int:
        """Return the place of a number, at least 0; -1 if it is not among them."""
        at = number & self.mask
        while True:
            known = self.table[2 * at]
            if known == number:
                return self.table[2 * at + 1]
            if known < 0:
                return -1
            at = (at + 1) & self.mask


class Names:
    """The names of a rule set, for the customer of it.

    Attributes:
        customer: whose objects are filled.
        generation: of the rule set.
        rules: in the order of their places.
        by_id: places of rules.
        codes, versions: of the rules, as numbers, by their place.
        by_code, by_version: places of rules.
        series: the customer's, in the order of their keys.
        groups: as workers have them that write layout 3.
    """

    def __init__(
        self, customer: Customer, generation: int, rules: Iterable[NamedRule], groups: Iterable[GroupOf3] = ()
    ) -> None:
        self.customer = customer
        self.generation = generation
        self.rules = list(rules)
        self.by_id = {rule.id: place for place, rule in enumerate(self.rules)}
        codes = [code_of(rule.id) for rule in self.rules]
        versions = [int(rule.version, 16) for rule in self.rules]
        self._codes, self._versions = Numbers(len(codes)), Numbers(len(codes))
        self.codes, self.versions = self._codes.numbers(), self._versions.numbers()
        for place, code in enumerate(codes):
            self.codes[place], self.versions[place] = code, versions[place]
        self.by_code, self.by_version = Places(codes), Places(versions)
        self.series: list[Series] = sorted(customer.series, key=lambda series: series.key)
        self.groups = [(one, Requirement(customer, one.required)) for one in groups]

    def series_of(self, key: str) -> Series:
        """Return a series by its key; one that no rule of this set reads is made.

        Raises:
            Damaged: if the key names no event type.
        """
        customer = self.customer
        series: Series | None = customer.by_key.get(key)
        if series is None:
            series = customer.other_series.get(key)
        if series is None:
            kind = type_of(key)
            if not kind:
                raise Damaged("a series of no type")
            series = customer.other_series[key] = Series(key, kind, False, 0)
        return series

    def known_series(self, key: str) -> Series | None:
        """Return a series by its key if the customer has an event of it; None otherwise."""
        series: Series | None = self.customer.by_key.get(key)
        if series is None:
            series = self.customer.other_series.get(key)
        return series if series is not None and series.is_present else None

    def mind_sums(self, series: Series) -> None:
        """Note that a series has sums, if no rule of this set reads it.

        Raises:
            Damaged: if a rule reads it, which adds up nothing.
        """
        if series.key not in self.customer.other_series:
            raise Damaged("sums of a series that adds up nothing")
        series.has_sum = True

    def read_episodes(self, given: Reader) -> None:
        """Read the count of episodes, and each of them after the code of its rule."""
        customer = self.customer
        for _ in range(given.bounded(given.number(), CODE_BYTES)):
            code = given.code()
            place = self.by_code.of(code)
            episode: Episode = customer.episodes[place] if place >= 0 else customer.other_episode(code)
            if episode.is_present:
                raise Damaged("an episode twice")
            customer.add_episode(episode)
            episode.read(given)
            if episode.asked:
                customer.repeats = True

    def asked(self) -> list[tuple[int, int]]:
        """Return the code of each rule that repeats, and how often it has asked in its present episode."""
        found: list[tuple[int, int]] = []
        if not self.customer.repeats:
            return found
        episode = self.customer.first_listed
        while episode is not None:
            if episode.asked:
                found.append((self.codes[episode.place], episode.asked))
            episode = episode.following
        for code, other in self.customer.other_episodes.items():
            if other.asked:
                found.append((int.from_bytes(code, "big"), other.asked))
        return sorted(found)

    def take_asked(self, asked: list[tuple[int, int]]) -> None:
        """Take over what `asked` returned; the episodes have been read.

        Raises:
            Damaged: if a rule has no episode.
        """
        for code, number in asked:
            self.episode_of(code).asked = within(number, MAX_STORED)
            self.customer.repeats = True

    def silent(self) -> list[int]:
        """Return the code of each rule of whose last action nothing was published, although it counts."""
        found: list[int] = []
        if not self.customer.is_left_out:
            return found
        episode = self.customer.first_listed
        while episode is not None:
            if episode.is_silent:
                found.append(self.codes[episode.place])
            episode = episode.following
        for code, other in self.customer.other_episodes.items():
            if other.is_silent:
                found.append(int.from_bytes(code, "big"))
        return sorted(found)

    def take_silent(self, codes: list[int]) -> None:
        """Take over what `silent` returned; the episodes have been read.

        Raises:
            Damaged: if a rule has no episode.
        """
        for code in codes:
            self.episode_of(code).is_silent = True
            self.customer.is_left_out = True

    def episode_of(self, code: int) -> Episode:
        """Return the episode of a rule by its code; the episodes have been read.

        Raises:
            Damaged: if there is none.
        """
        place = self.by_code.of(code)
        raw = code.to_bytes(CODE_BYTES, "big") if 0 <= code < 1 << 8 * CODE_BYTES else b""
        episode = self.customer.episodes[place] if place >= 0 else self.customer.other_episodes.get(raw)
        if episode is None or not episode.is_present:
            raise Damaged("a rule that has no episode")
        return episode


def code_of(rule_id: str) -> int:
    """Return the code of a rule's id, a number of `CODE_BYTES` bytes."""
    return int.from_bytes(blake2b(rule_id.encode(), digest_size=CODE_BYTES).digest(), "big")
