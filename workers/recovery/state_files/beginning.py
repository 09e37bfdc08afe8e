"""The state files that a rebuild begins with: checked before anything is changed, and loaded after the wipe."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from workers.core.rules.rule_set import RuleSet
from workers.errors import StartupError
from workers.processor.orders.mark_topic import Copies, MarkTopic
from workers.recovery.mark import RebuildMark
from workers.recovery.published import Published
from workers.recovery.state_files.customers import StoredCustomers
from workers.recovery.state_files.importing import damaged_parts, foreign, paces_of
from workers.recovery.state_files.lines import SharedHash, raw_bytes
from workers.recovery.state_files.loading import load_partition, load_shared
from workers.recovery.state_files.marks import require_key
from workers.recovery.state_files.reading import StateFiles, read_files
from workers.recovery.state_files.since_then import SinceThen
from workers.settings import MARKS, Settings
from workers.state import layouts
from workers.state.consistency import Log
from workers.state.marks.key import MarkKey
from workers.state.rule_sets.activation import OlderRules, as_active, refuse_older
from workers.state.store import Store

_RULES: Final = "rules"
"""Name of the hash that says which rules are the newest."""


class Beginning:
    """State files, and the partitions that can begin with them.

    Attributes:
        offsets: the next offset to fold, by partition.
    """

    def __init__(self, rules: RuleSet, files: StateFiles) -> None:
        self._rules = rules
        self._files = files
        self._copies = Copies()
        self._key: MarkKey | None = None
        self.offsets = {number: head.offset for number, head in files.heads.items() if head.offset >= 0}

    @property
    def has_rules(self) -> bool:
        """Whether the files say since when each rule counts."""
        return self._files.shared is not None

    async def require_newest_rules(self, store: Store) -> None:
        """Refuse rules that newer ones have replaced, before anything is changed.

        If Redis has lost which rules are the newest, the files say it.

        Raises:
            StartupError: if newer rule sets have replaced these.
            Transient: if Redis does not answer.
        """
        stored = await store.redis.fields(store.keys.rules) or self._rules_in_files()
        try:
            refuse_older(stored, self._rules)
        except OlderRules as error:
            raise StartupError([f"{error}. Nothing was changed"]) from error

    async def require_marks_key(self, store: Store, settings: Settings) -> None:
        """Read the copies of marks, and refuse files whose marks stand under another key; nothing is changed.

        Raises:
            StartupError: if they do, or the topic of marks cannot be read.
            Transient: if Redis does not answer.
        """
        if self._files.heads:
            self._copies = await MarkTopic(settings.kafka_connection(), settings.topic(MARKS)).read(self._files.heads)
        self._key = await require_key(store, self._files, self._copies, settings.key_of_marks)

    def _rules_in_files(self) -> dict[str, str]:
        lines = () if self._files.shared is None else self._files.shared.lines()
        for line in lines:
            if isinstance(line, SharedHash) and line.name == _RULES:
                return {name: (raw_bytes(value) or b"").decode() for name, value in line.fields.items()}
        return {}

    async def load_shared(self, store: Store) -> None:
        """Load what all partitions share and Redis has lost; how far intake is, Kafka knows better."""
        if self._files.shared is not None:
            await load_shared(store, self._files.shared.lines(), paces_of(self._rules), ("progress",))

    async def load(
        self,
        store: Store,
        marks: Mapping[int, RebuildMark],
        published: Published,
        settings: Settings,
        layout: int,
    ) -> None:
        """Load partitions that were wiped.

        Args:
            store: of the state.
            marks: by partition, what stands in `meta` afterwards.
            published: what the topics hold.
            settings: of Linger; they name the topics.
            layout: to write customers in.

        Raises:
            Fenced: if a worker claims a partition.
            Transient: if Redis does not answer.
        """
        customers = StoredCustomers(await as_active(store, self._rules), layout)
        for number, mark in marks.items():
            sieve = SinceThen(number, published, settings.topic_prefix, settings.topic("dead-letter"))
            copied = self._copies.marks.get(number)
            head, part = self._files.heads[number], self._files.partitions[number]
            await load_partition(store, head, part, customers, mark.encode(), sieve, self._key, copied)


def read_beginning(path: Path | None, rules: RuleSet, logs: Mapping[int, Log]) -> Beginning:
    """Read and check the state files that a rebuild begins with; without a path there are none.

    Args:
        path: a file, or a folder of files.
        rules: those of the rule files.
        logs: of the activity topic, by partition.

    Raises:
        StartupError: with everything that is wrong with the files, or does not fit this installation.
    """
    if path is None:
        return Beginning(rules, StateFiles())
    files = read_files(path)
    problems = [
        f"partition {number}: {problem}"
        for number, head in sorted(files.heads.items())
        for problem in foreign(head, logs.get(number))
    ] or damaged_parts(files, StoredCustomers(rules, layouts.newest()))
    if problems:
        raise StartupError([*problems, "Nothing was changed"])
    return Beginning(rules, files)
