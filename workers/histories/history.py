"""The input of a replay: records of source topics, in the order in which they happened.

A history imitates a company's own streams. Its payloads are flat JSON, and deliberately write time in three ways (ISO
text, epoch milliseconds, epoch seconds). This module must never know a canonical event, a rule, or where a history
comes from.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

import orjson

ORDERS = "shop.orders"
LOGINS = "shop.logins"
CANCELLATIONS = "shop.cancellations"


class HistoryError(Exception):
    """A history is not available; the message says what failed and how to fix it."""


class Record(NamedTuple):
    """One record of a source topic.

    The field order is the sort order: by time, and at the same time by topic, key and value.

    Attributes:
        at_ms: when it happened, UTC epoch milliseconds; always a whole second.
        topic: `ORDERS`, `LOGINS`, `CANCELLATIONS`, or one of `shop_streams`.
        key: the customer id, UTF-8.
        value: one flat JSON object, UTF-8, without line breaks.
    """

    at_ms: int
    topic: str
    key: bytes
    value: bytes


@dataclass(frozen=True, slots=True)
class History:
    """A period and all records in it.

    Attributes:
        name: one word for screens and reports.
        start_ms: where the replay's clock starts, UTC epoch milliseconds.
        end_ms: where the replay's clock stops; later than every record.
        records: in the order of `Record`, each at `start_ms` ≤ `at_ms` < `end_ms`. Never change the list.
        customers: number of different customers in the records.
    """

    name: str
    start_ms: int
    end_ms: int
    records: list[Record]
    customers: int


def history_of(name: str, start_ms: int, end_ms: int, records: Iterable[Record]) -> History:
    """Create a history of records in any order.

    Raises:
        ValueError: if a record is not at `start_ms` ≤ `at_ms` < `end_ms`: the replay's clock would never reach it.
    """
    in_order = sorted(records)
    for outermost in in_order[:1] + in_order[-1:]:
        if not start_ms <= outermost.at_ms < end_ms:
            raise ValueError(f"{outermost} is outside {iso_utc(start_ms)} to {iso_utc(end_ms)}")
    customers = len({record.key for record in in_order})
    return History(name, start_ms, end_ms, in_order, customers)


def order(at_ms: int, order_id: str, customer: str, total: str) -> Record:
    """Return the record of an order. `total` is a decimal number of dollars as text; the time is ISO 8601 text."""
    payload = {
        "order_id": order_id,
        "customer": customer,
        "total": total,
        "currency": "USD",
        "placed_at": iso_utc(at_ms),
    }
    return Record(at_ms, ORDERS, customer.encode(), orjson.dumps(payload))


def login(at_ms: int, session: str, customer: str, succeeded: bool) -> Record:
    """Return the record of a login attempt, `ok` or `failed`. The time is epoch milliseconds."""
    payload = {
        "session": session,
        "user": customer,
        "time": at_ms,
        "result": "ok" if succeeded else "failed",
    }
    return Record(at_ms, LOGINS, customer.encode(), orjson.dumps(payload))


def cancellation(
    at_ms: int, cancellation_id: str, customer: str, plan: str, reason: str, effective_ms: int = 0
) -> Record:
    """Return the record of a subscription that the customer cancelled. Times are epoch seconds.

    Args:
        at_ms: when they asked for it.
        cancellation_id: names the record.
        customer: who cancelled.
        plan: what they cancelled.
        reason: why, in words.
        effective_ms: when it takes effect; 0 for at once.
    """
    payload = {
        "id": cancellation_id,
        "account": customer,
        "plan": plan,
        "reason": reason,
        "requested": at_ms // 1000,
    }
    if effective_ms:
        payload["effective"] = effective_ms // 1000
    return Record(at_ms, CANCELLATIONS, customer.encode(), orjson.dumps(payload))


def iso_utc(at_ms: int) -> str:
    """Write a time as `2024-03-01T10:15:30.000Z`: ISO 8601, three decimals, UTC."""
    seconds, millis = divmod(at_ms, 1000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{millis:03d}Z"
