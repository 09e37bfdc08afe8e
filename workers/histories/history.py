"""What a replay feeds into Linger: records of foreign topics, in the order in which they happened.

A history stands for a company's own streams, so its payloads are flat JSON that writes time in three ways on
purpose (ISO text, epoch milliseconds, epoch seconds). This module must never know a canonical event, a rule, or
how a history came about.
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
    """A history cannot be had; the message says what failed and what the reader can do about it."""


class Record(NamedTuple):
    """One record of a foreign topic.

    The field order is the sort order: by time, and what happened at the same time by topic, key and value.

    Attributes:
        at_ms: When it happened, UTC epoch milliseconds; always a whole second.
        topic: `ORDERS`, `LOGINS` or `CANCELLATIONS`.
        key: The customer id, UTF-8.
        value: One flat JSON object, UTF-8, without line breaks.
    """

    at_ms: int
    topic: str
    key: bytes
    value: bytes


@dataclass(frozen=True, slots=True)
class History:
    """A stretch of time and everything that happened in it.

    Attributes:
        name: One word for screens and reports.
        start_ms: Where the replay's clock starts, UTC epoch milliseconds.
        end_ms: Where the replay's clock stops; later than every record.
        records: In the order of `Record`, each at `start_ms` ≤ `at_ms` < `end_ms`. To be read, never changed.
        customers: How many different customers the records name.
    """

    name: str
    start_ms: int
    end_ms: int
    records: list[Record]
    customers: int


def history_of(name: str, start_ms: int, end_ms: int, records: Iterable[Record]) -> History:
    """Put records of any order into a history.

    Raises:
        ValueError: A record is not at `start_ms` ≤ `at_ms` < `end_ms`: a replay's clock would never reach it.
    """
    in_order = sorted(records)
    for outermost in in_order[:1] + in_order[-1:]:
        if not start_ms <= outermost.at_ms < end_ms:
            raise ValueError(f"{outermost} lies outside {iso_utc(start_ms)} to {iso_utc(end_ms)}")
    customers = len({record.key for record in in_order})
    return History(name, start_ms, end_ms, in_order, customers)


def order(at_ms: int, order_id: str, customer: str, total: str) -> Record:
    """Describe an order; `total` is a decimal number of dollars as text, its time is ISO 8601 text."""
    payload = {
        "order_id": order_id,
        "customer": customer,
        "total": total,
        "currency": "USD",
        "placed_at": iso_utc(at_ms),
    }
    return Record(at_ms, ORDERS, customer.encode(), orjson.dumps(payload))


def login(at_ms: int, session: str, customer: str, succeeded: bool) -> Record:
    """Describe an attempt to log in, `ok` or `failed`; its time is epoch milliseconds."""
    payload = {
        "session": session,
        "user": customer,
        "time": at_ms,
        "result": "ok" if succeeded else "failed",
    }
    return Record(at_ms, LOGINS, customer.encode(), orjson.dumps(payload))


def cancellation(at_ms: int, cancellation_id: str, customer: str, plan: str, reason: str) -> Record:
    """Describe the end of a subscription at the customer's own wish; its time is epoch seconds."""
    payload = {
        "id": cancellation_id,
        "account": customer,
        "plan": plan,
        "reason": reason,
        "requested": at_ms // 1000,
    }
    return Record(at_ms, CANCELLATIONS, customer.encode(), orjson.dumps(payload))


def iso_utc(at_ms: int) -> str:
    """Write a moment as `2024-03-01T10:15:30.000Z`: ISO 8601, three decimals, UTC."""
    seconds, millis = divmod(at_ms, 1000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{millis:03d}Z"
