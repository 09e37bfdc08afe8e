"""LINGER_ variables as text: which are settings, which an orchestrator has set, and values that files hold.

It imports the standard library alone: `linger healthcheck` runs every few seconds, and must not load the models.
"""

import difflib
import ipaddress
import re
import stat
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

PREFIX: Final = "LINGER_"
LONGEST_VALUE: Final = 65_536
"""Characters of a value, and bytes of a file that holds one."""
LAST_PORT: Final = 65_535
_IN_FILE: Final = "_FILE"
_PROTOCOL: Final = "(?i:TCP|UDP|SCTP)"
_URL: Final = re.compile(rf"{_PROTOCOL}://\S+:[0-9]+")
_NUMBER: Final = re.compile(r"[0-9]+")
_LINK: Final = re.compile(r"/[\w.-]+/[\w.-]+")
_OF_SERVICE: Final = (
    (re.compile(rf"(?:.+_)?PORT(?:_[0-9]+_{_PROTOCOL})?"), _URL),
    (re.compile(rf"(?:.+_)?PORT_[0-9]+_{_PROTOCOL}_PROTO"), re.compile(_PROTOCOL)),
    (re.compile(rf"(?:.+_)?PORT_[0-9]+_{_PROTOCOL}_PORT"), _NUMBER),
    (re.compile(r"(?:.+_)?SERVICE_PORT(?:_.+)?"), _NUMBER),
    (re.compile(r"(?:.+_)?NAME"), _LINK),
)
"""Names of the variables that are set for a service, with the form of their values."""
_ADDRESS_VARIABLE: Final = re.compile(rf"(?:.+_)?(?:SERVICE_HOST|PORT_[0-9]+_{_PROTOCOL}_ADDR)")
_SHOWN_AT_MOST: Final = 60
_IS_PATH: Final = ("/", "./", "../", "~")

Kind = Literal["plain", "secret", "path"]
"""How a setting is read: a secret is never shown, and only a path may be of bytes that are no UTF-8."""


@dataclass(frozen=True, slots=True)
class Given:
    """What the environment says of some settings.

    Attributes:
        texts: the text of every setting that is set and can be read, by its field.
        problems: of those that cannot be read, a line for each field.
    """

    texts: Mapping[str, str]
    problems: Mapping[str, str]


def read_variables(environment: Mapping[str, str], fields: Mapping[str, Kind]) -> Given:
    """Read some settings from `LINGER_<FIELD>`, or from the file that `LINGER_<FIELD>_FILE` names.

    An empty variable is one that is not set, and so is one that an orchestrator has set for a service.
    """
    texts: dict[str, str] = {}
    problems: dict[str, str] = {}
    for field, kind in fields.items():
        variable = PREFIX + field.upper()
        text, path = _own(environment, variable), _own(environment, variable + _IN_FILE)
        if text and path:
            problems[field] = f"{variable}{_IN_FILE} and {variable} are both set; keep one"
        elif path:
            try:
                texts[field] = _content(Path(path))
            except (OSError, ValueError) as error:
                named = "the file that it names" if kind == "secret" else f"'{shown(path)}'"
                problems[field] = f"{variable}{_IN_FILE}: cannot read {named}: {reason_of(error)}"
        elif text and kind != "path" and not _is_utf8(text):
            problems[field] = f"{variable} is not UTF-8"
        elif text and len(text) > LONGEST_VALUE:
            problems[field] = f"{variable} is longer than {LONGEST_VALUE} characters"
        elif text:
            texts[field] = text
    return Given(texts, problems)


def unknown_variables(environment: Mapping[str, str], fields: Collection[str]) -> list[str]:
    """Return a problem for each `LINGER_` variable that is no setting, with what was probably meant."""
    problems = []
    for variable in sorted(name for name in environment if name.startswith(PREFIX)):
        field = variable.removeprefix(PREFIX).lower()
        if field in fields or field.removesuffix(_IN_FILE.lower()) in fields or not _own(environment, variable):
            continue
        near = difflib.get_close_matches(field, fields, 1)
        hint = f"; did you mean {PREFIX}{near[0].upper()}?" if near else "; see `linger config show`"
        named = variable if variable.isprintable() else ascii(variable)
        problems.append(f"{named} is no setting of Linger{hint}")
    return problems


def shown(text: str) -> str:
    """Return the text of a value for a message, in which nothing may be a secret that was put into the wrong place.

    A value may hold a password if there is an `@` or a line break in it, or if it is long and no path.
    """
    is_short = len(text) < _SHOWN_AT_MOST or (text.startswith(_IS_PATH) and len(text) < 2 * _SHOWN_AT_MOST)
    if is_short and text.isprintable() and "@" not in text and "-----" not in text:
        return text
    return f"<{len(text)} characters, not shown>"


def port_number(text: object) -> int:
    """Return a port, 0 to 65535, from digits.

    Raises:
        ValueError: it is none.
    """
    digits = str(text).strip()
    if not (digits.isascii() and digits.isdecimal() and len(digits) <= 5 and int(digits) <= LAST_PORT):
        raise ValueError(f"is no port; write a number from 0 to {LAST_PORT}")
    return int(digits)


def reason_of(error: OSError | ValueError) -> str:
    """Return why a file could not be read, without its name and content."""
    if isinstance(error, UnicodeDecodeError):
        return "not a text file"
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    return str(error)


def require_regular_file(path: Path) -> None:
    """Refuse a file that has no end or never answers, such as a pipe.

    Raises:
        OSError: there is nothing at this path, or it may not be looked at.
        ValueError: it is no file, or the path can be none.
    """
    mode = path.stat().st_mode
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(21, "Is a directory")
    if not stat.S_ISREG(mode):
        raise ValueError("not a regular file")


def _content(path: Path) -> str:
    require_regular_file(path)
    with path.open("rb") as file:
        content = file.read(LONGEST_VALUE + 1)
    if len(content) > LONGEST_VALUE:
        raise ValueError(f"it is larger than {LONGEST_VALUE} bytes")
    text = content.decode("utf-8-sig").strip()
    if not text:
        raise ValueError("it is empty")
    return text


def _own(environment: Mapping[str, str], variable: str) -> str:
    """Return the text of a variable, empty if it is not set or was set for a service."""
    text = environment.get(variable, "")
    return "" if is_of_service(environment, variable.removeprefix(PREFIX), text) else text


def is_of_service(environment: Mapping[str, str], name: str, text: str) -> bool:
    """Return whether an orchestrator has set a variable for a service or container called `linger…`.

    Kubernetes sets LINGER_SERVICE_HOST, LINGER_PORT and more for a Service `linger`, and LINGER_HTTP_PORT for one
    that is called `linger-http`. `docker --link` sets LINGER_PORT, LINGER_NAME and LINGER_ENV_….

    Args:
        environment: all variables.
        name: of this one, without the prefix.
        text: its value.
    """
    if any(names.fullmatch(name) and values.fullmatch(text) for names, values in _OF_SERVICE):
        return True
    if _ADDRESS_VARIABLE.fullmatch(name):
        return is_address(text)
    # What `docker --link` copies of the other container.
    link, is_copied, _ = name.partition("ENV_")
    return bool(is_copied) and _LINK.fullmatch(environment.get(f"{PREFIX}{link}NAME", "")) is not None


def is_address(text: str) -> bool:
    """Return whether this is an IP address, without brackets."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _is_utf8(text: str) -> bool:
    """Return whether a variable held UTF-8; Python keeps other bytes in a form that nothing can encode."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
