"""Laws of the stored form of an activity: what an earlier release wrote is read as that release read it."""

import json
from typing import Any

import pytest

from tests.support.paths import DATA
from tests.upgrade.old_activities import plain
from tests.upgrade.stored import read
from workers.core.objects.customer import codec

LINES: list[dict[str, Any]] = [*map(json.loads, (DATA / "upgrade" / "activities.jsonl").read_text().splitlines())]


@pytest.mark.parametrize("line", LINES, ids=range(len(LINES)))
def test_what_release_0_1_0_stored_is_read_as_that_release_read_it(line: dict[str, Any]) -> None:
    activity = codec.decode(bytes.fromhex(line["stored"]), codec.codes_of(line["rules"]))
    assert json.loads(json.dumps(plain(activity))) == line["read"]


@pytest.mark.parametrize("line", LINES, ids=range(len(LINES)))
def test_what_release_0_1_0_stored_is_written_as_it_was(line: dict[str, Any]) -> None:
    raw = bytes.fromhex(line["stored"])
    assert codec.encode(codec.decode(raw, codec.codes_of(line["rules"]))) == raw


def test_customers_whom_release_0_1_0_stored_are_written_as_they_were() -> None:
    entries = read(DATA / "upgrade" / "redis.xz")[1]
    stored = [value for key, kind, value in entries if kind == "string" and b"}:c:" in key]
    assert len(stored) > 10_000
    assert all(codec.encode(codec.decode(raw, {})) == raw for raw in stored[::10])


def test_the_stored_customers_have_everything_that_an_activity_can_have() -> None:
    activities = [codec.decode(bytes.fromhex(line["stored"]), codec.codes_of(line["rules"])) for line in LINES]
    for field in ("fired_ms", "due_ms", "seen", "series", "episodes", "latest", "generation", "flips", "candidates"):
        assert any(getattr(one, field) for one in activities), field
    for field in ("acted", "attributes", "pairs"):
        assert any(getattr(one, field) for one in activities), field
    episodes = [episode for one in activities for episode in one.episodes.values()]
    for field in ("start_ms", "holding", "acted_ms", "before_ms", "open_until_ms", "pending_ms", "true_since_ms"):
        assert any(getattr(episode, field) for episode in episodes), field
    assert any(episode.held for episode in episodes)
    assert any(episode.stood for episode in episodes)
    assert any(name.startswith("#") for one in activities for name in one.episodes)
    series = [found for one in activities for found in one.series.values()]
    assert any(found.values for found in series)
    assert any(found.gone_day for found in series)
    assert any(found.total_sum < 0 for found in series)
