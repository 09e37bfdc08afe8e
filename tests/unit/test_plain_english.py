"""Pages, docstrings and comments use plain present-day English: phrases that `codespell` cannot see, one by one."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.support.paths import ROOT

PHRASES: Final = (
    "so many",
    "so long",
    "of whom",
    "by whom",
    "of which",
    "what becomes of",
    "what became of",
    "for ever",
    "made anew",  # codespell:ignore anew
    "of one's own",
)
# Where the phrase is the plain one: "<page>: <the words around it>".
EXCEPTIONS: Final[frozenset[str]] = frozenset()
CODE: Final = ("schemas", "workers", "tests", "benchmarks", "examples")
PAGES: Final = [
    *sorted(ROOT.glob("*.md")),
    *sorted(path for folder in ("docs", "rules", "tests", "benchmarks") for path in (ROOT / folder).rglob("*.md")),
]
MODULES: Final = sorted(path for folder in CODE for path in (ROOT / folder).rglob("*.py"))


def prose(path: Path) -> Iterator[str]:
    """The text of a page, or the docstrings and comments of a module, line breaks taken for spaces."""
    text = path.read_text()
    if path.suffix == ".md":
        yield text
        return
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield node.value.value
    lines = [
        token.string[1:]
        for token in tokenize.generate_tokens(io.StringIO(text).readline)
        if token.type == tokenize.COMMENT
    ]
    yield " ".join(lines)


def phrases(text: str) -> Iterator[str]:
    """Every phrase of the list, with the words around it."""
    plain = re.sub(r"\s+", " ", text)
    for phrase in PHRASES:
        for match in re.finditer(rf"\b{phrase}\b", plain, re.IGNORECASE):
            yield plain[max(0, match.start() - 20) : match.end() + 20].strip()


def phrases_in(path: Path) -> list[str]:
    """The same for a file, each with the name of the file."""
    name = path.relative_to(ROOT).as_posix()
    return [f"{name}: {words}" for text in prose(path) for words in phrases(text)]


@pytest.mark.parametrize("path", [*PAGES, *MODULES], ids=lambda path: path.relative_to(ROOT).as_posix())
def test_prose_uses_plain_phrases(path: Path) -> None:
    if path != Path(__file__):
        assert set(phrases_in(path)) <= EXCEPTIONS


def test_a_phrase_is_seen_over_the_end_of_a_line() -> None:
    assert list(phrases("the topics of\nwhich it reads")) == ["the topics of which it reads"]


def test_every_exception_is_still_needed() -> None:
    needed = {line for path in [*PAGES, *MODULES] for line in phrases_in(path)}
    assert needed >= EXCEPTIONS
