"""Laws of silent sources: noted while they last, and logged when they begin and end."""

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from structlog.testing import capture_logs

from workers.core.watermarks import Progress
from workers.observability import log_events
from workers.runtime.silence import SilenceWatch

HOUR_MS = 3_600_000
ORDERS = SimpleNamespace(topic="orders", max_silence=timedelta(hours=1), types=lambda: ["purchase"])
SOURCES: Any = SimpleNamespace(sources=[ORDERS])


def progress(last_record_ms: int) -> dict[tuple[str, int], Progress]:
    return {("orders", 0): Progress(last_record_ms=last_record_ms, since_ms=1, partitions=1)}


@pytest.mark.parametrize(("now_ms", "silent"), [(1 + HOUR_MS, []), (2 + HOUR_MS, ["orders"])])
def test_a_source_is_silent_after_its_limit(now_ms: int, silent: list[str]) -> None:
    watch = SilenceWatch(SOURCES)
    watch.note(progress(1), now_ms)
    assert watch.topics == silent


def test_each_silence_is_logged_once_with_what_it_holds_and_so_is_its_end() -> None:
    watch = SilenceWatch(SOURCES)
    with capture_logs() as logs:
        for now_ms, last_record_ms in ((1, 1), (9 * HOUR_MS, 1), (10 * HOUR_MS, 1), (11 * HOUR_MS, 11 * HOUR_MS)):
            watch.note(progress(last_record_ms), now_ms)
    assert [entry["event"] for entry in logs] == [log_events.SOURCE_SILENT, log_events.SOURCE_SPEAKS_AGAIN]
    assert (logs[0]["held"], watch.topics) == (["purchase"], [])
