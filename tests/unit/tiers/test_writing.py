"""Laws of writing tiers: only their block changes, and a file is never half written."""

from pathlib import Path
from typing import Final

import pytest

from schemas.rules import RuleFile
from schemas.value import Tiers
from workers.errors import StartupError
from workers.rule_files.yaml_validation import read_yaml
from workers.tiers.writing import with_tiers, write_file

TIERS: Final = Tiers.model_validate(
    {"measured": "2026-11-30", "customers": 12300, "from": "scan", "thresholds": {"20%": "260.50", "5%": 900}}
)
BLOCK: Final = """\
  tiers:  # measured by `linger rules tune`
    measured: 2026-11-30
    customers: 12300
    from: scan
    thresholds:
      5%: 900
      20%: 260.50
"""
HEAD: Final = """\
# What a customer is worth.
value:   # once
  revenue:
    - purchase.amount   # gross
  within: 365 days
"""
TAIL: Final = """\

# Names.
define:
  bought: {count: purchase, at least: 1}
"""
LAST: Final = "  cost of winning: 60  # last\n"
OLD: Final = """\
  tiers:
    measured: 2020-01-01
    # by hand
    customers: 3
    from: history
    thresholds: {1%: 5}
"""


@pytest.mark.parametrize(
    ("text", "written"),
    [
        (HEAD + TAIL, HEAD + BLOCK + TAIL),
        (HEAD + OLD + TAIL, HEAD + BLOCK + TAIL),
        (HEAD, HEAD + BLOCK),
        (
            HEAD + OLD + "  cost of winning: 60  # last\n" + TAIL,
            HEAD + BLOCK + "  cost of winning: 60  # last\n" + TAIL,
        ),
        ((HEAD + TAIL).replace("\n", "\r\n"), (HEAD + BLOCK + TAIL).replace("\n", "\r\n")),
    ],
    ids=["new", "again", "at the end", "before another key", "CR LF"],
)
def test_only_the_tiers_change(text: str, written: str) -> None:
    assert with_tiers("a.yaml", text, TIERS) == written
    assert with_tiers("a.yaml", written, TIERS) == written
    file, problems = read_yaml("a.yaml", written, RuleFile)
    assert not problems
    assert file is not None
    assert file.value is not None
    assert file.value.tiers == TIERS


@pytest.mark.parametrize("between", [" ", "\n  "])
def test_without_a_line_for_each_key_there_is_no_place(between: str) -> None:
    text = f"value:{between}{{revenue: [purchase.amount]}}\n"
    with pytest.raises(StartupError, match="in a line of its own"):
        with_tiers("a.yaml", text, TIERS)


def test_a_file_is_replaced_at_once_and_keeps_its_rights(tmp_path: Path) -> None:
    file, link = tmp_path / "a.yaml", tmp_path / "link.yaml"
    file.write_text("old")
    file.chmod(0o640)
    link.symlink_to(file)
    write_file(link, "new\r\n")
    assert (file.read_bytes(), file.stat().st_mode & 0o777, link.is_symlink()) == (b"new\r\n", 0o640, True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.yaml", "link.yaml"]
