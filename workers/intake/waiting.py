"""Holds back records whose schema is not known yet: a source waits for its schema registry alone.

While a schema is asked for the first time, the others wait for the source as for one with an empty queue, so that the
order of time is kept. Once the registry has failed to answer, they go on without it.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import structlog
from aiokafka import ConsumerRecord

from workers.core.formats.confluent import schema_id_of
from workers.intake.cursor import Cursor
from workers.kafka.records import TopicPartition
from workers.observability import log_events, metrics
from workers.registry.schemas import Schemas, named_by

log = structlog.get_logger(__name__)

_MOST_LOGGED: Final = 300


class SchemaWait:
    """The partitions of one worker that wait for a schema.

    Attributes:
        topics: those whose records name schemas.
        cursors: the partitions that the worker reads.
    """

    def __init__(self, schemas: Schemas | None, topics: Sequence[str]) -> None:
        self._schemas = schemas
        self.topics = frozenset(topics)
        self.cursors: Mapping[TopicPartition, Cursor] = {}
        self._reported: dict[str, str] = {}

    def take_over(self, topics: Sequence[str], cursors: Mapping[TopicPartition, Cursor]) -> None:
        """Wait for the schemas of other sources from now on; a partition that names none any more goes on."""
        self.topics, self.cursors = frozenset(topics), cursors
        for partition, cursor in cursors.items():
            if partition.topic not in self.topics:
                cursor.schema_id = cursor.registry_problem = None

    def look_ahead(self, records: Sequence[ConsumerRecord]) -> None:
        """Ask for the schemas that some records name, long before they are converted."""
        if self._schemas is not None:
            self._schemas.want(named_by(record.value for record in records))

    def holds(self, cursor: Cursor, record: ConsumerRecord) -> bool:
        """Return whether a record of a topic with schemas has to wait; then its partition waits from now on."""
        schema_id = schema_id_of(record.value)
        if self._schemas is None or schema_id is None or self._schemas.is_answered(schema_id):
            return False
        self._schemas.want([schema_id])
        cursor.schema_id, cursor.registry_problem = schema_id, self._schemas.problem_of(schema_id)
        return True

    def go_on(self) -> None:
        """Let the partitions go on whose schema is known by now; note why that of the others is not."""
        if self._schemas is None:
            return
        for cursor in self.cursors.values():
            if cursor.schema_id is None:
                continue
            if self._schemas.is_answered(cursor.schema_id):
                cursor.schema_id = cursor.registry_problem = None
            else:
                self._schemas.want([cursor.schema_id])
                cursor.registry_problem = self._schemas.problem_of(cursor.schema_id)

    def look(self) -> Mapping[str, str]:
        """Report the topics that wait because the registry does not answer; return why, by topic."""
        problems: dict[str, str] = {}
        for partition, cursor in sorted(self.cursors.items()):
            if cursor.registry_problem is not None:
                problems.setdefault(
                    partition.topic, f"waits for schema {cursor.schema_id}: {cursor.registry_problem}"
                )
        metrics.WAITS_FOR_REGISTRY.show({topic: topic in problems for topic in sorted(self.topics)})
        for topic, problem in problems.items():
            if topic not in self._reported:
                log.error(log_events.SOURCE_WAITS_FOR_REGISTRY, topic=topic, problem=problem[:_MOST_LOGGED])
        read_here = {partition.topic for partition in self.cursors}
        for topic in (self._reported.keys() - problems.keys()) & read_here:
            log.info(log_events.SOURCE_GOES_ON, topic=topic)
        self._reported = problems
        return problems
