"""Laws of silent sources: noted while they last, and logged when they begin and end."""

import pytest
from structlog.testing import capture_logs

from schemas.sources import SourcesFile
from workers.core.watermarks import Progress
from workers.observability import log_events
from workers.observability.metrics import REGISTRY
from workers.runtime.silence import SilenceWatch

HOUR_MS = 3_600_000
SOURCES = SourcesFile.model_validate(
    {
        "event_types": {"nps": {"max_silence": "30 minutes"}},
        "sources": [
            {"topic": "orders", "format": "canonical", "events": ["purchase", "nps"], "max_silence": "1 hour"}
        ],
    }
)


def progress(last_record_ms: int) -> dict[tuple[str, int], Progress]:
    return {("orders", 0): Progress(last_record_ms=last_record_ms, since_ms=1, partitions=1)}


@pytest.mark.parametrize(("now_ms", "silent"), [(1 + HOUR_MS, []), (2 + HOUR_MS, ["orders"])])
def test_a_source_is_silent_after_its_limit(now_ms: int, silent: list[str]) -> None:
    watch = SilenceWatch(SOURCES)
    watch.note(progress(1), now_ms)
    assert watch.topics == silent


def test_each_silence_is_logged_once_with_what_it_holds_and_so_is_its_end() -> None:
    watch = SilenceWatch(SOURCES)
    with capture_logs() as all_logs:
        for now_ms, last_record_ms in ((1, 1), (9 * HOUR_MS, 1), (10 * HOUR_MS, 1), (11 * HOUR_MS, 11 * HOUR_MS)):
            watch.note(progress(last_record_ms), now_ms)
    logs = [entry for entry in all_logs if "topic" in entry]
    assert [entry["event"] for entry in logs] == [log_events.SOURCE_SILENT, log_events.SOURCE_SPEAKS_AGAIN]
    assert (logs[0]["held"], watch.topics) == (["purchase", "nps"], [])


def test_a_type_with_a_limit_of_its_own_is_named_beside_the_sources_and_its_silence_is_logged_once() -> None:
    watch = SilenceWatch(SOURCES)
    with capture_logs() as logs:
        for minutes, spoke in ((0, 0), (31, 30), (50, 49), (70, 49), (90, 49), (130, 49)):
            heard = Progress(since_ms=1, partitions=1, event_ms={"nps": 1, "purchase": 1 + spoke * 60_000})
            watch.note({("orders", 0): heard}, 2 + minutes * 60_000)
    assert [entry["event"] for entry in logs] == [log_events.TYPE_SILENT, log_events.SOURCE_SILENT]
    assert watch.problem() == "silent: orders; silent types: nps"
    watch.note({("orders", 0): Progress(since_ms=1, partitions=1, event_ms={"nps": 8 * HOUR_MS})}, 8 * HOUR_MS)
    assert watch.problem() is None


def test_the_silence_of_a_source_and_of_a_type_is_shown_while_they_are_there() -> None:
    def shown(name: str, **labels: str) -> float | None:
        return REGISTRY.get_sample_value(f"linger_{name}_silent", labels)

    watch = SilenceWatch(SOURCES)
    watch.note(progress(1), 9 * HOUR_MS)
    assert (shown("source", topic="orders"), shown("type", type="nps"), shown("type", type="purchase")) == (1, 1, 0)
    other = {"topic": "logins", "format": "canonical", "events": ["login"], "max_silence": "1 hour"}
    watch.take_sources(SourcesFile.model_validate({"sources": [other]}))
    watch.note({}, 9 * HOUR_MS)
    assert (shown("source", topic="orders"), shown("type", type="nps")) == (None, None)
    assert shown("type", type="login") == 0
