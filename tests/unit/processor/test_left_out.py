"""Laws of values that are cut or left out: the event stays, and each value is counted once, by its source."""

from typing import Any, Final

from tests.support.builders import rule
from tests.support.memory_store import MemoryStore
from tests.support.processor_rig import Agent, lawful, record, stored
from workers.observability import metrics
from workers.observability.bounded_labels import OTHERS, BoundedLabels

LOW: Final = rule("low", when={"latest": "nps.score", "at most": 6})
DIRECT: Final = "linger.activity"


def counted(topic: str, attribute: str, reason: str) -> float:
    value = metrics.REGISTRY.get_sample_value(
        "linger_values_left_out_total", {"topic": topic, "attribute": attribute, "reason": reason}
    )
    return value or 0.0


def test_what_is_not_of_its_type_is_counted_once_by_the_source_that_sent_it() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        before = counted("shop.nps", "score", "not_a_number"), counted(DIRECT, "score", "not_a_number")
        headers = (("linger-source", b"shop.nps:0:7"),)
        odd: dict[str, Any] = {"attributes": {"score": "many"}}
        await agent.process(record(0, "nps", headers=headers, **odd), record(1, "nps", **odd))
        await agent.process(record(2, "nps", event_id="e1", **odd))  # a repetition
        assert counted("shop.nps", "score", "not_a_number") == before[0] + 1
        assert counted(DIRECT, "score", "not_a_number") == before[1] + 1
        assert stored(store).series["nps"].total == 2

    lawful(law, LOW)


def test_an_optional_value_of_a_direct_producer_is_cut_or_left_out_and_its_event_counts() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        cut, odd = counted(DIRECT, "reason", "too_long"), counted(DIRECT, "nested", "not_flat")
        fields: dict[str, Any] = {"reason": "x" * 5_000, "effective_at": "", "attributes": {"nested": {}, "n": 1}}
        await agent.process(record(0, "cancellation", **fields))
        assert await agent.published("linger.dead-letter") == []
        assert stored(store).series["cancellation"].total == 1
        assert (counted(DIRECT, "reason", "too_long"), counted(DIRECT, "nested", "not_flat")) == (cut + 1, odd + 1)

    lawful(law)


def test_a_direct_producer_may_write_what_a_canonical_source_accepts() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        await agent.process(record(0, at="2024-01-02T10:00Z"), record(1, event_id=7))
        assert await agent.published("linger.dead-letter") == []
        assert stored(store).series["login"].total == 2

    lawful(law)


def test_names_that_senders_choose_are_bounded() -> None:
    labels = BoundedLabels(2)
    assert [labels.label("t", name) for name in ("a", "b", "c", "a", "d")] == ["a", "b", OTHERS, "a", OTHERS]
    assert labels.label("u", "c") == "c"
    assert len(labels.label("u", "x" * 1000)) == 64
