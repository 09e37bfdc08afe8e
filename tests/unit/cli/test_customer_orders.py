"""Laws of the arguments of `linger customer erase`, `suppress`, `resume`, `marks`: wrong ones ask no server."""

import io
import sys
from pathlib import Path

import pytest

from tests.unit.cli.program import Linger


@pytest.mark.parametrize("command", ["erase", "suppress", "resume"])
def test_without_a_reason_nothing_is_ordered(linger: Linger, command: str) -> None:
    answer = linger("customer", command, "ada", "--dry-run")
    assert (answer.status, answer.out) == (2, "")
    assert answer.err.startswith("error: say why; it is kept with the order: --reason")


@pytest.mark.parametrize("words", [[], ["ada", "--file", "ids"]])
def test_one_id_or_a_file_is_needed_and_not_both(linger: Linger, words: list[str]) -> None:
    answer = linger("customer", "suppress", *words, "--reason", "asked")
    assert (answer.status, answer.err) == (2, "error: give one customer's id, or a file of them: --file FILE\n")


def test_an_erasure_that_no_one_can_be_asked_about_needs_yes(linger: Linger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"")))
    answer = linger("customer", "erase", "ada", "--reason", "asked")
    assert (answer.status, answer.out) == (2, "")
    assert answer.err.startswith("error: erasing cannot be undone: confirm it with --yes")


@pytest.mark.parametrize("command", [["suppress", "--reason", "asked"], ["marks"]])
def test_a_file_that_is_not_there_is_named(linger: Linger, tmp_path: Path, command: list[str]) -> None:
    missing = str(tmp_path / "no-file")
    answer = linger("customer", *command, "--file", missing)
    assert (answer.status, answer.err) == (2, f"error: {missing}: No such file or directory\n")


@pytest.mark.parametrize("command", [["suppress", "--reason", "asked"], ["marks"]])
def test_a_wrong_line_of_standard_input_is_named(
    linger: Linger, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"ada\n\nbob\n")))
    answer = linger("customer", *command, "--file", "-")
    assert (answer.status, answer.err) == (2, "error: standard input, line 2: the id is empty\n")
