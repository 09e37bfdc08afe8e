"""Laws of the catalogue of conditions: each is a series from the start, and a row in the docs."""

import re
import subprocess
import sys

from tests.support.paths import ROOT
from workers.observability.conditions import CATALOGUE


def test_every_condition_is_a_series_that_is_0_from_the_start() -> None:
    code = (
        "from prometheus_client import generate_latest\n"
        "from workers.observability.metrics import REGISTRY\n"
        "print(generate_latest(REGISTRY).decode())"
    )
    shown = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    series = dict(re.findall(r'^linger_condition\{condition="(\w+)"\} (\S+)$', shown, re.MULTILINE))
    assert series == dict.fromkeys(CATALOGUE, "0.0")


def test_every_condition_has_a_row_in_the_docs_and_there_is_no_other() -> None:
    page = (ROOT / "docs/operating.md").read_text()
    table = page.split("| line | if it fails |", 1)[1].split("\n\n", 1)[0]
    assert re.findall(r"^\| `(\w+)` \| \S", table, re.MULTILINE) == list(CATALOGUE)


def test_every_condition_says_what_to_do() -> None:
    assert [name for name, condition in CATALOGUE.items() if len(condition.remedy) < 20] == []
