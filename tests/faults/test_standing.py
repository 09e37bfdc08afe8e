"""What the faults find wrong in the records of stages, and what they do not."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec
import pytest

from schemas.ladders import Ladder
from schemas.rules import RuleBook
from schemas.sources import SourcesFile
from schemas.stages import StageRecord, encode_stage
from tests.faults.standing import Compared, Stood, compare_standing, stood, watched_since
from tests.support.builders import START, day, event, rule, watched
from tests.support.decided import decide, publish_stage
from workers.core.rules.rule_compiler import compile_rules
from workers.core.rules.rule_set import RuleSet

PLACE = (0, "ada")
END_MS = day(300)


def rules_of(*steps: dict[str, Any]) -> RuleSet:
    ladder = Ladder.model_validate(
        {"name": "simple", "status": "live", "steps": steps, "otherwise": "newcomer"},
    )
    return compile_rules(RuleBook((), ladders=(ladder,)), ("purchase",))


GONE = {"stage": "gone", "when": {"none": "purchase", "for": "120 days"}}
QUIET = {"stage": "quiet", "when": {"none": "purchase", "for": "60 days"}}
RULES = rules_of(QUIET, {"stage": "regular", "when": {"count": "purchase", "at least": 2}})
EVENTS = [event("purchase", at_day, event_id=f"id{at_day}") for at_day in (1, 20, 100)]


class Record(NamedTuple):
    """A record of the topic."""

    key: bytes
    value: bytes | None


def published() -> list[StageRecord]:
    """Return what a worker publishes: newcomer on day 1, regular, quiet, and regular again."""
    observed, stored, records = watched(RULES), None, list[StageRecord | None]()
    for one in EVENTS:
        decided = decide("ada", stored, [one], RULES, observed)
        assert decided.stored is not None
        published = publish_stage("ada", decided.stored, RULES, observed, one.at_ms)
        stored = published.stored
        records += [*decided.stages, *published.stages]
    last = decide("ada", stored, [], RULES, observed, END_MS)
    return [record for record in (*records, *last.stages) if record is not None]


def expected() -> Stood:
    observed = watched(RULES)
    return stood("ada", EVENTS, decide("ada", None, EVENTS, RULES, observed, END_MS), observed, END_MS)


def found(records: Sequence[StageRecord | None], stood: Stood | None = None) -> Compared:
    log: Any = {0: [Record(b"ada", None if one is None else encode_stage(one)) for one in records]}
    return compare_standing(log, {PLACE: stood or expected()}, END_MS)


def test_the_worker_of_these_tests_moves_the_customer_four_times() -> None:
    assert [record.stage for record in published()] == ["newcomer", "regular", "quiet", "regular", "quiet"]
    assert len(expected().moves) == 4


def test_nothing_is_wrong_with_what_one_thread_publishes_also_if_all_of_it_comes_again() -> None:
    for records in (published(), published() * 2, published()[1:]):
        assert (found(records).missing, found(records).too_much) == ([], [])


@pytest.mark.parametrize("place", range(1, 5))
def test_a_move_that_is_not_published_is_lost(place: int) -> None:
    records = published()
    del records[place]
    assert found(records).missing


def test_a_move_under_another_id_is_doubled() -> None:
    records = published()
    records.insert(2, msgspec.structs.replace(records[1], stage_id="another"))
    assert found(records).too_much


def test_a_stage_that_is_no_move_and_that_one_thread_never_tells_is_doubled() -> None:
    records = published()
    records.insert(2, msgspec.structs.replace(records[1], stage_id="another", direction="none"))
    assert found(records).too_much


def test_moves_in_another_order_are_found() -> None:
    first, second, *others = published()[1:]
    assert found([second, first, *others]).too_much


def test_an_older_record_that_comes_last_is_found() -> None:
    records = published()
    assert found([*records, records[2], records[1]]).missing


def test_one_id_with_two_contents_is_found() -> None:
    records = published()
    assert found([*records, msgspec.structs.replace(records[-1], why=())]).too_much


def test_a_stage_that_is_no_move_may_come_again_with_reasons_as_of_then_and_with_nothing_else() -> None:
    records = published()
    assert records[0].direction == "none"
    again = msgspec.structs.replace(records[0], why=records[1].why)
    assert found([again, *records]).too_much == []
    assert found([msgspec.structs.replace(again, came_from="quiet"), *records]).too_much


def test_a_customer_who_is_erased_has_a_last_record_without_a_value() -> None:
    erased = Stood((), frozenset(record.stage_id for record in published()), None)
    assert found(published(), erased).missing
    assert not found([*published(), None], erased).missing
    assert found([*published(), None], expected()).missing


def test_what_mere_time_changes_after_the_end_is_not_judged() -> None:
    records = published()
    later = msgspec.structs.replace(
        records[-1],
        stage_id="later",
        since=msgspec.json.decode(b'"2030-01-01T00:00:00Z"', type=type(records[-1].since)),
    )
    assert START < END_MS
    assert (found([*records, later]).missing, found([*records, later]).too_much) == ([], [])


def test_a_stage_of_history_that_time_ends_without_an_event_may_be_published() -> None:
    rules, loaded = rules_of(GONE, QUIET), event("purchase", 1, history_until=100)
    observed = watched(rules)
    whole = stood("ada", [loaded], decide("ada", None, [loaded], rules, observed, END_MS), observed, END_MS)
    stored = decide("ada", None, [loaded], rules, observed).stored
    assert stored is not None
    (record,) = publish_stage("ada", stored, rules, observed, day(100)).stages
    assert record is not None
    assert (record.stage, record.direction) == ("quiet", "none")
    assert record.stage_id in whole.others
    assert len(whole.moves) == 1  # to `gone`, when the history is over


def test_a_type_that_no_source_brings_is_watched_from_the_first_step_on() -> None:
    sources = SourcesFile.model_validate(
        {"sources": [{"topic": "orders", "format": "canonical", "events": ["purchase"], "max_silence": "30 days"}]}
    )
    rules = compile_rules(
        RuleBook(
            (
                rule(when={"none": "purchase", "for": "9 days"}),
                rule("another", when={"none": "idea", "for": "9 days"}),
            )
        ),
        ("purchase", "idea"),
    )
    assert dict(watched_since(rules, sources, day(1)).since) == {"purchase": day(1), "idea": day(1)}
    begun = {"purchase": day(8), "idea": day(8)}
    assert dict(watched_since(rules, sources, day(1), begun).since) == {"purchase": day(1), "idea": day(8)}
