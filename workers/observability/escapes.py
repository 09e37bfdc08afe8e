r"""Escapes what would steer a terminal or end a line: ids, values and names of files come from elsewhere.

Control characters (escape sequences of ANSI begin with one), other ends of lines, and marks that turn the direction
of a text are written as Python does: `\x1b`, `\n`, `\u202e`. All other characters are left, those of every script.
"""

import re
from typing import Any, Final

_STEERING: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufff9-\ufffb]"
)


def escaped(text: str, keep: str = "") -> str:
    """Return a text in which nothing steers a terminal.

    Args:
        text: of any origin.
        keep: characters that are left as they are, such as the line breaks of a text of several lines.
    """
    if text.isascii() and text.isprintable():
        return text
    return _STEERING.sub(lambda found: found[0] if found[0] in keep else _escape(found[0]), text)


def escaped_values(value: Any) -> Any:
    """Return a value with all its texts escaped: of lists and mappings, too."""
    if isinstance(value, str):
        return escaped(value)
    if isinstance(value, dict):
        return {escaped_values(name): escaped_values(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [escaped_values(part) for part in value]
    return value


def escaped_json(line: str) -> str:
    """Return JSON with the same meaning in which nothing steers a terminal; line breaks around values are kept."""
    return _STEERING.sub(lambda found: found[0] if found[0] in "\n\t" else f"\\u{ord(found[0]):04x}", line)


def _escape(character: str) -> str:
    return repr(character)[1:-1]
