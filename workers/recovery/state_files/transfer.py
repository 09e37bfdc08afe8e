"""An export and an import from beginning to end: what they ask Kafka, and in which order."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from aiokafka import AIOKafkaConsumer

from workers.errors import StartupError
from workers.kafka.records import TopicPartition
from workers.kafka.topics import log_bounds
from workers.loading import Configuration
from workers.processor.orders.mark_topic import MarkTopic
from workers.recovery.snapshot import Snapshot, connected
from workers.recovery.state_files.exporting import Export, ExportReport
from workers.recovery.state_files.importing import Import, ImportReport
from workers.recovery.state_files.reading import StateFiles, read_files
from workers.recovery.state_files.writing import StateFolder
from workers.rule_files.known_names import event_types
from workers.settings import MARKS, Settings
from workers.state.connect import clock_of
from workers.state.rule_sets.activation import as_active
from workers.state.store import Store

Advance = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Installation:
    """What an export and an import work on.

    Attributes:
        settings: of Linger.
        configuration: sources and rules.
        store: of the state.
        release: of Linger.
    """

    settings: Settings
    configuration: Configuration
    store: Store
    release: str


async def export_state(here: Installation, path: Path, partitions: Collection[int], advance: Advance) -> ExportReport:
    """Export partitions into a folder that is empty, or not there yet.

    Args:
        here: whose state it is.
        path: of the folder.
        partitions: which ones; all if there are none.
        advance: called with a number of customers when they are written.

    Raises:
        StartupError: if the folder is not empty, there is no such partition, or its state is not whole.
        LingerError: if partitions keep changing, or Kafka or Redis does not answer.
    """
    folder = StateFolder(path)
    if not folder.is_empty():
        raise StartupError([f"{path} is not empty: export into a new folder"])
    async with connected(here.settings, (), allow_workers=True) as (consumer, snapshot):
        logs = snapshot.activity_logs
        _require_known(partitions, len(logs))
        chosen = {number: log for number, log in logs.items() if not partitions or number in partitions}
        published = await _published_ends(consumer, here.settings, snapshot)
        now_ms = (await clock_of(here.settings, here.store).read()).now_ms
        export = Export(
            here.store, await as_active(here.store, here.configuration.rules), folder, here.release, now_ms
        )
        return await export.run(chosen, published, advance)


async def import_state(
    here: Installation, path: Path, partitions: Collection[int], advance: Advance, *, replace: bool
) -> ImportReport:
    """Import partitions from a file or a folder.

    Args:
        here: whose state it becomes.
        path: of the file or folder.
        partitions: which ones; all if there are none.
        advance: called with a number of customers when they are stored.
        replace: delete what is stored of these partitions.

    Raises:
        StartupError: if workers are alive, or the files are damaged or do not belong here; nothing was changed.
        LingerError: if it could not finish.
    """
    files = read_files(path)
    async with connected(here.settings, (), allow_workers=False) as (consumer, snapshot):
        logs = snapshot.activity_logs
        _require_known(partitions, len(logs))
        chosen = _chosen(files, partitions or logs)
        published = await _published_ends(consumer, here.settings, snapshot)
        copies = await MarkTopic(here.settings.kafka_connection(), here.settings.topic(MARKS)).read(chosen.heads)
        work = Import(here.store, here.configuration.rules, chosen, here.settings.key_of_marks, copies)
        types = sorted(event_types(here.configuration.sources))
        return await work.run(logs, published, types, replace=replace, advance=advance)


def _require_known(partitions: Collection[int], number: int) -> None:
    if unknown := sorted(partition for partition in partitions if not 0 <= partition < number):
        raise StartupError([f"there is no partition {unknown[0]}: there are {number}, from 0 on"])


def _chosen(files: StateFiles, partitions: Collection[int]) -> StateFiles:
    if missing := sorted(set(partitions) - set(files.partitions)):
        listed = ", ".join(map(str, missing))
        raise StartupError(
            [f"the files do not have partitions {listed}: take files of all, or name those to import: --partition"]
        )
    return files.chosen(partitions)


async def _published_ends(
    consumer: AIOKafkaConsumer, settings: Settings, snapshot: Snapshot
) -> dict[int, dict[str, int]]:
    """Return, by partition and topic, the end of what was published."""
    topics = [settings.topic(name) for name in settings.decided_topics]
    numbers = range(len(snapshot.activity_logs))
    bounds = await log_bounds(consumer, [(topic, number) for topic in topics for number in numbers])
    return {number: {topic: bounds[TopicPartition(topic, number)].end for topic in topics} for number in numbers}
