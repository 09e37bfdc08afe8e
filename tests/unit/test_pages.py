"""What pages and the docstrings of folders name is there: paths, names in the tables of "Where do I put", parts."""

import re
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import pytest

from tests.support.paths import ROOT

PAGES: Final = ("CONTRIBUTING.md", "docs/architecture.md", "tests/README.md")
# Where the paths of these pages begin.
FOLDERS: Final = ("", "workers/", "workers/core/", "tests/", "tests/support/", "tests/faults/")
# The first is not made before it is needed, the second not before the tests run.
NOT_THERE_YET: Final = frozenset({"operations/settings_checks.py", ".cache/"})
PACKAGES: Final = sorted(path.parent for path in (ROOT / "workers").rglob("*/__init__.py"))

_PATH: Final = re.compile(r"`((?:[\w.-]+/)*[\w.-]+(?:/|\.(?:py|pxd|md|ya?ml|toml|acl)))`")
_LINK: Final = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")
_ROW: Final = re.compile(r"^\| (`[^|]*) \| (.*) \|$", re.MULTILINE)
_NAME: Final = re.compile(r"`(_?[A-Za-z]\w*)`")
_PART: Final = re.compile(r"`([a-z_]+)\.(?!yaml`)(\w+)`")


def places(path: str, beside: list[Path]) -> list[Path]:
    return [place for folder in [*(ROOT / name for name in FOLDERS), *beside] if (place := folder / path).exists()]


def paths_in(text: str) -> Iterator[tuple[str, list[Path]]]:
    """Yield each path with the places where it is; a file may be in the folder of another one, named before it."""
    beside: list[Path] = []
    for path in _PATH.findall(text):
        if path in NOT_THERE_YET:
            continue
        there = places(path, beside)
        yield path, there
        beside += [place if place.is_dir() else place.parent for place in there]


@pytest.mark.parametrize("page", PAGES)
def test_every_path_on_a_page_exists(page: str) -> None:
    text = (ROOT / page).read_text()
    paragraphs = re.split(r"\n(?=\||\d+\. |\n)", text)
    assert [path for paragraph in paragraphs for path, there in paths_in(paragraph) if not there] == []
    assert [link for link in _LINK.findall(text) if not ((ROOT / page).parent / link).exists()] == []


def test_where_to_put_something_names_what_its_files_have() -> None:
    missing = []
    for files, what in _ROW.findall((ROOT / "CONTRIBUTING.md").read_text()):
        there = [place for _, places in paths_in(f"{files} {what}") for place in places if place.is_file()]
        code = "\n".join(place.read_text() for place in there)
        missing += [name for name in _NAME.findall(what) if not re.search(rf"\b{name}\b", code)]
    assert missing == []


@pytest.mark.parametrize("package", PACKAGES, ids=[str(package.relative_to(ROOT)) for package in PACKAGES])
def test_a_folder_names_only_parts_that_it_has(package: Path) -> None:
    name = ".".join(package.relative_to(ROOT).parts)
    for module, part in _PART.findall(import_module(name).__doc__ or ""):
        described = import_module(f"{name}.{module}")
        is_module = hasattr(described, "__path__") and find_spec(f"{described.__name__}.{part}") is not None
        assert is_module or hasattr(described, part), f"{module}.{part}"
