"""Records of the activity topic -> events of customers, orders, dead letters, duplicates or tombstones.

It knows nothing of rules, of stored state or of partitions other than the source positions in `meta`.
"""

from aiokafka import ConsumerRecord

from schemas.events import InvalidEvent, LeftOut
from schemas.orders import Order, may_be_order, parse_order
from schemas.sources import SourcesFile
from workers.clock import Clock, believed_ms
from workers.core.events.decoding import DecodedEvent, NotCanonical, decode_event
from workers.core.events.scanner import Scanner
from workers.core.mapping.converter import compile_untrusted_reader, read_strictly
from workers.core.source_positions import SOURCE_HEADER
from workers.dead_letters.record import dead_letter
from workers.kafka.partitioner import hash_of, wrong_partition
from workers.kafka.records import OutboxRecord
from workers.observability import metrics
from workers.processor.unit_of_work import UnitOfWork
from workers.rule_files.known_names import event_types
from workers.settings import Settings


class EventReader:
    """Reads the records of a batch."""

    def __init__(self, settings: Settings, sources: SourcesFile, clock: Clock) -> None:
        self._clock = clock
        self._max_future_ms = round(settings.max_future.total_seconds() * 1000)
        self._partitions = settings.partitions
        self._dead_letter_topic = settings.topic("dead-letter")
        self.take_sources(sources)

    def take_sources(self, sources: SourcesFile) -> None:
        """Read the event types that these sources declare from now on."""
        self._declared = frozenset(sources.event_types)
        self._known = frozenset(event_types(sources))
        self._read_untrusted = compile_untrusted_reader(self._declared)

    def sort(self, record: ConsumerRecord, work: UnitOfWork, scanner: Scanner) -> None:
        """Add one record to a step: to its customer's events, the dead letters, the duplicates or the tombstones.

        A record of intake that cannot be read is no dead letter yet: newer sources may have made it.

        Args:
            record: of the activity topic.
            work: of the step.
            scanner: of the active rule set; it reads what is plain.
        """
        source = None
        for name, value in record.headers:
            if name == SOURCE_HEADER:
                source = value
                break
        if source is not None and not work.is_above_high_water(source):
            work.duplicates += 1
            return
        if record.value is None:
            work.tombstones += 1  # it deletes a key from a compacted topic, and is no event
            return
        if (
            scanner.takes(record.value, record.key, self._latest_ms(record))
            and (event_type := scanner.event_type()) in self._known
            and (source is not None or self._home_of(record) == record.partition)
        ):
            if source is None:
                work.note_direct(record, event_type)
            work.events.setdefault(scanner.customer_id(), []).append((scanner.event(), record))
            return
        try:
            if (order := self._order(record)) is not None:
                work.events.setdefault(order.customer_id, []).append((order, record))
                work.ordered.add(order.customer_id)
                return
            event = self._event(record, work, direct=source is None)
        except InvalidEvent as error:
            if source is None:
                work.dead_letters.append(self.dead_letter(record, error))
            else:
                work.unread.append((record, error))
            return
        if source is None:
            work.note_direct(record, event.type)
        work.events.setdefault(event.customer_id, []).append((event, record))

    def dead_letter(self, record: ConsumerRecord, error: InvalidEvent) -> OutboxRecord:
        """Return the dead letter of a record, and count it in the metrics."""
        metrics.DEAD_LETTERS.labels(record.topic, error.reason).inc()
        source = (record.topic, record.partition, record.offset)
        content = (record.key, record.value, tuple(record.headers))
        return dead_letter(self._dead_letter_topic, source, content, error)

    def written_ms(self, record: ConsumerRecord, now_ms: int) -> int:
        """Return the time of a record in epoch milliseconds, or `now_ms` if it has no believable one."""
        return believed_ms(self._clock, record.timestamp) or now_ms

    def _home_of(self, record: ConsumerRecord) -> int:
        """Return the partition where the key of a record belongs."""
        return hash_of(record.key) % self._partitions

    def _order(self, record: ConsumerRecord) -> Order | None:
        """Read an order, None if the record is none.

        Raises:
            InvalidEvent: if it cannot be carried out.
        """
        if not may_be_order(record.value or b""):
            return None
        order = parse_order(record.value or b"", self._latest_ms(record))
        if order is not None:
            self._check_key(record, order.customer_id)
            self._check_home(record)
        return order

    def _check_key(self, record: ConsumerRecord, customer_id: str) -> None:
        if record.key != customer_id.encode():
            raise InvalidEvent(
                "wrong_key", "the record's key is not its customer_id, so it is in the wrong partition"
            )

    def _check_home(self, record: ConsumerRecord) -> None:
        if (home := self._home_of(record)) != record.partition:
            raise InvalidEvent("wrong_partition", wrong_partition(home, record.partition))

    def _event(self, record: ConsumerRecord, work: UnitOfWork, *, direct: bool) -> DecodedEvent:
        """Decode one record.

        Raises:
            InvalidEvent: with the reason, if the record is not a canonical event.
        """
        left_out: LeftOut = ()
        if direct:
            # Intake has not checked it: it passes the same checks as a source record.
            event, left_out = self._read_untrusted(record.value, self._latest_ms(record))
        else:
            try:
                event = decode_event(record.value or b"", self._declared)
            except NotCanonical:
                event, left_out = read_strictly(record.value, self._declared, self._latest_ms(record))
        for name, reason in left_out:
            work.left_out[record.topic, name, reason] += 1
        self._check_key(record, event.customer_id)
        if direct:
            self._check_home(record)
        return event

    def _latest_ms(self, record: ConsumerRecord) -> int:
        """Return the time by which the event in a record must have occurred."""
        return self._clock.latest_plausible_ms(record.timestamp) + self._max_future_ms
