"""Laws of what tools show of records: no value of a personal attribute, and everything else as before."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest

from schemas.events import InvalidEvent
from schemas.sources import Source, SourcesFile
from tests.support.paths import ROOT
from workers.core.mapping.record import SourceRecord
from workers.core.mapping.trace import RecordTrace, compile_trace
from workers.errors import StartupError
from workers.histories.by_customer import EventsByCustomer
from workers.histories.files import Gathering, read_file
from workers.histories.outcomes import Outcomes
from workers.histories.personal import without_values, without_values_in
from workers.source_files.packs import pack_names
from workers.source_files.reading import read_sources
from workers.source_trial.report import document_of, lines_of, summary_lines
from workers.source_trial.samples import Sample
from workers.source_trial.trial import Tried

LATEST: Final = datetime(2027, 1, 1, tzinfo=UTC)
SOURCES: Final = """
event_types: {profile: {}}
attribute_types:
  profile.email: {personal: true}
  profile.phone: {personal: true, type: text}
  cancellation.reason: {personal: true}
  purchase.amount: {personal: true}
sources:
  - topic: crm
    fields: {event_id: id, customer_id: who, occurred_at: at}
    max_silence: 3 days
    one_of:
      - event: profile
        only_when: {kind: profile, mail: {given: true}}
        attributes:
          email: {path: mail, lower: true}
          phone: [first, {path: second, nothing: ["+49 1"]}]
          plan: plan
      - event: purchase
        only_when: {kind: purchase}
        fields: {amount: {path: cents, unit: minor}, currency: {constant: EUR}}
      - event: cancellation
        only_when: {find: "kind == 'cancellation' && why"}
        fields: {reason: why}
"""
USUAL: Final = {"id": "e1", "who": "c1", "at": "2026-10-03T09:14:52Z"}
RECORDS: Final[dict[str, Any]] = {
    "found": {"kind": "profile", "mail": "Mara@Example.com", "first": "+49 170 77", "plan": "gold"},
    "nothing": {"kind": "profile", "mail": "Mara@Example.com", "first": "", "second": "+49 1", "plan": "gold"},
    "a field": {"kind": "cancellation", "why": "Mara is too poor"},
    "converted": {"kind": "purchase", "cents": 98765},
    "refused field": {"kind": "purchase", "cents": "Mara"},
}
SECRETS: Final = ("mara", "poor", "170 77", "+49 1", "987")


def sources_file() -> SourcesFile:
    sources, problems = read_sources("sources.yaml", SOURCES)
    assert sources is not None, problems
    return sources


def source() -> Source:
    return sources_file().sources[0]


def traced(body: Any, *, masked: bool = True) -> tuple[Tried, RecordTrace]:
    raw = body if isinstance(body, bytes) else json.dumps({**USUAL, **body}).encode()
    record = SourceRecord("crm", 0, 0, 0, None, raw, ())
    trace = compile_trace(source(), {"profile"}, LATEST)
    personal = sources_file().personal() if masked else frozenset[str]()
    found = without_values_in(trace, source(), personal)(record)
    return Tried(Sample("crm:0:0", record), found), found


def everything(body: Any, *, masked: bool = True) -> str:
    """Return all that is shown of a record, for people and for machines."""
    tried, found = traced(body, masked=masked)
    outcomes = Outcomes()
    outcomes.note("crm:0:0", found)
    lines = [*lines_of(tried, 8, 3), *summary_lines(outcomes)]
    return "\n".join([*lines, json.dumps(document_of(tried, 8)), json.dumps(outcomes.document())])


@pytest.mark.parametrize("body", [pytest.param(body, id=name) for name, body in RECORDS.items()])
def test_no_personal_value_is_shown_of_a_record(body: Any) -> None:
    shown = everything(body).lower()
    assert [secret for secret in SECRETS if secret in shown] == []
    assert any(secret in everything(body, masked=False).lower() for secret in SECRETS)


def test_a_record_that_cannot_be_read_is_not_quoted() -> None:
    assert "mara" in everything(b'"Mara@Example.com"', masked=False).lower()
    assert "mara" not in everything(b'"Mara@Example.com"').lower()


def test_what_was_done_and_where_it_was_found_is_still_said() -> None:
    tried, _ = traced(RECORDS["found"])
    lines = list(lines_of(tried, 8, 3))
    assert "  · email       (personal)                      mail   (lower)" in lines
    assert "  · phone       (personal)                      first   (1st of 2 places)" in lines
    assert "  · plan        gold                            plan" in lines


def test_nothing_is_told_from_something() -> None:
    tried, _ = traced(RECORDS["nothing"])
    (line,) = (line for line in lines_of(tried, 8, 3) if "phone" in line)
    assert line.split() == ["·", "phone", "-", "first,", "or", "second", "(nothing", "there)"]


def test_a_condition_on_the_place_of_a_personal_value_does_not_show_it() -> None:
    _, found = traced({"kind": "profile", "mail": "Mara@Example.com"})
    assert [condition.found for condition in found.items[0].cases[0].conditions] == ["profile", "(personal)"]


def test_without_personal_attributes_nothing_changes() -> None:
    trace = compile_trace(source(), {"profile"}, LATEST)
    assert without_values_in(trace, source(), frozenset()) is trace


def test_a_refusal_of_another_field_keeps_its_words() -> None:
    personal = sources_file().personal()
    of_another = InvalidEvent("impossible_time", "'occurred_at': found 'yesterday'", field="occurred_at")
    assert without_values(of_another, personal) is of_another
    of_amount = without_values(InvalidEvent("impossible_amount", "found 'Mara'", field="amount"), personal)
    assert of_amount.detail == "'amount': what was found is not shown, as it may be personal (sources.yaml)"
    whole = without_values(InvalidEvent("not_json", "it begins with b'Mara'"), personal)
    assert str(whole) == "not_json: what was found is not shown, as it may be personal (sources.yaml)"


def test_examples_of_a_history_quote_no_personal_value(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"email": "Mara@Example.com"\n' * 3)
    for personal in (frozenset({"profile.email"}), frozenset[str]()):
        with EventsByCustomer() as store:
            gathering = Gathering(store, LATEST, personal=personal)
            read_file(tmp_path / "a.jsonl", gathering, frozenset())
        with pytest.raises(StartupError) as refused:
            gathering.check()
        assert ("Mara" in str(refused.value)) is not bool(personal)


def test_no_pack_brings_an_address_a_name_or_a_number_that_it_does_not_call_personal() -> None:
    """Packs have none today. One that maps such a value declares it in its `attribute_types`."""
    telling = re.compile("mail|phone|mobile|name|address|street|birth", re.IGNORECASE)
    for name in pack_names():
        sources, _ = read_sources("sources.yaml", f"sources: [{{topic: {name}, pack: {name}}}]")
        assert sources is not None
        cases = [case for one in sources.sources for case in one.cases()]
        brought = {(case.event, attribute) for case in cases for attribute in case.attributes}
        assert {f"{event}.{one}" for event, one in brought if telling.search(one)} <= sources.personal()


def test_the_shipped_sources_have_none() -> None:
    sources, _ = read_sources("sources.yaml", (ROOT / "sources.yaml").read_text())
    assert sources is not None
    assert sources.personal() == frozenset()
