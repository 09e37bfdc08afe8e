"""`linger state import`: state files brought into Redis, so that workers go on where the files end.

It publishes nothing and folds nothing. So it takes only files behind which nothing was published: otherwise workers
would decide, and publish, a second time. `linger rebuild --from` reads what was published first.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from workers.core.meaning import MEANING
from workers.core.rules.rule_set import RuleSet
from workers.errors import StartupError
from workers.processor.orders.mark_topic import Copies
from workers.recovery.mark import RebuildMark
from workers.recovery.state_files.customers import StoredCustomers
from workers.recovery.state_files.found import find_keys
from workers.recovery.state_files.lines import PartitionHead
from workers.recovery.state_files.loading import Everything, check_part, load_partition, load_shared
from workers.recovery.state_files.marks import require_key
from workers.recovery.state_files.meta_lines import meta_of
from workers.recovery.state_files.reading import StateFiles
from workers.recovery.wipe import wipe
from workers.sealed_lines import DamagedFile
from workers.state import layouts
from workers.state.consistency import Log, check_consistency
from workers.state.meta import meaning_of
from workers.state.rule_sets.activation import as_active
from workers.state.store import Store


@dataclass(slots=True)
class ImportReport:
    """What an import has brought into Redis.

    Attributes:
        partitions: how many customers each has, by number.
        held, unconfirmed: held actions, and records that workers publish first.
        unreadable: customers whom the export could not read.
        marks: customers who are suppressed, have opted out or were erased.
        erased: customers who are left out, because they were erased since the export.
        other_rules: the rule files are others than those of the export: their workers' start is a change of rules.
    """

    partitions: dict[int, int] = field(default_factory=dict)
    held: int = 0
    unconfirmed: int = 0
    unreadable: int = 0
    marks: int = 0
    erased: int = 0
    other_rules: bool = False


class Import:
    """One import; see the module's docstring."""

    def __init__(
        self,
        store: Store,
        rules: RuleSet,
        files: StateFiles,
        marks_key: bytes | None = None,
        copies: Copies | None = None,
    ) -> None:
        """Set up; nothing is read or changed.

        Args:
            store: to import into.
            rules: those of the rule files.
            files: complete, with the partitions to import.
            marks_key: of the settings, None without one.
            copies: what the topic of marks has.
        """
        self._store = store
        self._rules = rules
        self._files = files
        self._marks_key = marks_key
        self._copies = copies or Copies()

    async def run(
        self,
        logs: Mapping[int, Log],
        published: Mapping[int, Mapping[str, int]],
        event_types: list[str],
        *,
        replace: bool,
        advance: Callable[[int], None],
    ) -> ImportReport:
        """Import the partitions of the files, after everything was checked.

        Args:
            logs: of all partitions.
            published: by partition and topic, the end of what is published now.
            event_types: all types that a customer may wait for.
            replace: delete what is stored of these partitions.
            advance: called with a number of customers when they are stored.

        Raises:
            StartupError: if the files do not belong here, or are damaged, with every problem; nothing was changed.
            Fenced: if a worker claims a partition; import again then, and replace what is there.
            Transient: if Redis does not answer; the same.
        """
        is_empty = await self._check(logs, published, replace=replace)
        heads = {number: head for number, head in sorted(self._files.heads.items()) if head.offset >= 0}
        key = await require_key(self._store, self._files, self._copies, self._marks_key)
        layout = await layouts.begin_with(self._store, is_empty=is_empty)
        unfinished = RebuildMark(rules_lost=False, decided_ms=0, is_wiping=True)
        await wipe(self._store, dict.fromkeys(heads, unfinished), event_types)
        if self._files.shared is not None:
            await load_shared(self._store, self._files.shared.lines(), paces_of(self._rules))
        # With their number, it is stored when each of them changes next.
        customers = StoredCustomers(await as_active(self._store, self._rules), layout)
        report = ImportReport(unreadable=self._files.unreadable)
        for number, head in heads.items():
            part = self._files.partitions[number]
            loaded = await load_partition(
                self._store, head, part, customers, "", Everything(), key, self._copies.marks.get(number)
            )
            report.partitions[number] = loaded.customers
            report.marks += loaded.marks
            report.erased += loaded.erased
            report.held += loaded.held
            report.unconfirmed += loaded.unconfirmed
            report.other_rules |= head.rules != self._rules.hash
            advance(loaded.customers)
        return report

    async def _check(
        self, logs: Mapping[int, Log], published: Mapping[int, Mapping[str, int]], *, replace: bool
    ) -> bool:
        """Return whether nothing is stored here."""
        found = await find_keys(self._store, ())
        found.close()
        problems = [] if replace or found.is_empty else [self._what_is_there()]
        for number, head in sorted(self._files.heads.items()):
            problems += [f"partition {number}: {problem}" for problem in foreign(head, logs.get(number))]
        if not problems:
            for number, head in sorted(self._files.heads.items()):
                if again := _published_since(head, published[number]):
                    problems.append(f"partition {number}: {again}")
        if not problems:
            problems = damaged_parts(self._files, StoredCustomers(self._rules, layouts.newest()))
        if problems:
            raise StartupError([*problems, "Nothing was changed"])
        return found.is_empty

    def _what_is_there(self) -> str:
        return (
            f"there is state under the namespace '{self._store.keys.namespace}' already. Import into an empty Redis, "
            "or set another LINGER_REDIS_NAMESPACE; --replace deletes what is stored of the partitions in the files"
        )


def foreign(head: PartitionHead, log: Log | None) -> list[str]:
    """Return why a part does not belong to a partition of this installation; empty if it does.

    Args:
        head: first line of the part.
        log: of the partition; None if there is no such partition.
    """
    if log is None:
        return [f"the file has {head.partitions} partitions, and there is no such partition here"]
    if head.topic != log.topic:
        return [f"the file is of the topic '{head.topic}', not of '{log.topic}': is LINGER_TOPIC_PREFIX right?"]
    try:
        texts = {name: str(value) for name, value in meta_of(head).items()}
        meaning = meaning_of(texts)[0]
    except (DamagedFile, ValueError) as error:
        return [str(error)]
    if meaning > MEANING:
        return [f"rules have the meaning {meaning} in the file, {MEANING} in this release: use the later release"]
    mismatch = check_consistency(texts, head.offset, head.topic_id, log)
    if mismatch is None:
        return []
    if mismatch.kind == "outside":
        return [
            f"the file ends at offset {head.offset} of '{log.topic}', but its log holds {log.earliest} to {log.end}: "
            + (
                "what comes behind the file was deleted; use a newer file"
                if head.offset < log.earliest
                else "the topic is not the one of the file, or has lost its end"
            )
        ]
    return [mismatch.problem]


def damaged_parts(files: StateFiles, customers: StoredCustomers) -> list[str]:
    """Return what of the files cannot be stored, partition by partition; empty if everything can."""
    problems = []
    for number, part in sorted(files.partitions.items()):
        try:
            check_part(files.heads[number], part, customers)
        except DamagedFile as error:
            problems.append(f"{part.path}: partition {number}: {error}")
    return problems


def paces_of(rules: RuleSet) -> dict[str, int]:
    """Return the length of the period of each rule that has a rate limit, in seconds."""
    return {rule.id: rule.pace.seconds for rule in rules.rules if rule.pace is not None}


def _published_since(head: PartitionHead, published: Mapping[str, int]) -> str | None:
    """Return that something was published since the export, None if nothing was."""
    later = {
        topic: end - head.published.get(topic, 0)
        for topic, end in published.items()
        if end != head.published.get(topic, 0)
    }
    if not later:
        return None
    return (
        f"since the export, records were published to {', '.join(sorted(later))}: workers have decided further, and "
        "those that go on from the file would publish it again. Begin there with: linger rebuild --all --from FILE"
    )
