"""Laws of the doctor's sample of a source: what its newest records become, and when that is a problem."""

import json
from datetime import UTC, datetime
from typing import Any, Final

from schemas.sources import SourcesFile
from workers.core.mapping.record import SourceRecord
from workers.core.mapping.trace import compile_trace
from workers.histories.outcomes import Outcomes
from workers.operations.findings import Finding
from workers.operations.source_samples import judged_sample
from workers.source_files.reading import read_sources

LATEST: Final = datetime(2027, 1, 1, tzinfo=UTC)
FILE: Final = """
sources:
  - topic: auth
    event: login
    only_when: {type: [Signed In]}
    fields: {event_id: id, customer_id: user, occurred_at: at}
    max_silence: 1 day
"""


def sources() -> SourcesFile:
    found, problems = read_sources("sources.yaml", FILE)
    assert found is not None, [*map(str, problems)]
    return found


def judged(*documents: dict[str, Any] | None) -> Finding:
    source, outcomes = sources().sources[0], Outcomes()
    for offset, document in enumerate(documents):
        value = None if document is None else json.dumps(document).encode()
        record = SourceRecord("auth", 0, offset, 0, None, value, ())
        outcomes.note(f"auth:0:{offset}", compile_trace(source, (), LATEST)(record))
    return judged_sample("auth", outcomes)


def login(**other: Any) -> dict[str, Any]:
    return {"id": "e1", "user": "u1", "at": "2026-10-03T16:14:52Z", "type": "Signed In", **other}


def test_a_source_whose_records_become_events_is_well() -> None:
    finding = judged(login(), login(type="Page"), None)
    assert finding.health == "ok"
    assert finding.observed == (
        "of the newest 3 records: 1 event (login 1); skipped 1 by 'only_when', 1 by having no value; skipped where "
        "type was Page 1"
    )


def test_a_source_of_which_nothing_becomes_an_event_is_a_problem_that_names_the_condition() -> None:
    finding = judged(*[login(type="signed_in")] * 12)
    assert finding.health == "problem"
    assert finding.observed.endswith("skipped 12 by 'only_when'; skipped where type was signed_in 12")
    assert "renamed upstream" in finding.why
    assert finding.remedy == "look closer with: linger sources try auth --last 20"


def test_a_source_of_which_most_records_are_refused_is_a_problem_with_the_first_reason() -> None:
    finding = judged(login(), login(user=None), login(at="yesterday"))
    assert finding.health == "problem"
    assert "2 refused (missing_field 1, impossible_time 1)" in finding.observed
    assert "the first refused is auth:0:1: missing_field: 'customer_id' is missing" in finding.observed


def test_a_few_refused_records_are_said_and_are_no_problem() -> None:
    finding = judged(login(), login(), login(user=None))
    assert finding.health == "ok"
    assert "the first refused is auth:0:2" in finding.observed


def test_a_topic_without_records_is_well() -> None:
    assert judged() == Finding("Kafka", "records of auth", "ok", "there is none yet")
