"""Takes out what aiokafka has fetched, so that a partition that cannot be decoded stops no other.

aiokafka decodes a batch when it is taken out. Its `fetched_records` raises on a batch with an unknown codec or a
wrong checksum, and the records that it has already taken out of other partitions are lost: positions have moved.
This module takes the same steps partition by partition, and returns an error beside the records. It uses aiokafka's
internals; `tests/unit/kafka/test_isolated_fetch.py` covers what it takes for granted.
"""

import asyncio
import time
from collections.abc import Collection
from typing import Any, Final

from aiokafka import ConsumerRecord
from aiokafka.consumer.fetcher import FetchResult
from faust.types import TP

_LONGEST_TEXT: Final = 300

Taken = tuple[dict[TP, list[ConsumerRecord]], dict[TP, str]]
"""Records by partition, and by partition why its next batch cannot be read."""


async def fetched_records(
    fetcher: Any, partitions: Collection[TP], timeout_seconds: float, max_records: int | None
) -> Taken:
    """Return what was fetched, waiting at most `timeout_seconds` until there is anything.

    Args:
        fetcher: aiokafka's, of a started consumer.
        partitions: those to take records out of; what was fetched of others stays.
        timeout_seconds: the longest wait.
        max_records: the most records to return; None for no limit.
    """
    give_up_at = time.monotonic() + timeout_seconds
    while True:
        # Until a new assignment is complete, records may belong to partitions of another member.
        if fetcher._subscriptions.reassignment_in_progress:
            await fetcher._subscriptions.wait_for_assignment()
        taken = _take(fetcher, partitions, max_records)
        seconds = give_up_at - time.monotonic()
        if any(taken) or seconds <= 0:
            return taken
        waiter = fetcher._create_fetch_waiter()
        done, _ = await asyncio.wait([waiter], timeout=seconds)
        if not done or fetcher._closed:
            waiter.cancel()
            return {}, {}
        waiter.result()  # raises what concerns the whole consumer, such as that it may not join the group


def _take(fetcher: Any, partitions: Collection[TP], max_records: int | None) -> Taken:
    records: dict[TP, list[ConsumerRecord]] = {}
    errors: dict[TP, str] = {}
    left = max_records
    for partition in list(fetcher._records):
        if partition not in partitions:
            if not fetcher._subscriptions.is_assigned(partition):
                del fetcher._records[partition]
            continue
        fetched, tp = fetcher._records[partition], TP(*partition)
        if type(fetched) is FetchResult:
            taken, error = _decoded(fetched, left)
            is_finished = error is not None or not fetched.has_more()
        else:
            taken, error, is_finished = [], _text(fetched._error), True
        if is_finished:
            del fetcher._records[partition]
            fetcher._notify(fetcher._wait_consume_future)  # it is fetched again
        if taken:
            records[tp] = taken
        if error is not None:
            errors[tp] = error
        if left is not None:
            left -= len(taken)
            if left <= 0:
                break
    return records, errors


def _decoded(fetched: Any, max_records: int | None) -> tuple[list[ConsumerRecord], str | None]:
    """Return the next records of one partition, up to a batch that cannot be decoded, and why it cannot."""
    if not fetched.check_assignment(fetched._topic_partition) or not fetched.has_more():
        return [], None
    taken: list[ConsumerRecord] = []
    error = None
    try:
        for record in fetched._partition_records:
            taken.append(record)
            if max_records is not None and len(taken) >= max_records:
                break
        else:
            fetched._update_position()
            fetched._partition_records = None
            return taken, None
    except (
        Exception
    ) as caught:  # anything that a codec raises is about this partition alone; it is reported by the caller
        error = _text(caught)
    fetched._update_position()  # behind the last record that was returned
    return taken, error


def _text(error: BaseException) -> str:
    name, said = type(error).__name__, str(error)
    text = " ".join((said if said.startswith(name) else f"{name}: {said}").split())  # Kafka's errors say their names
    return text if len(text) <= _LONGEST_TEXT else text[: _LONGEST_TEXT - 1] + "…"
