"""Laws of what is counted of source records: each becomes a case of its source, or says what skipped it."""

import json
from collections import Counter
from dataclasses import replace
from typing import Any

from schemas.sources import SourcesFile
from tests.support.processor_rig import StoppedClock, record
from workers.intake.conversion import Conversion, Tally
from workers.settings import Settings

SOURCES = SourcesFile.model_validate(
    {
        "event_types": {"renewal": {}},
        "sources": [
            {
                "topic": "shop",
                "max_silence": "1 day",
                "only_when": {"live": True},
                "fields": {
                    "event_id": "id",
                    "customer_id": "who",
                    "occurred_at": {"path": "at", "format": "seconds"},
                },
                "one_of": [
                    {"event": "renewal", "name": "paid again", "only_when": {"kind": "renewed"}},
                    {"event": "login", "only_when": {"kind": "login"}},
                    {"event": "login", "only_when": {"kind": "single sign-on"}},
                ],
            },
            {"topic": "app", "format": "canonical", "events": ["login"], "max_silence": "1 day"},
        ],
    }
)


def counted(topic: str, *bodies: dict[str, Any] | None) -> Tally:
    conversion, tally = Conversion(Settings(), SOURCES, StoppedClock(30_000)), Tally()
    for offset, body in enumerate(bodies):
        value = None if body is None else json.dumps(body).encode()
        one = replace(record(offset), topic=topic, value=value, headers=())
        conversion.convert(one, tally, counts=False)
    return tally


def body(**changes: Any) -> dict[str, Any]:
    return {"live": True, "kind": "login", "id": "e", "who": "ada", "at": 1759508092, **changes}


def test_each_record_counts_as_its_case_or_as_what_skipped_it() -> None:
    tally = counted(
        "shop",
        body(),
        body(kind="renewed"),
        body(kind="renewed"),
        body(kind="single sign-on"),
        body(kind="Login"),
        body(live=False),
        None,
        body(who=None),
    )
    assert tally.cases == {
        ("shop", "login"): 1,
        ("shop", "paid again"): 2,
        ("shop", "login 2"): 1,
        ("shop", "no case"): 1,
        ("shop", "only_when"): 1,
        ("shop", "tombstone"): 1,
    }
    assert (tally.read["shop"], tally.events["shop"], tally.skipped["shop"], tally.tombstones["shop"]) == (8, 4, 2, 1)
    assert tally.dead == {("shop", "missing_field"): 1}


def test_a_canonical_event_counts_as_its_type() -> None:
    event = {"type": "login", "event_id": "e", "customer_id": "c", "occurred_at": "2025-10-03T16:14:52Z"}
    assert counted("app", event).cases == Counter({("app", "login"): 1})
