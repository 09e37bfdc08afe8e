"""Laws of cases: the first whose conditions hold has the record, also if it makes no event of it."""

from collections.abc import Mapping

import pytest

from schemas.events import InvalidEvent
from schemas.sources import Source
from tests.unit.core.mapping.mapped import DECLARED, record
from workers.core.mapping.converter import Canonical, compile_converter
from workers.core.mapping.skipped import Skipped

LATEST_MS = 4_000_000_000_000
FIELDS = {"event_id": "id", "customer_id": "who", "occurred_at": "at"}
BODY = {"id": "e", "who": "c", "at": "2026-10-03T09:14:52Z"}


def result(*cases: Mapping[str, object], **body: object) -> Canonical | Skipped:
    written = {"topic": "t", "fields": FIELDS, "max_silence": "1 day", "one_of": list(cases)}
    source = Source.model_validate(written, by_alias=True, by_name=False)
    return compile_converter(source, DECLARED)(record({**BODY, **body}), LATEST_MS)


LOGIN = {"event": "login"}


def test_a_case_that_skips_has_its_records_counted_under_its_name() -> None:
    tests = {"skip": "test orders", "only_when": {"test": True}}
    assert result(tests, LOGIN, test=True) == Skipped("test orders")
    assert isinstance(result(tests, LOGIN), Canonical)


def test_a_case_that_refuses_makes_dead_letters_with_its_reason() -> None:
    too_large = {"refuse": "payload_not_included", "only_when": {"body": None}}
    with pytest.raises(
        InvalidEvent, match="the case 'payload_not_included' of the source refuses such records"
    ) as error:
        result(too_large, LOGIN)
    assert error.value.reason == "payload_not_included"
    assert isinstance(result(too_large, LOGIN, body=1), Canonical)


def test_a_case_above_sees_a_record_before_one_that_skips() -> None:
    staff = {"event": "login", "name": "staff", "only_when": {"staff": True}}
    tests = {"skip": "tests", "only_when": {"test": True}}
    found = result(staff, tests, LOGIN, test=True, staff=True)
    assert isinstance(found, Canonical)
    assert found.case == "staff"


def test_what_no_case_has_is_still_no_case() -> None:
    assert result({"skip": "tests", "only_when": {"a": 1}}, {**LOGIN, "only_when": {"b": 1}}) == Skipped("no case")


def test_a_source_in_which_every_case_skips_is_refused() -> None:
    with pytest.raises(ValueError, match="no case has an event"):
        result({"skip": "tests"})


def test_two_cases_that_skip_under_one_name_are_counted_apart() -> None:
    skip = {"skip": "tests", "only_when": {"a": 1}}
    assert result(skip, {**skip, "only_when": {"a": 2}}, LOGIN, a=2) == Skipped("tests 2")
