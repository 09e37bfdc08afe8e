"""Laws of printing: no name is cut, at any width; nothing that is printed needs a certain locale."""

import ast
import io
import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from string import ascii_letters
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from tests.support.paths import ROOT
from workers import printing
from workers.printing import CommandConsole, given_text, json_line, print_table, table_of

SOURCE: Final = {
    path: ast.parse(path.read_text(encoding="utf-8")) for path in sorted((ROOT / "workers").rglob("*.py"))
}
ALREADY_LEGACY: Final = {"encoding": "ascii"}


def printed(rows: list[list[str]], width: int) -> str:
    """Return a table as a console of a width prints it; its heads have no letters."""
    console = Console(file=io.StringIO(), width=width, highlight=False, emoji=False)
    table = table_of(*map(str, range(len(rows[0]))))
    for row in rows:
        table.add_row(*row)
    print_table(console, table)
    written = console.file
    assert isinstance(written, io.StringIO)
    return written.getvalue()


@given(
    lengths=st.lists(st.lists(st.integers(1, 40), min_size=1, max_size=6), min_size=1, max_size=4),
    width=st.integers(1, 120),
)
def test_no_cell_loses_a_character_at_any_width(lengths: list[list[int]], width: int) -> None:
    columns = min(map(len, lengths))
    letters = iter(ascii_letters)
    rows = [[next(letters) * length for length in row[:columns]] for row in lengths]
    text = printed(rows, width)
    counted = Counter(character for character in text if character.isalpha())
    assert counted == Counter("".join(map("".join, rows)))
    assert "…" not in text


@pytest.mark.parametrize("width", [40, 80])
def test_a_name_stays_in_one_piece_where_there_is_room_for_it(width: int) -> None:
    name = "regular-buyer-gone-quiet-in-spring"
    assert name in printed([[name, "some words that may wrap anywhere", "12", "0", "2026-01-01T00:00:00Z"]], width)


def test_without_a_terminal_a_row_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    console = CommandConsole(file=io.StringIO())
    table = table_of("rule", "why")
    table.add_row("a" * 64, "b " * 300)
    print_table(console, table)
    written = console.file
    assert isinstance(written, io.StringIO)
    assert len([line for line in written.getvalue().splitlines() if "a" in line]) == 1


def test_columns_give_an_output_that_is_no_terminal_a_width(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    assert CommandConsole(file=io.StringIO()).width == 40


def called(tree: ast.AST, *names: str) -> list[ast.Call]:
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return [
        call
        for call in calls
        if (call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")) in names
    ]


def imports(tree: ast.AST, module: str) -> bool:
    return any(isinstance(node, ast.ImportFrom) and node.module == module for node in ast.walk(tree))


def test_every_table_of_a_command_is_made_where_no_cell_is_cut() -> None:
    elsewhere = {"printing.py", "screen.py"}  # a screen of the demo fits 80 columns, and is drawn again
    makers = {
        path.name for path, tree in SOURCE.items() if imports(tree, "rich.table") and called(tree, "Table", "grid")
    }
    assert makers == elsewhere
    printers = [
        (path.name, call.lineno)
        for path, tree in SOURCE.items()
        for call in called(tree, "print")
        if path.name not in elsewhere and any(isinstance(part, ast.Name) and part.id == "table" for part in call.args)
    ]
    assert printers == []


# --- encodings ----------------------------------------------------------------------------------------------------


def test_every_file_that_is_read_or_written_as_text_names_its_encoding() -> None:
    nameless = [
        f"{path.relative_to(ROOT)}:{call.lineno}"
        for path, tree in SOURCE.items()
        for call in called(tree, "open", "read_text", "write_text", "TextIOWrapper")
        if _is_text(call) and not any(keyword.arg in ("encoding", None) for keyword in call.keywords)
    ]
    assert nameless == []


def _is_text(call: ast.Call) -> bool:
    """Return whether a call opens a file as text; the functions and methods of Linger with these names do not."""
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    owner = ast.unparse(call.func.value) if isinstance(call.func, ast.Attribute) else ""
    texts = [part.value for part in call.args if isinstance(part, ast.Constant) and isinstance(part.value, str)]
    if name in ("read_text", "write_text"):
        return isinstance(call.func, ast.Attribute)
    if name == "TextIOWrapper":
        return True
    if owner in ("gzip", "webbrowser") or owner.split(".")[0] in ("self", "customer", "os", "request", "urllib"):
        return False
    return bool(texts and "b" not in texts[-1]) or (not call.args and "path" in owner)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_json_says_the_same_in_every_encoding(encoding: str) -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    document = {"id": "Zoë ✓ 😀", "café": ["\u0301"]}
    stream.write(json_line(document, stream))
    stream.flush()
    written = stream.buffer
    assert isinstance(written, io.BytesIO)
    assert json.loads(written.getvalue().decode(encoding)) == document


def test_text_has_replacements_where_the_encoding_lacks_a_character(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="latin-1")
    monkeypatch.setattr(sys, "stdout", stream)
    printing.accept_any_encoding()
    stream.write("✓ Zoë … 😀\n")
    stream.flush()
    written = stream.buffer
    assert isinstance(written, io.BytesIO)
    assert written.getvalue().decode("latin-1") == "+ Zoë ... ?\n"


def test_an_argument_in_a_locale_without_its_characters_is_read_as_utf_8() -> None:
    assert given_text("Zoë") == "Zoë"
    assert given_text("Zo\udcc3\udcab") == "Zoë"
    with pytest.raises(ValueError, match="codec"):
        given_text("Zo\udceb")


LOCALES: Final = {
    "C": {"LC_ALL": "C"},
    "POSIX": {"LC_ALL": "POSIX"},
    "Latin-1": {"LC_ALL": "C", "PYTHONIOENCODING": "latin-1"},
}
RULES: Final = """\
rules:
  - id: cafe-fan
    title: bought at the café ✓
    status: live
    when: {count: purchase, where: {category: Café}, at least: 1, within: 10 days}
    action: at-risk
    template: sorry
    expires after: 3 days
    examples:
      - name: café 😀
        given: [{at: start, event: purchase, with: {category: Café}}]
        expect: [{at: start, action: at-risk}]
      - name: another place
        given: [{at: start, event: purchase, with: {category: Bar}}]
        expect: nothing
"""


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("command", ["test -v", "explain"])
def test_a_command_runs_in_every_locale_and_reads_files_as_utf_8(tmp_path: Path, locale: str, command: str) -> None:
    file = tmp_path / "café.yaml"
    file.write_text(RULES, encoding="utf-8")
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("LC_", "LANG", "PYTHON"))}
    word, *flags = command.split()
    ended = subprocess.run(
        [sys.executable, "-m", "workers", "rules", word, *flags, file],
        cwd=ROOT,
        env={**environment, **LOCALES[locale], "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        capture_output=True,
        check=False,
    )
    assert (ended.returncode, b"Traceback" in ended.stderr) == (0, False), ended.stderr
    assert ("café" if locale == "Latin-1" else "café".replace("é", "?")) in ended.stdout.decode("latin-1").lower()
