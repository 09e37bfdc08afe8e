"""Laws of what a worker says of a tick that failed."""

from aiokafka.errors import KafkaConnectionError

from workers.errors import Transient
from workers.runtime.tick import problem_of


def test_an_error_of_linger_or_a_deadline_says_everything_by_its_own_text() -> None:
    assert problem_of(Transient("Redis does not answer: refused"), "k:9092") == "Redis does not answer: refused"
    assert problem_of(TimeoutError("Kafka at k:9092 did not say"), "k:9092") == "Kafka at k:9092 did not say"


def test_an_error_of_a_library_is_named_by_its_kind_and_one_of_kafka_with_its_servers() -> None:
    assert problem_of(OSError("no route"), "k:9092") == "OSError: no route"
    assert problem_of(TimeoutError(), "k:9092") == "TimeoutError"
    assert problem_of(KafkaConnectionError("gone"), "k:9092") == (
        "Kafka at k:9092: KafkaConnectionError: KafkaConnectionError: gone"
    )
