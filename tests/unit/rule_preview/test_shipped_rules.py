"""The shipped rules over the simulated shop: a newcomer sees each of them at work."""

from typing import Any

import pytest

from tests.support.paths import ROOT
from tests.unit.rule_preview.preview_site import by_rule, run


@pytest.fixture
def rules(capsys: pytest.CaptureFixture[str]) -> dict[str, dict[str, Any]]:
    return by_rule(run(capsys, "simulated", ROOT / "rules", sources=ROOT / "sources.yaml"))


def test_every_shipped_rule_acts_over_the_simulated_shop(rules: dict[str, dict[str, Any]]) -> None:
    assert len(rules) > 10
    assert {name for name, rule in rules.items() if rule["actions"] < 10} == set()
