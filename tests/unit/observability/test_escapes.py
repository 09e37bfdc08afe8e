"""Laws of escapes: no text steers a terminal, none is lost, and the letters of every script are left."""

import io
import json
import logging
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.text import Text

from workers.cli import output
from workers.observability import logs
from workers.observability.escapes import escaped, escaped_json
from workers.printing import CommandConsole, json_line, one_line, print_table, table_of

HOSTILE = "a\x1b[2J\x07\r\n\x85\u2028\u202eb\x7f\u2066"


def steers(text: str, keep: str = "") -> bool:
    return any(
        not character.isprintable() and character not in keep and not is_letter(character) for character in text
    )


def is_letter(character: str) -> bool:
    """What is not printable to Python, and steers nothing: joiners, odd spaces, letters of later Unicode."""
    return character not in HOSTILE and ord(character) > 0x9F and not 0xD800 <= ord(character) <= 0xDFFF


@pytest.mark.parametrize("text", ["Zoë ✓ 😀", "👩\u200d👧", "\u0645\u06cc\u200c\u062e", "12\u00a0€", "\\x1b", "شركة"])
def test_letters_of_every_script_are_left(text: str) -> None:
    assert escaped(text) == text


@given(st.text())
def test_no_text_steers_a_terminal_and_json_keeps_its_meaning(text: str) -> None:
    assert not steers(one_line(text))
    line = json_line({"id": text}, io.TextIOWrapper(io.BytesIO(), encoding="utf-8"))
    assert not steers(line, keep="\n")
    assert json.loads(line) == {"id": text}


def test_what_is_escaped_can_be_read() -> None:
    assert one_line(HOSTILE) == "a\\x1b[2J\\x07\\r\\n\\x85\\u2028\\u202eb\\x7f\\u2066"
    assert escaped("a\nb\x1b", keep="\n") == "a\nb\\x1b"
    assert escaped_json('{\n "a": "\x7f"}') == '{\n "a": "\\u007f"}'


@pytest.mark.parametrize("width", [20, 200])
@pytest.mark.parametrize("cell", [HOSTILE, Text(HOSTILE), Text(HOSTILE, style="bold")])
def test_a_cell_stays_in_its_row_and_steers_nothing(cell: Any, width: int) -> None:
    console = CommandConsole(file=io.StringIO(), width=width)
    table = table_of("id", "why")
    table.add_row(cell, "x")
    print_table(console, table)
    written = console.file
    assert isinstance(written, io.StringIO)
    assert not steers(written.getvalue(), keep="\n")
    assert "\\x1b[2J" in written.getvalue().replace("\n", "").replace("│", "").replace(" ", "").replace("┃", "")


@pytest.mark.parametrize("markup", [True, False])
def test_nothing_that_a_console_prints_steers_but_its_own_styles(markup: bool) -> None:
    console = CommandConsole(file=io.StringIO(), force_terminal=True, width=80)
    console.print(f"a {HOSTILE}", markup=markup)
    console.print(Text(HOSTILE, style="bold"))
    written = console.file
    assert isinstance(written, io.StringIO)
    without_styles = written.getvalue().replace("\x1b[1m", "").replace("\x1b[0m", "")
    assert not steers(without_styles, keep="\n")


def test_a_problem_and_a_warning_are_one_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    output.complain(f"no rule '{HOSTILE}'")
    output.warn(f"no rule '{HOSTILE}'")
    lines = capsys.readouterr().err.splitlines(keepends=True)
    assert [line.split(":")[0] for line in lines] == ["error", "warning"]
    assert not any(steers(line, keep="\n") for line in lines)


@pytest.mark.usefixtures("logging_as_it_was")
def test_a_log_for_people_escapes_what_foreign_texts_hold(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure_logging("info", "text")
    logger = logging.getLogger("somewhere.else")
    logger.error(HOSTILE)
    try:
        raise ValueError(HOSTILE)
    except ValueError:
        logger.exception("it failed: %s", [HOSTILE])
    written = capsys.readouterr().err
    assert not steers(written, keep="\n")
    assert written.count("\\x1b[2J") == 3
