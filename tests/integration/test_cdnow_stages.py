"""Where the real customers of CDNOW stand on the ladder that comes with Linger, counted again from the original file.

The count here reads the text of the data set itself, and shares nothing with the core: not its events, not its
windows, not its conditions.
"""

import json
import zipfile
from collections import Counter, defaultdict
from datetime import date, datetime, timedelta

import pytest

from tests.support.paths import ROOT
from tests.unit.histories.test_cdnow import fetched_or_skipped
from workers.histories.cdnow import PURCHASES_IN_WHEEL, WHEEL_NAME
from workers.rule_preview.command import PreviewOptions, preview_command

CACHE = ROOT / ".cache"
LADDER = ROOT / "rules" / "stages-simple.yaml"
MONTHS = [f"1997-{month:02}" for month in range(1, 13)] + [f"1998-{month:02}" for month in range(1, 7)]
STAGES = ["regular", "active", "newcomer", "quiet", "lost"]

pytestmark = pytest.mark.integration


def days_of_purchases() -> dict[str, list[date]]:
    """The days on which each customer bought, one for each purchase: the only thing the file says of time."""
    with zipfile.ZipFile(CACHE / WHEEL_NAME) as archive:
        rows = archive.read(PURCHASES_IN_WHEEL).decode("ascii").splitlines()[1:]
    days: dict[str, list[date]] = defaultdict(list)
    for row in rows:
        customer, day, _, _ = row.split()
        days[customer].append(datetime.strptime(day, "%Y%m%d").date())
    return days


def stage_at_the_end_of(day: date, bought: list[date]) -> str:
    """The stage of someone who bought on these days, at the last moment of a later day."""

    def passed(earlier: date) -> timedelta:
        # Only the day of a purchase is known, and it counts as of noon.
        return day - earlier + timedelta(hours=11, minutes=59, seconds=59)

    is_fresh = passed(max(bought)) <= timedelta(days=60)
    if is_fresh and sum(day - one < timedelta(days=365) for one in bought) >= 3:
        return "regular"
    if is_fresh and len(bought) >= 2:
        return "active"
    if is_fresh or passed(min(bought)) < timedelta(days=60):
        return "newcomer"
    return "quiet" if passed(max(bought)) <= timedelta(days=365) else "lost"


def last_day_of(month: str) -> date:
    following = datetime.strptime(month, "%Y-%m").date().replace(day=28) + timedelta(days=4)
    return following.replace(day=1) - timedelta(days=1)


def test_each_month_of_cdnow_has_as_many_customers_on_each_stage_as_the_original_file(
    capsys: pytest.CaptureFixture[str],
) -> None:
    fetched_or_skipped(CACHE)
    expected: dict[str, Counter[str]] = {month: Counter() for month in MONTHS}
    for bought in days_of_purchases().values():
        for month, counts in expected.items():
            day = last_day_of(month)
            if so_far := [one for one in bought if one <= day]:
                counts[stage_at_the_end_of(day, so_far)] += 1
    preview_command(PreviewOptions(history="cdnow", rules=[LADDER], as_json=True))
    stages = json.loads(capsys.readouterr().out)["stages"]
    assert stages["stages"] == STAGES
    assert {month["month"]: month["customers"] for month in stages["months"]} == {
        month: {stage: counts[stage] for stage in STAGES} for month, counts in expected.items()
    }
    assert {month["unknown"] for month in stages["months"]} == {0}
    assert sum(stages["months"][-1]["customers"].values()) == 23_570
