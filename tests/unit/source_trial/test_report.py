"""Laws of the report: each value says where it is from, and each record that is no event says why not."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest

from schemas.sources import SourcesFile
from workers.core.mapping.record import SourceRecord
from workers.errors import StartupError
from workers.kafka.partitioner import partition_of
from workers.source_files.reading import read_sources
from workers.source_trial import report
from workers.source_trial.report import document_of, lines_of, summary_lines
from workers.source_trial.samples import Given, samples_in_text
from workers.source_trial.trial import Setup, Trial, counted, source_of, tracer

SETUP: Final = Setup(datetime(2026, 11, 30, tzinfo=UTC))
FILE: Final = """
event_types:
  renewal: {description: paid again}
sources:
  - topic: stripe
    only_when: {livemode: true}
    fields:
      event_id: id
      customer_id: [data.ref, {path: data.customer, nothing: ["none"], lower: true}, data.email]
      occurred_at: {path: created, format: seconds}
    one_of:
      - event: renewal
        only_when: {type: invoice.paid, data.reason: subscription_cycle}
        fields: {amount: {path: data.paid, unit: minor}, currency: data.currency}
      - event: purchase
        only_when: {type: invoice.paid, data.paid: {more than: 0}}
        fields: {amount: {path: data.paid, unit: minor}, currency: data.currency, order_id: data.invoice}
        attributes: {note: data.note}
    max_silence: 3 days
  - topics: {pattern: "^shop\\\\..*$"}
    event: login
    fields: {event_id: id, customer_id: user, occurred_at: at}
    max_silence: 1 day
  - topic: batches
    unwrap: {each: batch}
    event: login
    fields: {event_id: id, customer_id: user, occurred_at: at}
    max_silence: 1 day
  - topic: joined
    event: login
    fields: {event_id: {join: [session.id, kind]}, customer_id: user, occurred_at: at}
    max_silence: 1 day
"""


def sources() -> SourcesFile:
    found, problems = read_sources("sources.yaml", FILE)
    assert found is not None, [*map(str, problems)]
    return found


def tried(topic: str, *documents: Any) -> Trial:
    declared = sources()
    source = source_of(declared, topic, Path("sources.yaml"))
    text = "\n".join(json.dumps(document) for document in documents)
    samples = samples_in_text("s.jsonl", text.encode(), Given(topic))
    return Trial.of(source, tracer(source, declared, SETUP), samples)


def lines(trial: Trial) -> list[str]:
    return [line for one in trial.tried for line in lines_of(one, 12, len(trial.source.every_case()))]


def invoice(**data: Any) -> dict[str, Any]:
    usual = {"customer": "CUS_1", "paid": 2900, "currency": "usd", "reason": "manual", "invoice": "in_1"}
    return {
        **{"id": "evt_1", "type": "invoice.paid", "created": 1_791_044_092, "livemode": True},
        "data": usual | data,
    }


def line_of(found: Sequence[str], name: str) -> str:
    return next(line for line in found if line.split()[:1] == [name])


def test_each_value_stands_beside_the_place_that_it_is_from() -> None:
    found = lines(tried("stripe", invoice()))
    assert found[0].startswith("✓ s.jsonl:1: purchase")
    assert "case 2 of 2 (type invoice.paid, data.paid 2900)" in found[0]
    assert line_of(found, "event_id").split()[1:] == ["evt_1", "id"]
    customer = line_of(found, "customer_id")
    assert customer.split()[1:3] == ["cus_1", "data.customer"]
    assert "2nd of 3 places; 1st is empty" in customer
    assert "2026-10-03T16:14:52Z" in line_of(found, "occurred_at")
    amount = line_of(found, "amount")
    assert "29.00" in amount
    assert "2900" in amount
    assert "minor" in amount


def test_of_joined_places_each_path_stands_for_itself() -> None:
    found = lines(
        tried("joined", {"session": {"id": "s-1"}, "kind": "web", "user": "u", "at": "2026-10-03T16:14:52Z"})
    )
    assert line_of(found, "event_id").split(maxsplit=2)[1:] == ["s-1:web", "session.id with kind"]


def test_the_key_and_partition_of_the_event_are_shown() -> None:
    found = lines(tried("stripe", invoice()))
    assert line_of(found, "activity").split(maxsplit=2)[2] == f"cus_1, partition {partition_of('cus_1', 12)} of 12"


def test_each_case_that_did_not_take_the_record_says_why() -> None:
    found = lines(tried("stripe", invoice()))
    assert "  not case 1 'renewal': data.reason: wanted subscription_cycle, found manual" in found
    found = lines(tried("stripe", invoice(paid=0)))
    assert found[0] == "- s.jsonl:1: skipped (no case)"
    assert any(line.startswith("  not case 2 'purchase': data.paid: wanted more than 0, found 0") for line in found)


_SKIPS: Final = "      - {skip: pages, only_when: {type: page}}\n      - {skip: tests, only_when: {is_test: true}}\n"


def test_many_cases_that_fail_alike_are_one_line() -> None:
    text = "sources:\n  - topic: t\n    max_silence: 1 day\n"
    text += "    fields: {event_id: id, customer_id: user, occurred_at: at}\n    one_of:\n"
    for number in range(6):
        key = "kind" if number == 3 else "type"
        text += f"      - {{event: login, only_when: {{{key}: login {number}}}}}\n"
    declared, problems = read_sources("sources.yaml", text + _SKIPS)
    assert declared is not None, [*map(str, problems)]
    source = declared.sources[0]
    samples = samples_in_text("s", b'{"type": "page"} {"type": "click"}', Given("t"))
    trial = Trial.of(source, tracer(source, declared, SETUP), samples)
    assert lines(trial) == [
        "- s:1: skipped (pages)    case 7 of 8 'pages' (type page)",
        "  not cases 1 to 3, 5 to 6, which want another type: found page",
        "  not case 4 'login 4': kind: wanted login 3, nothing there",
        "- s:1: skipped (no case)",
        "  not cases 1 to 3, 5 to 7, which want another type: found click",
        "  not case 4 'login 4': kind: wanted login 3, nothing there",
        "  not case 8 'tests': is_test: wanted true, nothing there",
    ]
    # That it is none of what is skipped on purpose is no reason.
    assert trial.outcomes.skipped_because() == ["type was click 1", "kind was missing 1"]


def test_what_only_when_skips_says_which_condition_and_what_was_found() -> None:
    found = lines(tried("stripe", invoice() | {"livemode": False}))
    assert found[0] == "- s.jsonl:1: skipped (only_when)"
    assert "  only_when: livemode: wanted true, found false" in found


def test_a_refused_record_says_the_reason_and_what_could_be_found() -> None:
    found = lines(tried("stripe", invoice(currency=None)))
    assert found[0] == "✗ s.jsonl:1: refused    case 2 of 2 (type invoice.paid, data.paid 2900)"
    assert found[1].startswith("  missing_field: 'currency' is missing")
    assert "evt_1" in line_of(found, "event_id")


def test_a_record_that_is_no_json_is_refused_as_a_whole() -> None:
    declared = sources()
    source = source_of(declared, "stripe", Path("sources.yaml"))
    trial = Trial.of(source, tracer(source, declared, SETUP), samples_in_text("s", b"nothing", Given("stripe")))
    assert "not_json" in " ".join(lines(trial))
    assert trial.outcomes.refused == {"not_json": 1}


@pytest.mark.parametrize(
    ("words", "place"),
    [
        ("path 'a.b'", "a.b"),
        ("path 'source' with path 'id'", "source with id"),
        ("path 'a', or header 'X'", "a, or header 'X'"),
        ("find 'x[?path 'a']'", "find 'x[?path 'a']'"),
    ],
)
def test_a_path_stands_for_itself_wherever_it_is_a_part_of_a_place(words: str, place: str) -> None:
    assert report._place(words) == place


def test_what_was_left_out_is_shown_with_its_reason() -> None:
    found = lines(tried("stripe", invoice(note={"a": 1})))
    note = next(line for line in found if "· note" in line)
    assert "left out: not_flat" in note


def test_each_item_of_a_record_is_shown() -> None:
    items = [{"id": f"e{number}", "user": "u1", "at": "2026-10-03T16:14:52Z"} for number in range(2)]
    trial = tried("batches", {"batch": [*items, {"id": "e3"}]})
    found = lines(trial)
    assert [line for line in found if line[0] in "✓✗-"] == [
        "✓ s.jsonl:1, item 0: login",
        "✓ s.jsonl:1, item 1: login",
        "✗ s.jsonl:1, item 2: refused",
    ]
    assert trial.outcomes.records == 1


def test_the_summary_counts_events_skipped_and_refused_by_reason() -> None:
    trial = tried(
        "stripe", invoice(), invoice(reason="subscription_cycle"), invoice(paid=0), invoice(currency=None), {}
    )
    assert list(summary_lines(trial.outcomes)) == [
        "5 records: 2 events (purchase 1, renewal 1); skipped 1 by no case, 1 by 'only_when'; "
        "1 refused (missing_field 1)",
        "  skipped: data.reason was manual 1",
        "  skipped: data.paid was 0 1",
        "  skipped: livemode was missing 1",
        "  first refused: s.jsonl:4: missing_field: 'currency' is missing: there is nothing at path 'data.currency'",
    ]


def test_the_document_says_the_same_as_the_lines() -> None:
    trial = tried("stripe", invoice(note={"a": 1}))
    document = document_of(trial.tried[0], 12)
    (item,) = document["items"]
    assert item["became"] == "event"
    assert item["case"] == "purchase"
    assert item["event"]["amount"] == "29.00"
    assert item["key"] == "cus_1"
    assert item["activity_partition"] == partition_of("cus_1", 12)
    assert item["left_out"] == [{"value": "note", "reason": "not_flat"}]
    assert [case["takes"] for case in item["cases"]] == [False, True]
    json.dumps(document, allow_nan=False)


def test_a_topic_of_a_pattern_is_tried_with_its_source() -> None:
    login = {"id": "e1", "user": "u1", "at": "2026-10-03T16:14:52Z"}
    assert lines(tried("shop.eu.logins", login))[0] == "✓ s.jsonl:1: login"


@pytest.mark.parametrize(("topic", "problem"), [("strpe", "did you mean 'stripe'?"), ("other", "it has stripe, ")])
def test_a_topic_without_a_source_is_refused_with_those_that_there_are(topic: str, problem: str) -> None:
    with pytest.raises(StartupError) as refused:
        source_of(sources(), topic, Path("sources.yaml"))
    assert problem in refused.value.problems[0]


def test_an_event_that_lies_in_the_future_is_refused_as_by_a_worker() -> None:
    trial = tried("stripe", invoice() | {"created": 1_891_044_092})
    assert trial.outcomes.refused == {"future_time": 1}


def test_a_record_is_tried_as_it_is_in_kafka() -> None:
    declared = sources()
    source = source_of(declared, "stripe", Path("sources.yaml"))
    trace = tracer(source, declared, SETUP)
    record = SourceRecord("stripe", 3, 41, 0, None, None, ())
    (sample,) = samples_in_text("s", b"null", Given("stripe"))
    trial = Trial.of(source, trace, [sample._replace(record=record)])
    assert trial.outcomes.skipped == {"tombstone": 1}


def test_counting_many_records_gives_the_same_as_looking_at_each() -> None:
    items = [{"id": f"e{number}", "user": "u1", "at": "2026-10-03T16:14:52Z"} for number in range(2)]
    for topic, documents in (
        (
            "stripe",
            [invoice(), invoice(reason="subscription_cycle"), invoice(note={}), invoice(paid=0), {}, [], None],
        ),
        ("batches", [{"batch": items}, {"batch": [*items, {"id": "e3"}]}, {"batch": []}, {}]),
    ):
        declared, trial = sources(), tried(topic, *documents)
        samples = [one.sample for one in trial.tried]
        types, outcomes = counted(trial.source, declared, SETUP, samples)
        assert outcomes.document() == trial.outcomes.document()
        assert types == {
            (0, one.sample.record.offset, item["item"]): item["event"]["type"]
            for one in trial.tried
            for item in document_of(one, 12)["items"]
            if item["became"] == "event"
        }
        assert len(types) > 1
