"""The pages about sources show what is so: their files can be read, and commands print what is printed there."""

import re
from pathlib import Path
from typing import Final

import pytest

from tests.support.paths import ROOT
from workers.source_files.reading import load_sources

PAGES: Final = ("docs/sources.md", "docs/packs.md", "docs/formats.md", "docs/operating.md")
_BLOCK: Final = re.compile(r"^```yaml\n(.*?)^```", re.MULTILINE | re.DOTALL)


def files_on(page: str) -> list[str]:
    blocks = _BLOCK.findall((ROOT / page).read_text())
    return [block for block in blocks if re.search(r"^sources:", block, re.MULTILINE)]


@pytest.mark.parametrize(
    ("page", "number"), [(page, number) for page in PAGES for number in range(len(files_on(page)))]
)
def test_every_file_of_sources_on_a_page_can_be_read(page: str, number: int, tmp_path: Path) -> None:
    path = tmp_path / "sources.yaml"
    path.write_text(files_on(page)[number])
    sources, problems = load_sources(path)
    assert [str(problem) for problem in problems] == []
    assert sources is not None
