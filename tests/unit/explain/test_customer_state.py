"""Laws of what `linger why` reads from the store: coverage, watermarks and problems of sources."""

from typing import Any

from schemas.sources import SourcesFile
from tests.support.builders import day
from workers.core.coverage import Coverage
from workers.core.watermarks import Progress, watermarks_in_partition
from workers.explain.customer_state import coverage_of, find_source_problems


def declared(**source: Any) -> SourcesFile:
    return SourcesFile.model_validate(
        {
            "sources": [
                {"topic": "shop", "format": "canonical", "events": ["purchase"], "max_silence": "3 days", **source},
                {"topic": "web", "format": "canonical", "events": ["login"], "max_silence": "3 days"},
            ]
        }
    )


def test_what_was_watched_is_read_from_the_meta_of_the_partition() -> None:
    meta = {"owner": "x", "since:purchase": "5", "since:purchase?0a": "7", "since:login": "6", "rules": "ab"}
    observed = coverage_of(meta, declared(complete_since="2024-01-01"), {"login": 8})
    since_ms = {"purchase": 5, "purchase?0a": 7, "login": 6}
    # The filtered purchases are counted only since later: their series is not complete.
    assert observed == Coverage(since_ms, {"login": 8}, frozenset({"purchase"}))


def test_a_series_that_no_rule_asks_for_any_more_is_not_watched() -> None:
    meta = {"since:purchase": "5", "since:purchase?0a": ""}
    assert coverage_of(meta, declared(), {}).since == {"purchase": 5}


def test_a_type_is_seen_as_far_as_its_source_and_the_partition_are() -> None:
    progress = {("shop", 0): Progress(watermark_ms=day(5), last_record_ms=day(5), since_ms=day(0), partitions=1)}
    now_ms = day(6)
    assert watermarks_in_partition(declared(), progress, now_ms, None) == {
        "purchase": day(5),
        "login": 0,
        "cancellation": now_ms,
    }
    behind = watermarks_in_partition(declared(), progress, now_ms, day(4))
    assert behind == {"purchase": day(4), "login": 0, "cancellation": day(4)}


def test_what_is_the_matter_with_a_source_is_said() -> None:
    def problems_of(seen_day: float, record_day: float, now_day: float, unread: int | None = None) -> dict[str, str]:
        parts = {(name, 0): Progress(day(seen_day), day(record_day), day(0), 1) for name in ("shop", "web")}
        return find_source_problems(declared(), parts, day(now_day), unread)

    assert problems_of(6, 6, 6) == {}
    assert problems_of(6, 5, 8.5)["purchase"] == "its source shop is silent since 2024-01-06 00:00 UTC"
    assert problems_of(6, 6, 6.1)["login"] == "its source web is read only until 2024-01-07 00:00 UTC"
    assert find_source_problems(declared(), {}, day(6), None)["login"] == "its source web has not been read yet"
    assert set(problems_of(6, 6, 6, 7).values()) == {"activity partition 7 is not read to its end yet"}
