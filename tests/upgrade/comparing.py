"""What was published after the upgrade, compared with what the release before published without one.

Everything is the same, byte for byte, but for rules with a pace: which of their actions it lets through depends on
the speed of the workers. A worker whose Redis answers late publishes the same once more, with the same id.
"""

import json
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, Final

from tests.upgrade.answers import HELD, Published, published_line, read_published, read_records
from tests.upgrade.releases import StoredRelease

PACED: Final = frozenset({"held-back", "off-their-rhythm"})
"""Rules with a pace."""
_SHOWN: Final = 20

Record = Mapping[str, Any]
Key = tuple[str, str, int]
"""Rule, customer and begin of the episode: one action."""


def differences(stored: StoredRelease, records: Collection[Record], holding: Collection[Published]) -> list[str]:
    """Return in words what differs from what a stored release published; nothing if nothing does.

    Args:
        stored: the release.
        records: contents that were published after the upgrade.
        holding: what was held in the end.
    """
    before = read_records(stored.folder)
    held_before = [one for one in read_published(stored.folder) if one.what == HELD]
    now, then = (set(map(_written, _unpaced(one))) for one in (records, before))
    kept_now, kept_then = _kept(records, holding), _kept(before, held_before)
    waiting_now, waiting_then = ({one for one in held if one.rule not in PACED} for held in (holding, held_before))
    return [
        *_said("published that were not", now - then),
        *_said("not published that were", then - now),
        *(f"asked for, and was not: {one}" for one in sorted(kept_now - kept_then)[:_SHOWN]),
        *(f"not asked for, and was: {one}" for one in sorted(kept_then - kept_now)[:_SHOWN]),
        *(f"held in one of two: {one}" for one in sorted(waiting_now ^ waiting_then)[:_SHOWN]),
    ]


def _unpaced(records: Iterable[Record]) -> Iterator[Record]:
    return (one for one in records if one["rule"]["id"] not in PACED)


def _written(record: Record) -> str:
    return json.dumps(record, ensure_ascii=False)


def _said(what: str, records: Collection[str]) -> list[str]:
    """Say of which rules there are others, and show the first ones."""
    if not records:
        return []
    by_rule = Counter((one["rule"]["id"], published_line(one).what) for one in map(json.loads, records))
    counts = [f"{count:6}  {rule}, {kind}" for (rule, kind), count in by_rule.most_common()]
    return [f"{len(records)} records are {what}", *counts, *sorted(records)[:_SHOWN]]


def _kept(records: Iterable[Record], holding: Iterable[Published]) -> set[Key]:
    """Return the actions of paced rules that were sent or are still held, and not taken back."""
    lines = [published_line(one) for one in records if one["rule"]["id"] in PACED]
    kept = {one[:3] for one in [*lines, *holding] if one.rule in PACED and one.what in ("active", HELD)}
    return kept - {one[:3] for one in lines if one.what == "retracted"}
