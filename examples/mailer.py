"""A mailer: `python mailer.py SERVERS PREFIX STATE SENT [TEMPLATES]`.

For instance: python mailer.py 127.0.0.1:9092 linger mailer.db sent.jsonl templates.json. One process for each STATE.

It first takes what is in the topics into its own table, and only then sends what is due. So a mail whose retraction
is already in the topic does not go out. docs/mailers.md has the rules that it follows.
"""

import asyncio
import json
import os
import sqlite3
import sys
import time
from datetime import datetime
from pathlib import Path
from string import Template
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

ACTIONS = ("at-risk", "win-back")  # and those of yours that sources.yaml declares under `actions`
KEPT_SECONDS = 30 * 86_400  # how long an id is remembered after its action has expired
AT_ONCE = 100  # how many are sent before the topics are read again
OF_EVERY_RECORD = {"action_id": str, "status": str}
OF_AN_ACTIVE_ONE = {"customer_id": str, "template": str, "variables": dict}
TABLES = """
CREATE TABLE IF NOT EXISTS actions (
    id TEXT PRIMARY KEY, status TEXT, not_before REAL, expires_at REAL, record TEXT);
CREATE TABLE IF NOT EXISTS positions (topic TEXT, part INTEGER, next INTEGER, PRIMARY KEY (topic, part));
UPDATE actions SET status = 'waiting' WHERE status = 'unknown template';
"""
# The newest record counts, but `sent` and `retracted` are final: an active record after a retraction changes nothing.
NOTE = """
INSERT INTO actions VALUES (:id, :status, :not_before, :expires_at, :record) ON CONFLICT (id) DO UPDATE
SET status = :status, not_before = :not_before, expires_at = :expires_at, record = :record
WHERE status NOT IN ('sent', 'retracted')
"""
DUE = """
SELECT id, expires_at, record FROM actions WHERE status = 'waiting' AND not_before <= ?1 AND ?1 < expires_at
ORDER BY expires_at LIMIT ?2
"""


def seconds(moment: str | None) -> float:
    """Return a moment of a record in seconds since 1970; 0 for none."""
    return datetime.fromisoformat(moment).timestamp() if moment else 0.0


def note(state: sqlite3.Connection, record: ConsumerRecord) -> None:
    """Take one record into the table; fields that are not read here may be new, and change nothing."""
    if record.value is None:
        return
    try:
        text = record.value.decode()
        action = json.loads(text)
        is_active = action["status"] == "active"  # any other status is a retraction, for any reason
        row = {"id": action["action_id"], "status": "waiting" if is_active else "retracted"}
        row |= {"not_before": seconds(action.get("not_before")), "expires_at": seconds(action["expires_at"])}
        needed = {**OF_EVERY_RECORD, **(OF_AN_ACTIVE_ONE if is_active else {})}
        if wrong := [name for name, kind in needed.items() if not isinstance(action.get(name), kind)]:
            raise ValueError(f"missing or of another type: {', '.join(wrong)}")
        state.execute(NOTE, row | {"record": text})
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        print(f"not an action: {record.topic}:{record.partition}:{record.offset} {error!r}", file=sys.stderr)


async def read_to_the_end(consumer: AIOKafkaConsumer, state: sqlite3.Connection) -> None:
    """Take everything that is in the topics at this moment; positions are stored with what was read."""
    ends = await consumer.end_offsets(list(consumer.assignment()))
    while any([await consumer.position(partition) < end for partition, end in ends.items()]):
        fetched = await consumer.getmany(timeout_ms=500)
        with state:
            for (topic, part), records in fetched.items():
                for record in records:
                    note(state, record)
                state.execute("REPLACE INTO positions VALUES (?, ?, ?)", (topic, part, records[-1].offset + 1))


def send_due(state: sqlite3.Connection, sent_file: str, templates: dict[str, Any] | None) -> bool:
    """Send some of what is due now, and return whether there may be more."""
    due = state.execute(DUE, (time.time(), AT_ONCE)).fetchall()
    for action_id, expires_at, record in due:
        action = json.loads(record)
        status = "sent"
        if templates is not None and action["template"] not in templates:
            status = "unknown template"  # a retraction still ends it; after a restart it is tried again
            print(f"unknown template: {action['template']} in {action_id}", file=sys.stderr)
        elif time.time() < expires_at:
            send(action, sent_file, (templates or {}).get(action["template"]))
        else:
            continue
        with state:
            state.execute("UPDATE actions SET status = ? WHERE id = ?", (status, action_id))
    return len(due) == AT_ONCE


def send(action: dict[str, Any], sent_file: str, template: dict[str, str] | None) -> None:
    """Stand in for your provider. After a crash an action is sent again: give the provider its id as idempotency key.

    This file knows its keys in the same way. A variable that is null has no value for this customer: then the
    template's words for that case are taken.
    """
    key, variables, words = action["action_id"], action["variables"], template or {"text": action["template"]}
    text = words.get("otherwise", words["text"]) if None in variables.values() else words["text"]
    mail = {"idempotency_key": key, "customer_id": action["customer_id"], "template": action["template"]}
    mail["text"] = Template(text).safe_substitute(variables)
    with open(sent_file, "a+") as file:
        file.seek(0)
        if not any(json.loads(line)["idempotency_key"] == key for line in file):
            file.write(json.dumps({**mail, "sent_at": time.time()}) + "\n")
            file.flush()
            os.fsync(file.fileno())


async def main(servers: str, prefix: str, state_file: str, sent_file: str, templates_file: str = "") -> None:
    """Run until the process is ended; it may be killed at any time."""
    templates = json.loads(Path(templates_file).read_text()) if templates_file else None  # noqa: ASYNC240
    state = sqlite3.connect(state_file)
    state.executescript(TABLES)
    topics = [f"{prefix}.{action}" for action in ACTIONS]
    # Without a group: it reads all partitions, and its positions are in its table.
    consumer = AIOKafkaConsumer(*topics, bootstrap_servers=servers, auto_offset_reset="earliest")
    await consumer.start()
    try:
        for topic, part, following in state.execute("SELECT * FROM positions"):
            consumer.seek(TopicPartition(topic, part), following)
        while True:
            await read_to_the_end(consumer, state)
            if not send_due(state, sent_file, templates):
                with state:
                    state.execute("DELETE FROM actions WHERE expires_at < ?", (time.time() - KEPT_SECONDS,))
                await asyncio.sleep(0.5)
    finally:
        await consumer.stop()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
