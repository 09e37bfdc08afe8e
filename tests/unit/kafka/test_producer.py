"""Laws of the publisher: what is not allowed any longer is not handed to Kafka, also not at a further attempt."""

import asyncio
from typing import Any

import pytest
from aiokafka.errors import KafkaError

from workers.kafka.producer import Publisher, Withdrawn
from workers.kafka.records import OutboxRecord

RECORDS = [OutboxRecord("linger.at-risk", b"ada", b"1", ())]


class Producer:
    """Counts the attempts; each of them fails."""

    def __init__(self) -> None:
        self.attempts = 0

    async def partitions_for(self, topic: str) -> set[int]:
        return {0}

    def create_batch(self) -> Any:
        self.attempts += 1
        raise KafkaError("the test wants it so")


class Prepared(Publisher):
    """A publisher whose producers the test makes."""

    def __init__(self, producer: Producer) -> None:
        super().__init__({}, idempotent=True, deadline_ms=1_000, shorten=lambda records: records)
        self._producer = producer

    async def _replace(self, broken: Any) -> None:
        return None


def test_what_is_not_allowed_is_not_handed_over() -> None:
    producer = Producer()
    with pytest.raises(Withdrawn):
        asyncio.run(Prepared(producer).send(RECORDS, lambda: False))
    assert producer.attempts == 0


def test_it_is_asked_again_before_each_attempt() -> None:
    producer = Producer()
    with pytest.raises(Withdrawn):
        asyncio.run(Prepared(producer).send(RECORDS, lambda: producer.attempts < 2))
    assert producer.attempts == 2
