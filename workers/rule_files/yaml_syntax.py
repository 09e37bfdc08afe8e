"""Syntax errors of YAML in plain words, with the probable slip.

The parser describes its errors only as text, so the texts of ruamel.yaml are matched here and nowhere else. This
module must never know the purpose of a file.
"""

import json
import re
from typing import Any, Final, NamedTuple

from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.reader import ReaderError

from workers.rule_files.positions import ODD_SPACES, QUOTES, Lines, Position
from workers.rule_files.problems import Explanation, Problem, Replacement, shortened
from workers.rule_files.suggestions import MAPPING_KEYS, TEXT_KEYS, key_at_the_beginning

_UNSPACED: Final = re.compile(r"^\s*(?:- )?[A-Za-z_][A-Za-z_ ]*:[^\s:/]")
_BULLET: Final = re.compile(r"^( *)([–—−•·‣▪]|-(?=[A-Za-z]))")  # noqa: RUF001 (these are the characters to find)


class _Slip(NamedTuple):
    """A syntax error, recognized by the text of the parser.

    Attributes:
        pattern: what the parser's text matches.
        at_beginning: the position is where the enclosing construct begins.
        message: the problem in plain words.
        hint: what to do.
        lacks_colon: the line probably lacks a ':'.
    """

    pattern: str
    at_beginning: bool
    message: str
    hint: str | None
    lacks_colon: bool = False


# The first that matches counts.
_SLIPS: Final = (
    _Slip(r"found character '\\t'", False, "a tab is not possible here", "write spaces"),
    _Slip("that cannot start any token", False, "a text cannot begin with this character", "put the text in quotes"),
    _Slip(
        "end of stream|document separator", True, "this quotation mark is never closed", "close it in the same line"
    ),
    _Slip("expected ',' or '[\\]}]'", True, "this bracket is never closed", "is a ',' or a closing bracket missing?"),
    _Slip(
        "sequence entries are not allowed",
        False,
        "a list cannot begin here",
        "begin it in a line of its own, indented",
    ),
    _Slip(
        "mapping values are not allowed",
        False,
        "a ':' is not possible here",
        "check the indentation of this line and the one above; a text with ': ' in it needs quotes",
        lacks_colon=True,
    ),
    _Slip("could not find expected ':'", True, "this line has no ':'", "write 'key: value'", lacks_colon=True),
    _Slip(
        "expected <block end>",
        False,
        "this does not fit the lines above",
        "indent it like its neighbours",
    ),
    _Slip(
        "unknown escape|escape sequence|chr\\(\\)|surrogates", False, "'\\' has a special meaning in \"…\"", "use '…'"
    ),
    _Slip("while scanning an? (alias|anchor)", True, "a text cannot begin with '*' or '&'", "put the text in quotes"),
    _Slip("expected the node content", False, "a value is missing here", None),
)


def syntax_problem(file: str, lines: Lines, error: Exception, latest: Position) -> Problem:
    """Return the problem that keeps a file from being read.

    Args:
        file: its name.
        lines: its text.
        error: what the parser raised.
        latest: the last position that it reached.
    """
    if isinstance(error, ReaderError):
        at = lines.position(error.position)
        message = f"the invisible character U+{_code_point(error.character):04X} is not possible in a file"
        return Problem(file, *at, "syntax", message, "delete it and type the text again")
    began = here = latest
    if isinstance(error, MarkedYAMLError) and error.problem_mark:
        began = here = lines.position(error.problem_mark.index)
    if isinstance(error, MarkedYAMLError) and error.context_mark:
        began = lines.position(error.context_mark.index)
    if (indentation := _odd_indentation(file, lines, here.line)) is not None:
        return indentation
    if (slip := _slip_in_line(file, lines, error, here)) is not None:
        return slip
    parser_text = f"{getattr(error, 'context', None) or ''}: {getattr(error, 'problem', None) or error}"
    for candidate in _SLIPS:
        if re.search(candidate.pattern, parser_text):
            at = began if candidate.at_beginning else here
            line = lines.line(at.line)
            corrected = key_at_the_beginning(line[:200]) if candidate.lacks_colon else None
            odd = _odd_line_hint(line)
            if odd is None and corrected is not None:
                return _without_colon(file, at, line, corrected, candidate)
            return Problem(file, *at, "syntax", candidate.message, odd or candidate.hint)
    message = f"this is not YAML: {parser_text.strip(': ')}"
    return Problem(file, *here, "syntax", message, _odd_line_hint(lines.line(here.line)))


def _without_colon(file: str, at: Position, line: str, corrected: str, slip: _Slip) -> Problem:
    """Return the problem of a line that lacks its ':', with the line that has one."""
    old = line.strip().removeprefix("- ").strip()
    replacement = Replacement(at.line, line.index(old) + 1, old, corrected)
    hint = f"write '{shortened(corrected)}'"
    return Problem(file, *at, "syntax", slip.message, hint, replacement=replacement, otherwise=slip.hint)


def _slip_in_line(file: str, lines: Lines, error: Exception, here: Position) -> Problem | None:
    """Return the problem of a line if the parser uses the same words for several mistakes."""
    for line in (here.line, here.line - 1):
        if line and (bullet := _BULLET.match(lines.line(line))) is not None:
            message = f"'{bullet[2]}' does not begin a list entry"
            hint = "a list entry begins with '- ': a hyphen and a space"
            return Problem(file, line, len(bullet[1]) + 1, "syntax", message, hint)
    parser_text, before = str(getattr(error, "problem", None)), lines.line(here.line)[: here.column - 1]
    if "expected <block end>" in parser_text and before.rstrip().endswith(("'", '"')):
        message = "the text ends with the closing quotation mark, but something follows"
        hint = "put the whole text in quotes of the other kind, or none of it"
        return Problem(file, *here, "syntax", message, hint)
    if "expected ',' or" in parser_text and (text := _text_with_bracket(lines.line(here.line), here.column)):
        message = "inside { } and [ ], a text with a bracket needs quotes"
        at = here._replace(column=here.column - len(text.partition("[")[0]))
        return Problem(file, *at, "syntax", message, f'write "{shortened(text)}"')
    if "mapping values are not allowed" not in parser_text or _odd_line_hint(lines.line(here.line)):
        return None
    above = next((lines.line(line) for line in range(here.line - 1, 0, -1) if _has_content(lines.line(line))), "")
    indentation = len(before) - len(before.lstrip())
    if ":" not in before and indentation > len(above) - len(above.lstrip(" -")) and not above.rstrip().endswith(":"):
        message = "this line is indented further than the one above, which has its value already"
        hint = "indent both alike, or look for a ':' that is missing above"
        return Problem(file, here.line, indentation + 1, "syntax", message, hint)
    if ":" in before:
        message = "a second ':' in one line"
        hint = "a text with ': ' in it needs quotes; a value of several keys begins in the next line"
        replacement = _value_with_colon(here, lines.line(here.line))
        if replacement is None:
            return Problem(file, *here, "syntax", message, hint)
        is_text = replacement.new.startswith('"')
        meant = f"write {shortened(replacement.new)}" + (", with quotes" if is_text else "")
        return Problem(file, *here, "syntax", message, meant, replacement=replacement, otherwise=hint)
    return None


def _value_with_colon(here: Position, line: str) -> Replacement | None:
    """Return how to write the value of a key if a ':' is in it: in braces or in quotes; None if that is open."""
    match = re.match(r"\s*(?:- )?([A-Za-z][A-Za-z ]*): +([^\s\"'{\[].*?)\s*(?: #.*)?$", line)
    if match is None or match[1] not in MAPPING_KEYS | TEXT_KEYS:
        return None
    new = f"{{{match[2]}}}" if match[1] in MAPPING_KEYS else json.dumps(match[2], ensure_ascii=False)
    return Replacement(here.line, match.start(2) + 1, match[2], new)


def _text_with_bracket(line: str, column: int) -> str | None:
    """Return a text such as `lines[0].sku` with its bracket in a column; None if the bracket begins something new."""
    before, after = re.search(r"[^\s,{}\[\]:'\"]+$", line[: column - 1]), line[column - 1 :]
    return f"{before[0]}{re.split(r'[,}]|: ', after)[0].rstrip()}" if before and after[:1] == "[" else None


def _has_content(line: str) -> bool:
    return bool(line.strip()) and not line.lstrip().startswith("#")


def _code_point(character: Any) -> int:
    return ord(character) if isinstance(character, str) else int(character)


def _odd_indentation(file: str, lines: Lines, last: int) -> Problem | None:
    """Report a tab or a non-breaking space in front of a line; the parser fails there or one line later."""
    for number in range(max(1, last - 1), last + 1):
        line = lines.line(number)
        for column, character in enumerate(line[: len(line) - len(line.lstrip())], start=1):
            if character != " ":
                what = "a tab" if character == "\t" else "a non-breaking space"
                message = f"{what} is not possible in front of a line"
                return Problem(file, number, column, "syntax", message, "indent with spaces")
    return None


def _odd_line_hint(line: str) -> str | None:
    """Return the hint for a line with a character that people overlook."""
    if line.lstrip().startswith("//"):
        return "a comment begins with '#'"
    if line.startswith("```"):
        return "delete the lines with ```"
    if _UNSPACED.match(line):
        return "write a space after the ':'"
    for column, character in enumerate(line, start=1):
        if character in ODD_SPACES:
            return f"column {column} has a non-breaking space: type an ordinary one"
        if character in QUOTES:
            return f"column {column} has the typographic quotation mark {character}: type \" or '"
    return None


# --- codes ------------------------------------------------------------------------------------------------------

EXPLANATIONS: Final[dict[str, Explanation]] = {
    "syntax": Explanation(
        "The file is not YAML",
        "The file cannot be read from this place on. Common causes are indentation, a missing space after a colon, "
        "or a quotation mark or bracket that is never closed. The mistake may be one line above. Indent with "
        "spaces, two for each level. If a text contains `: `, ` #` or quotation marks, put the whole text in "
        "quotes.",
        "template: we-miss-you\nexpires after: 14 days: sharp\n",
        "template: we-miss-you\nexpires after: 14 days\n",
    ),
}
