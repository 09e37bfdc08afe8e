"""The parts of one worker, built once and shared by everything in `workers.runtime`."""

from dataclasses import dataclass

from schemas.book import BOOK
from schemas.sources import SourcesFile
from workers.book.topic import BookTopic
from workers.clock import Clock
from workers.core.rules.rule_set import RuleSet
from workers.core.source_set import SourceSet
from workers.dead_letters.record import cut_dead_letters
from workers.intake.agent import Intake
from workers.kafka.producer import Publisher
from workers.pauses.pause_list import PauseList
from workers.pauses.reader import PauseReader
from workers.processor.agent import Backends, Processor
from workers.processor.orders.mark_topic import MarkTopic
from workers.registry.schemas import Schemas, schemas_of
from workers.requests.reader import PARTITION, RequestReader
from workers.runtime.reader import Reader
from workers.runtime.topics import KnownTopics
from workers.settings import MARKS, PAUSES, Settings
from workers.state.connect import clock_of, open_store
from workers.state.store import Store


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of one worker.

    Attributes:
        settings: of this worker.
        sources: the source topics, and how their records become events.
        store: the state in Redis.
        clock: the clock that due times are measured by.
        publisher: the only producer of this worker.
        reader: the consumers of this worker.
        topics: the topics as Kafka last described them.
        intake: source topics to activity topic.
        processor: activity topic and due times to decisions.
        pauses: reads which rules are paused.
        marks: the topic of marks.
        book: the topic of the book.
        requests: reads what privacy tools ask, while this worker owns activity partition 0.
        schemas: of the schema registry, None without one.
    """

    settings: Settings
    sources: SourcesFile
    store: Store
    clock: Clock
    publisher: Publisher
    reader: Reader
    topics: KnownTopics
    intake: Intake
    processor: Processor
    pauses: PauseReader
    marks: MarkTopic
    book: BookTopic
    requests: RequestReader
    schemas: Schemas | None


def build_parts(settings: Settings, sources: SourcesFile, rules: RuleSet) -> Parts:
    """Build the parts of a worker; connects to nothing yet."""
    store = open_store(settings)
    publisher = Publisher(
        settings.kafka_connection(),
        idempotent=settings.kafka_enable_idempotence,
        deadline_ms=settings.kafka_delivery_timeout_ms,
        shorten=cut_dead_letters,
    )
    clock = clock_of(settings, store)
    schemas = schemas_of(settings.registry_connection())
    marks = MarkTopic(settings.kafka_connection(), settings.topic(MARKS))
    book = BookTopic(settings.kafka_connection(), settings.topic(BOOK))
    pauses = PauseReader(settings.kafka_connection(), settings.topic(PAUSES), PauseList())
    reader = Reader(settings)
    processor = Processor(settings, sources, rules, Backends(store, publisher, clock, pauses.pauses, marks, book))

    def reads_requests() -> bool:
        partition = processor.partitions.get(PARTITION)
        return partition is not None and partition.lost_at is None

    return Parts(
        settings,
        sources,
        store,
        clock,
        publisher,
        reader,
        KnownTopics(settings.topic("activity")),
        # Without the topics of patterns, which are not known yet.
        Intake(settings, SourceSet(sources).read, publisher, clock, schemas),
        processor,
        pauses,
        marks,
        book,
        RequestReader(settings, store, publisher, clock, reader.describe, reads_requests),
        schemas,
    )
