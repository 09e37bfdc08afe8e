"""Problems: something to fix in a file, its position, and its forms for people and machines.

This module must never open a file or know its purpose.
"""

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

Severity = Literal["error", "warning"]

_SHOWN_COLUMNS: Final = 120


@dataclass(frozen=True, slots=True)
class Replacement:
    """What a hint says to write in place of what.

    Attributes:
        line: the line of what is replaced, counted from 1.
        column: its column.
        old: what is replaced, without its quotes; "" for a list or mapping in brackets.
        new: what takes its place, as YAML.
        below: keys with values that are added to the same mapping, each in a line of its own.
    """

    line: int
    column: int
    old: str
    new: str
    below: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Problem:
    """Something to fix in a file.

    Attributes:
        file: the name of the file, as it was given.
        line: counted from 1, as editors count.
        column: counted from 1, in characters.
        code: the stable name of the kind of mistake, such as `unknown-key`.
        message: what was found, as a sentence.
        hint: what was probably meant, or what to do.
        severity: an error keeps every rule from becoming active; a warning does not.
        replacement: the hint as a change of the file; None if it cannot be followed without a decision.
        otherwise: the hint to give if the replacement leads to another mistake.
    """

    file: str
    line: int
    column: int
    code: str
    message: str
    hint: str | None = None
    severity: Severity = "error"
    replacement: Replacement | None = field(default=None, compare=False)
    otherwise: str | None = field(default=None, compare=False)

    def __str__(self) -> str:
        hint = f" ({self.hint})" if self.hint else ""
        return printable(f"{self.file}:{self.line}:{self.column}: {self.message}{hint}")


@dataclass(frozen=True, slots=True)
class Explanation:
    """The meaning of a code.

    Attributes:
        title: the problem in a few words.
        text: why it is a mistake or a warning, and how to fix it.
        wrong: lines of a rule, or a whole file (beginning with `rules:`, `define:` …), that give the code; "" if the
            content of one file cannot cause it.
        right: the same lines, corrected.
        is_warning: the rules work anyway.
    """

    title: str
    text: str
    wrong: str = ""
    right: str = ""
    is_warning: bool = False


def in_order(problems: Iterable[Problem]) -> list[Problem]:
    """Return the problems by file, line and column, each once."""
    return sorted(dict.fromkeys(problems), key=lambda problem: (problem.file, problem.line, problem.column))


def add_elsewhere(problems: Iterable[Problem], more: Iterable[Problem]) -> list[Problem]:
    """Return the problems, and those of `more` at positions that have none yet: one mistake is one problem."""
    reported = list(problems)
    positions = {(problem.file, problem.line, problem.column) for problem in reported}
    return reported + [problem for problem in more if (problem.file, problem.line, problem.column) not in positions]


def printable(text: str) -> str:
    """Replace each control or hidden character by `·`, and each tab by a space."""
    return "".join(character if character.isprintable() else " " if character == "\t" else "·" for character in text)


def shortened(text: str, limit: int = 140) -> str:
    """Return the beginning of a text, at most `limit` characters; it ends with `…` if something is left out.

    No name is as long as the usual limit: an id has 64 characters, an attribute with its event type 129.
    """
    return text if len(text) <= limit else text[: limit - 1] + "…"


# --- as text ----------------------------------------------------------------------------------------------------


def render_problems(problems: Iterable[Problem], texts: Mapping[str, str]) -> str:
    """Write problems as plain text, each with its line and a caret under the column.

    Args:
        problems: in the order to show.
        texts: the texts of the files, by the names in the problems. Without a text, the line is left out.
    """
    lines = {file: _lines(text) for file, text in texts.items()}
    return "\n".join(_rendered(problem, lines.get(problem.file, [])) for problem in problems)


def _lines(text: str) -> list[str]:
    # Not splitlines(): it also splits at form feeds and other separators, which editors do not count as lines.
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def _rendered(problem: Problem, lines: list[str]) -> str:
    warning = "warning: " if problem.severity == "warning" else ""
    head = f"{problem.file}:{problem.line}:{problem.column}: {warning}{problem.message} [{problem.code}]"
    if problem.line > len(lines):
        return printable(head) + "\n" + (f"      | {printable(problem.hint)}\n" if problem.hint else "")
    line = lines[problem.line - 1]
    # A long line is cut a little before the column, so that the caret stays on the screen.
    skipped = max(0, problem.column - 1 - _SHOWN_COLUMNS // 2) if len(line) > _SHOWN_COLUMNS else 0
    shown = printable(line[skipped : skipped + _SHOWN_COLUMNS])
    caret = " " * sum(map(_width, shown[: problem.column - 1 - skipped])) + "^"
    under = f"{caret} {problem.hint}" if problem.hint else caret
    return f"{printable(head)}\n{problem.line:5} | {shown}\n      | {printable(under)}\n"


def _width(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


# --- for machines -----------------------------------------------------------------------------------------------


def as_document(problem: Problem) -> dict[str, Any]:
    """Return a problem as plain values, for JSON."""
    return {
        "file": problem.file,
        "line": problem.line,
        "column": problem.column,
        "severity": problem.severity,
        "code": problem.code,
        "message": problem.message,
        "hint": problem.hint,
        "replacement": None if problem.replacement is None else _as_values(problem.replacement),
    }


def _as_values(replacement: Replacement) -> dict[str, Any]:
    return {
        "line": replacement.line,
        "column": replacement.column,
        "old": replacement.old,
        "new": replacement.new,
        "below": [{key: value} for key, value in replacement.below],
    }


def github_commands(problems: Iterable[Problem]) -> str:
    """Write problems as workflow commands of GitHub Actions, which shows them beside the changed lines."""
    return "".join(f"{_github_command(problem)}\n" for problem in problems)


def _github_command(problem: Problem) -> str:
    properties = {
        "file": problem.file,
        "line": problem.line,
        "col": problem.column,
        "title": f"linger: {problem.code}",
    }
    written = ",".join(f"{name}={_escaped_property(printable(str(value)))}" for name, value in properties.items())
    text = "\n".join(printable(part) for part in (problem.message, problem.hint) if part)
    return f"::{problem.severity} {written}::{_escaped(text)}"


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _escaped_property(text: str) -> str:
    return _escaped(text).replace(":", "%3A").replace(",", "%2C")
