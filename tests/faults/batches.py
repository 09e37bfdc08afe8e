"""The orders of a history come in batches: one record holds several, and its source says `unwrap: each`."""

import dataclasses
from itertools import groupby
from pathlib import Path
from typing import Any, Final

from ruamel.yaml import YAML

from workers.histories.history import ORDERS, History, Record
from workers.settings import Settings

_YAML: Final = YAML(typ="safe")
_DAY_MS: Final = 86_400_000
_ITEMS: Final = 4


def let_orders_come_in_batches(history: History, settings: Settings, prefix: str) -> History:
    """Return the history as it is written then; the sources file is changed to say so.

    A batch holds orders of one day, of any customers. The clock of a replay moves by whole days, so no order comes
    later than one that the clock has passed.
    """
    path = Path(settings.sources)
    document: dict[str, Any] = _YAML.load(path)
    for source in document["sources"]:
        if source["topic"] == prefix + ORDERS:
            source["unwrap"] = "each"
    with path.open("w") as file:
        _YAML.dump(document, file)
    orders = [record for record in history.records if record.topic == ORDERS]
    batches = [_batch(day[at : at + _ITEMS]) for day in _by_day(orders) for at in range(0, len(day), _ITEMS)]
    others = [record for record in history.records if record.topic != ORDERS]
    return dataclasses.replace(history, records=sorted([*others, *batches]))


def _by_day(records: list[Record]) -> list[list[Record]]:
    return [list(day) for _, day in groupby(records, key=lambda record: record.at_ms // _DAY_MS)]


def _batch(records: list[Record]) -> Record:
    last = records[-1]
    return last._replace(value=b"[" + b",".join(record.value for record in records) + b"]")
