"""Laws of an export: every stored fact and every record is in it, and who has got it."""

import json

import pytest

from tests.unit.customer_export.persons import AT_MS, exported, found_in, kafka_record
from tests.unit.explain.test_stored_activity import CHANGES, RULES, everything, stored
from workers.customer_export.from_kafka import searched
from workers.customer_export.from_redis import InRedis
from workers.customer_export.gathering import state_of
from workers.customer_export.knowledge import has_activity, knowledge_of
from workers.customer_export.page import page_of
from workers.customer_export.tables import tables
from workers.kafka.records import OutboxRecord
from workers.settings import OWN_TOPICS, read_settings
from workers.state.marks.mark import Mark


def test_every_topic_of_lingers_is_searched_or_known_to_name_no_person() -> None:
    ways = searched(read_settings({}))
    assert ways.keys() == set(OWN_TOPICS)
    assert [name for name, how in ways.items() if how == "not"] == ["pauses", "book"]


@pytest.mark.parametrize("name", CHANGES)
def test_every_fact_that_is_stored_is_in_the_document_and_on_the_page(name: str) -> None:
    before, after = everything(), everything()
    CHANGES[name](after)
    states = [state_of(stored(facts), RULES) for facts in (before, after)]
    assert states[0]["facts"] != states[1]["facts"]
    assert page_of(exported(state=states[0])) != page_of(exported(state=states[1]))


def test_facts_are_exact_to_the_millisecond() -> None:
    facts = everything()
    facts.latest_event = "2024-03-31T00:00:00.123Z"
    state = state_of(stored(facts), RULES)
    assert state["facts"] is not None
    assert state["facts"]["latest_event"] == "2024-03-31T00:00:00.123Z"


def test_a_state_that_cannot_be_read_is_exported_as_its_bytes_and_the_export_is_not_complete() -> None:
    state = state_of(b"\x04\xff", RULES)
    assert (state["in_words"], state["facts"], state["raw"]) == (None, None, "BP8=")
    assert state["unreadable_because"]
    document = exported(state=state, problems=[state["unreadable_because"]])
    assert (document["is_complete"], document["problems"]) == (False, [state["unreadable_because"]])
    assert "BP8=" in page_of(document)


def test_an_export_that_is_cut_says_so() -> None:
    assert exported()["is_complete"]
    assert not exported(is_cut=True)["is_complete"]


def test_recipients_are_counted_by_topic_with_what_is_still_to_come() -> None:
    topics = (
        found_in("activity", kafka_record("activity", {"type": "login"})),
        found_in(
            "at-risk",
            kafka_record("at-risk", {"status": "active"}, at_ms=AT_MS + 5),
            kafka_record("at-risk", {"status": "retracted"}, at_ms=AT_MS + 9, offset=1),
            kafka_record("at-risk", None, at_ms=AT_MS + 7, offset=2),
        ),
        found_in("win-back"),
        found_in("decisions"),
    )
    pending = (OutboxRecord("linger.decisions", b"ada", b"{}", ()),)
    at_risk, decisions = exported("ada", *topics, unpublished=pending)["recipients"]
    assert at_risk == {
        "topic": "linger.at-risk",
        "records": 3,
        "retractions": 2,
        "since": "2024-01-01T00:00:00.005Z",
        "until": "2024-01-01T00:00:00.009Z",
        "not_yet_published": 0,
    }
    assert (decisions["topic"], decisions["records"], decisions["not_yet_published"]) == ("linger.decisions", 0, 1)


def test_a_person_with_only_a_mark_is_exported_and_shown() -> None:
    mark = Mark("t", suppressed_ms=AT_MS, suppressed_at=4)
    stored_mark = InRedis("ada", 0, ref=b"\x01" * 16, mark=mark)
    document = exported(ref=stored_mark.ref, mark=mark)
    assert document["mark"] == {
        "ref": "01" * 16,
        "suppressed_since": "2024-01-01T00:00:00.000Z",
        "opted_out_since": None,
        "erased_at": None,
        "changed_at_offset": {"suppressed": 4},
        "topic_id": "t",
    }
    assert (document["state"], document["next"]) == (None, None)
    assert "must not be written to" in page_of(document)
    shown = knowledge_of(stored_mark, read_settings({}), RULES)
    assert shown is not None
    assert not has_activity(shown)
    assert shown["mark"] == document["mark"]
    assert [table.row_count for table in tables(shown)] == [1, 0]


def test_of_an_unknown_person_nothing_is_shown() -> None:
    assert InRedis("ada", 0, ref=b"\x01" * 16).is_empty
    assert knowledge_of(InRedis("ada", 0), read_settings({}), RULES) is None
    document = exported()
    assert (document["records"], document["recipients"], document["mark"], document["state"]) == ([], [], None, None)


def test_the_short_form_has_the_names_of_the_export() -> None:
    raw = stored(everything())
    shown = knowledge_of(InRedis("ada", 0, activity=raw), read_settings({}), RULES)
    state = state_of(raw, RULES)
    assert shown is not None
    assert state["in_words"] is not None
    assert {name: shown[name] for name in state["in_words"]} == state["in_words"]  # type: ignore[literal-required]
    assert shown.keys() & exported().keys() >= {"mark", "evaluation", "held_actions", "unpublished"}
    json.dumps(shown)
