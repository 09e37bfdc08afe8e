"""Laws of times: every format means one moment, and another unit than the declared one is refused."""

from typing import Any

import pytest

from tests.unit.core.mapping.mapped import event_of, refusal_of, source

AT = "2025-10-03T16:14:52.797000+00:00"
MS = 1759508092797


def at(**written: Any) -> Any:
    return source(fields={"occurred_at": {"path": "at", **written}})


@pytest.mark.parametrize(
    ("form", "value", "moment"),
    [
        ("milliseconds", MS, AT),
        ("microseconds", MS * 1000, AT),
        ("microseconds", str(MS * 1000), AT),
        ("microseconds", MS * 1000 + 123, "2025-10-03T16:14:52.797123+00:00"),
        ("nanoseconds", MS * 10**6 + 123456, "2025-10-03T16:14:52.797123+00:00"),
        ("nanoseconds", str(MS * 10**6), AT),
        ("days", 20364, "2025-10-03T00:00:00+00:00"),
        ("days", "20364", "2025-10-03T00:00:00+00:00"),
        ("seconds", MS // 1000, "2025-10-03T16:14:52+00:00"),
        ("seconds", "1759508092.797", AT),
    ],
)
def test_numbers_since_1970_count_exactly(form: str, value: Any, moment: str) -> None:
    assert event_of(at(format=form), {"at": value}).occurred_at.isoformat() == moment


VALUES = {
    "days": 20364,
    "seconds": MS // 1000,
    "milliseconds": MS,
    "microseconds": MS * 1000,
    "nanoseconds": MS * 10**6,
}


@pytest.mark.parametrize("declared", VALUES)
@pytest.mark.parametrize("written", VALUES)
def test_a_number_in_another_unit_than_the_declared_one_is_never_an_event(declared: str, written: str) -> None:
    if declared == written:
        event_of(at(format=declared), {"at": VALUES[written]})
        return
    refusal = refusal_of(at(format=declared), {"at": VALUES[written]})
    assert (refusal.reason, refusal.field) == ("impossible_time", "occurred_at")


@pytest.mark.parametrize("value", ["", "soon", True, [MS], {"a": 1}, "1e12", 1e400, "2025-10-03"])
@pytest.mark.parametrize("form", ["microseconds", "nanoseconds", "days", "%d/%m/%Y %H:%M %z"])
def test_what_is_no_such_time_is_refused(form: str, value: Any) -> None:
    assert refusal_of(at(format=form), {"at": value}).reason == "impossible_time"


@pytest.mark.parametrize(
    ("form", "zone", "value", "moment"),
    [
        ("%d/%m/%Y", "UTC", "03/10/2025", "2025-10-03T00:00:00+00:00"),
        ("%d/%m/%Y %H:%M", "Europe/Berlin", "03/10/2025 18:14", "2025-10-03T16:14:00+00:00"),
        ("%m/%d/%Y %I:%M %p", "America/New_York", "10/03/2025 12:14 PM", "2025-10-03T16:14:00+00:00"),
        ("%d %b %Y %H:%M:%S %z", None, "03 Oct 2025 18:14:52 +0200", "2025-10-03T16:14:52+00:00"),
        ("%Y%m%d%H%M%S", "UTC", "20251003161452", "2025-10-03T16:14:52+00:00"),
        ("%d/%m/%Y %z", "Europe/Berlin", "03/10/2025 +0000", "2025-10-03T00:00:00+00:00"),
    ],
)
def test_a_written_format_is_read_in_its_zone(form: str, zone: str | None, value: str, moment: str) -> None:
    written = {"format": form} if zone is None else {"format": form, "zone": zone}
    assert event_of(at(**written), {"at": value}).occurred_at.isoformat() == moment


def test_month_and_day_are_not_exchanged() -> None:
    assert refusal_of(at(format="%d/%m/%Y", zone="UTC"), {"at": "10/13/2025"}).reason == "impossible_time"


def test_days_are_those_of_the_zone() -> None:
    of = at(format="days", zone="Europe/Berlin")
    assert event_of(of, {"at": 20364}).occurred_at.isoformat() == "2025-10-02T22:00:00+00:00"


@pytest.mark.parametrize(
    ("local", "moment"),
    [
        ("26/10/2025 02:30", "2025-10-26T00:30:00+00:00"),  # happens twice: the first
        ("30/03/2025 02:30", "2025-03-30T01:30:00+00:00"),  # is skipped: the offset from before
    ],
)
def test_summer_time_is_read_as_in_iso_texts(local: str, moment: str) -> None:
    of = at(format="%d/%m/%Y %H:%M", zone="Europe/Berlin")
    assert event_of(of, {"at": local}).occurred_at.isoformat() == moment
    day, month, year = local[:10].split("/")
    iso = at(zone="Europe/Berlin")
    assert event_of(iso, {"at": f"{year}-{month}-{day}T{local[11:]}"}).occurred_at.isoformat() == moment


def test_each_place_of_a_time_has_its_own_format() -> None:
    of = source(
        fields={
            "occurred_at": [
                {"path": "us", "format": "microseconds", "nothing": [0]},
                {"path": "day", "format": "%d/%m/%Y", "zone": "UTC"},
                {"timestamp": True},
            ]
        }
    )
    assert event_of(of, {"us": MS * 1000}).occurred_at.isoformat() == AT
    assert event_of(of, {"us": 0, "day": "03/10/2025"}).occurred_at.isoformat() == "2025-10-03T00:00:00+00:00"
    assert event_of(of, {"us": None, "day": ""}, at_ms=MS).occurred_at.isoformat() == AT
    refusal = refusal_of(of, {"us": "soon", "day": "03/10/2025"})
    assert refusal.reason == "impossible_time", "what is there and cannot be read is not passed over"


def test_an_optional_time_that_cannot_be_read_is_left_out_in_a_list_too() -> None:
    of = source("cancellation", fields={"effective_at": [{"path": "end", "format": "days"}, {"path": "until"}]})
    assert event_of(of, {"end": "soon"}).left_out() == (("effective_at", "impossible_time"),)
    assert event_of(of, {"until": "2025-10-03T16:14:52Z"}).effective_at.year == 2025
