"""A record of the topic of requests → an order for the activity topic, or a dead letter. Sends nothing."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from aiokafka import ConsumerRecord

from schemas.events import InvalidEvent
from schemas.orders import encode_order
from schemas.requests import order_of_request
from workers.clock import Clock, believed_ms
from workers.core.source_positions import SOURCE_HEADER, position_of
from workers.dead_letters.record import dead_letter
from workers.kafka.records import OutboxRecord
from workers.settings import Settings


@dataclass(slots=True)
class Converted:
    """What some records became.

    Attributes:
        records: orders and dead letters, in the order of the requests.
        refused: by reason, how many are dead letters.
    """

    records: list[OutboxRecord] = field(default_factory=list)
    refused: dict[str, int] = field(default_factory=dict)


class Conversion:
    """Converts requests."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._activity_topic = settings.topic("activity")
        self._dead_letter_topic = settings.topic("dead-letter")
        self._max_future_ms = round(settings.max_future.total_seconds() * 1000)
        self._clock = clock

    def convert(self, records: Iterable[ConsumerRecord]) -> Converted:
        """Return what the records become: one record for each, whether it can be read or not."""
        converted = Converted()
        for record in records:
            try:
                converted.records.append(self._order(record))
            except InvalidEvent as error:
                origin = (record.topic, record.partition, record.offset)
                content = (record.key, record.value, record.headers)
                converted.records.append(dead_letter(self._dead_letter_topic, origin, content, error))
                converted.refused[error.reason] = converted.refused.get(error.reason, 0) + 1
        return converted

    def _order(self, record: ConsumerRecord) -> OutboxRecord:
        position = position_of(record.topic, record.partition, record.offset)
        written_ms = believed_ms(self._clock, record.timestamp)
        latest_ms = self._clock.latest_plausible_ms(record.timestamp) + self._max_future_ms
        order = order_of_request(record.value, position.decode(), written_ms, latest_ms)
        key = order.customer_id.encode()
        return OutboxRecord(self._activity_topic, key, encode_order(order), ((SOURCE_HEADER, position),))
