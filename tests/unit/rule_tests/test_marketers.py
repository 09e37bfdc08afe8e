"""Laws of what retention managers ask: each need has rules without mistakes, whose examples come out as expected."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from pathlib import Path
from textwrap import indent
from typing import Any, Final

import pytest
from ruamel.yaml import YAML

from schemas.sources import SourcesFile
from tests.support.paths import ROOT
from workers.rule_files.files import read_texts
from workers.rule_files.known_names import known_names
from workers.rule_lint.check import check_texts
from workers.rule_tests.files import report_on
from workers.rule_tests.timelines import as_text, timeline_of
from workers.source_files.reading import load_sources

HERE: Final = ROOT / "tests" / "data" / "marketers"
ASKED: Final = HERE / "asked.sha256"
README: Final = HERE / "README.md"
RECIPES: Final = ROOT / "docs" / "recipes.md"
FOLDERS: Final = sorted(path.parent for path in HERE.glob("*/*/rules.yaml"))
WARNINGS: Final = ("text-as-template", "text-for-unknown", "late-stage", "endless-reminders")
"""Codes of warnings that the page of mistakes names."""
NOW: Final = datetime(2024, 6, 1, tzinfo=UTC)


def name_of(folder: Path) -> str:
    return folder.relative_to(HERE).as_posix()


@cache
def sources_of(folder: Path) -> SourcesFile:
    sources, problems = load_sources(folder.parent / "sources.yaml")
    assert problems == []
    assert sources is not None
    return sources


def asked(text: str) -> Iterator[str]:
    """Yield what happens and what is expected in each example, as hashes of the characters."""
    for rule in entries(YAML(pure=True).compose(text), "rules"):
        for example in entries(rule, "examples"):
            parts = {key.value: value for key, value in example.value}
            start, end = parts["given"].start_mark.index, parts["expect"].end_mark.index
            yield sha256(text[start:end].rstrip().encode()).hexdigest()


def entries(node: Any, key: str) -> list[Any]:
    return next((value.value for name, value in node.value if name.value == key), [])


@pytest.mark.parametrize("folder", FOLDERS, ids=name_of)
def test_the_check_finds_no_mistake_and_nothing_to_warn_of(folder: Path) -> None:
    result = check_texts(read_texts([folder]).own, sources_of(folder), NOW)
    assert [problem.message for problem in (*result.mistakes, *result.warnings)] == []


@pytest.mark.parametrize("folder", FOLDERS, ids=name_of)
def test_every_rule_has_examples_and_all_come_out_as_expected(folder: Path) -> None:
    report = report_on([folder], known_names(sources_of(folder)))
    assert report.problems == ()
    assert [as_text(timeline_of(result)) for result in report.results if not result.passed] == []
    rules = {rule["id"] for rule in YAML(typ="safe").load(folder / "rules.yaml")["rules"]}
    for acts in (True, False):
        assert {result.owner for result in report.results if result.acts is acts} >= rules


def test_what_is_asked_stays_as_it_was_asked() -> None:
    kept = {name_of(folder): set(asked((folder / "rules.yaml").read_text())) for folder in FOLDERS}
    lines = [line.split() for line in ASKED.read_text().splitlines()]
    assert [(name, digest) for digest, name in lines if digest not in kept.get(name, set())] == []


def mistakes() -> Iterator[list[str]]:
    """Yield file, line, code and words of every mistake on the page."""
    for line in README.read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 4 and cells[1].isdigit():
            yield cells


def test_the_page_names_every_mistake_once() -> None:
    assert sorted(cells[0] for cells in mistakes()) == sorted(path.stem for path in (HERE / "mistakes").iterdir())


@pytest.mark.parametrize(("file", "line", "code", "says"), list(mistakes()), ids=[cells[0] for cells in mistakes()])
def test_what_is_written_by_mistake_gets_an_answer_that_helps(file: str, line: str, code: str, says: str) -> None:
    result = check_texts(
        read_texts([HERE / "mistakes" / f"{file}.yaml"]).own, sources_of(HERE / "practices" / file), NOW
    )
    found = [*result.mistakes, *(problem for problem in result.warnings if problem.code in WARNINGS)]
    (problem,) = found
    assert (problem.line, problem.code) == (int(line), code)
    assert says in f"{problem.message} {problem.hint}"


def test_the_page_names_every_need_once() -> None:
    cells = [line.split("|")[1].strip() for line in README.read_text().splitlines() if line.startswith("| `")]
    assert sorted(cell.strip("`") for cell in cells) == [name_of(folder) for folder in FOLDERS]


def recipes() -> Iterator[tuple[str, str, list[str]]]:
    """Yield question, file and blocks of every recipe."""
    for section in RECIPES.read_text().split("\n### ")[1:]:
        (file,) = re.findall(r"^\[[\w-]+\]\(\.\./(.+)\)$", section, re.MULTILINE)
        yield section.partition("\n")[0], file, re.findall(r"^```yaml\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize(("question", "file", "blocks"), list(recipes()), ids=[recipe[0] for recipe in recipes()])
def test_a_recipe_is_what_its_file_has(question: str, file: str, blocks: list[str]) -> None:
    text = (ROOT / file).read_text()
    assert blocks
    assert [block for block in blocks if block not in text and indent(block, " " * 4) not in text] == []
    heading = re.sub(r"[^\w\- ]", "", question.lower()).replace(" ", "-")
    assert f"[{question}](#{heading})" in RECIPES.read_text()
