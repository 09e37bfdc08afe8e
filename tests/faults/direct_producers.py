"""Some of a history's events are written to the activity topic by their producers, past intake.

All cancellations, so that they come in no other way, and the orders of every other customer, so that purchases come
in both.
"""

import dataclasses
from binascii import crc32
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from ruamel.yaml import YAML

from schemas.events import encode_event
from schemas.sources import SourcesFile
from workers.core.mapping.mapper import Mapper, compile_source
from workers.core.mapping.record import SourceRecord
from workers.histories.history import CANCELLATIONS, ORDERS, History, Record
from workers.settings import Settings

_YAML: Final = YAML(typ="safe")


def let_some_write_directly(history: History, settings: Settings, prefix: str) -> History:
    """Return the history as it is written then; the sources file is changed to say so."""
    path = Path(settings.sources)
    document: dict[str, Any] = _YAML.load(path)
    sources = SourcesFile.model_validate(document).sources
    activity = settings.topic("activity")
    direct = {
        "topic": activity,
        "format": "canonical",
        "events": ["purchase", "cancellation"],
        "max_silence": sources[0].model_dump(mode="json", by_alias=True)["max_silence"],
        "complete_since": f"{sources[0].complete_since:%Y-%m-%d}",
    }
    kept = [source for source in document["sources"] if source["topic"] != prefix + CANCELLATIONS]
    with path.open("w") as file:
        _YAML.dump({**document, "sources": [*kept, direct]}, file)
    mappers = {source.topic.removeprefix(prefix): compile_source(source, ()) for source in sources}
    latest = datetime.fromtimestamp(history.end_ms / 1000, UTC)
    topic = activity.removeprefix(prefix)
    records = [
        _canonical(record, mappers[record.topic], topic, latest) if _is_direct(record) else record
        for record in history.records
    ]
    return dataclasses.replace(history, records=sorted(records))


def _is_direct(record: Record) -> bool:
    return record.topic == CANCELLATIONS or (record.topic == ORDERS and crc32(record.key) % 2 == 1)


def _canonical(record: Record, mapper: Mapper, topic: str, latest: datetime) -> Record:
    event = mapper(SourceRecord(record.topic, 0, 0, record.at_ms, record.key, record.value, ()), latest)
    assert event is not None
    return Record(record.at_ms, topic, event.customer_id.encode(), encode_event(event))
