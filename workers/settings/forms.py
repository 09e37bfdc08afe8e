"""Forms of text that a setting can have: hosts, servers, URLs, paths. No message holds a part of a secret."""

import re
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from redis.asyncio.connection import Connection, parse_url
from redis.exceptions import RedisError

from workers.variables import is_address, port_number, shown

LONGEST_PATH: Final = 4_096
_LONGEST_FILE_NAME: Final = 255
_LABEL: Final = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_NAME: Final = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\.?")
_LONGEST_NAME: Final = 253
_BAD_PERCENT: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")
_ENCODED: Final = (
    "in a password, write @ : / ? # [ ] % and blanks as %40 %3A %2F %3F %23 %5B %5D %25 %20, "
    "or set it apart from the URL"
)


def is_host(text: str) -> bool:
    """Return whether this is an IP address, without brackets, or can be the name of a machine."""
    # A name that ends with a number would be read as an IPv4 address.
    is_number = text.rstrip(".").rpartition(".")[2].isdecimal()
    is_name = len(text) <= _LONGEST_NAME and _NAME.fullmatch(text) is not None and not is_number
    return is_name or is_address(text)


def host(text: str) -> str:
    """Return a host as it can be listened at or asked, an IPv6 address without brackets.

    Raises:
        ValueError: it is none.
    """
    bare = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    if bare == "*":
        raise ValueError("is no host; write 0.0.0.0 to listen at every address")
    if not is_host(bare):
        raise ValueError("is no host; write an IP address or a name, without http:// and without a port")
    return bare


def hosts(text: str) -> str:
    """Return hosts, separated by commas, without blanks and in small letters.

    Raises:
        ValueError: one is none.
    """
    return ",".join(host(part.strip()).lower() for part in text.split(","))


def servers(text: str) -> str:
    """Return `host:port` pairs, separated by commas, without blanks.

    Raises:
        ValueError: one is none.
    """
    stripped = [server.strip() for server in text.split(",")]
    for server in stripped:
        name, colon, port = server.rpartition(":")
        in_brackets = name.startswith("[") and name.endswith("]")
        bare = name[1:-1] if in_brackets else name
        if not (colon and is_host(bare) and (":" in bare) == in_brackets and _is_port(port)):
            raise ValueError(f"'{shown(server)}' is no server; write host:port, several with commas between")
    return ",".join(stripped)


def redis_urls(text: str) -> list[str]:
    """Split comma-separated URLs of Redis servers; a comma may also be part of a password."""
    return re.split(r",\s*(?=rediss?://)", text)


def require_redis_urls(text: str) -> None:
    """Refuse what is no URL of a Redis server, or several.

    redis-py reads anything, and takes a part of a password that holds `/`, `?` or `#` for a host.

    Raises:
        ValueError: one is none.
    """
    for url in redis_urls(text):
        if not _is_url(url, ("redis", "rediss")):
            raise ValueError(
                "is no URL of a Redis server; write redis://host:6379/0, or rediss:// for TLS; "
                f"for a cluster several whole URLs with commas between; {_ENCODED} as REDIS_PASSWORD"
            )
        parts = urlsplit(url)
        if not re.fullmatch(r"/?|/[0-9]{1,5}", parts.path):
            raise ValueError(
                f"its path is no number of a database; write redis://host:6379/0; {_ENCODED} as REDIS_PASSWORD"
            )
        if not _has_usable_options(url):
            raise ValueError(f"behind its ? are no options that Linger can use; {_ENCODED} as REDIS_PASSWORD")


def require_registry_url(text: str) -> None:
    """Refuse what is no URL of a schema registry.

    Raises:
        ValueError: it is none.
    """
    if not _is_url(text, ("http", "https")) or urlsplit(text).query or "?" in text or "@" in urlsplit(text).path:
        raise ValueError(
            "is no URL of a schema registry; write http://host:8081, or https:// for TLS; "
            f"{_ENCODED} as SCHEMA_REGISTRY_PASSWORD"
        )


def path(written: Path) -> Path:
    """Return a path that can be one of a file.

    Raises:
        ValueError: it is too long, or it is the content of a file.
    """
    text = str(written)
    if "-----BEGIN" in text or "\n" in text:
        raise ValueError("is the content of a file; write the path of the file")
    if "\0" in text:
        raise ValueError("is no path: there is a zero byte in it")
    parts = (len(str(part).encode(errors="surrogateescape")) for part in written.parts)
    if len(text) > LONGEST_PATH or max(parts, default=0) > _LONGEST_FILE_NAME:
        raise ValueError("is no path: it is longer than one can be")
    return written


def one_line(text: str) -> str:
    """Return text without line breaks and other control characters.

    Raises:
        ValueError: there is one in it.
    """
    if any(ord(character) < 32 or ord(character) == 127 for character in text):
        raise ValueError("holds a control character, perhaps a line break at its end")
    return text


def name(text: str) -> str:
    """Return a name of one line that begins and ends with a character.

    Raises:
        ValueError: it does not.
    """
    if text != text.strip():
        raise ValueError("begins or ends with a blank")
    return one_line(text)


def _is_port(text: str) -> bool:
    try:
        return text == text.strip() and port_number(text) > 0
    except ValueError:
        return False


def _is_url(text: str, schemes: tuple[str, ...]) -> bool:
    """Return whether text is a URL with one of these schemes and a host, in which nothing can be mistaken."""
    # urlsplit leaves out line breaks and tabs.
    if not text.isprintable() or " " in text or "\\" in text or "#" in text or _BAD_PERCENT.search(text):
        return False
    try:
        parts = urlsplit(text)
        _, _, address = parts.netloc.rpartition("@")
        return (
            parts.scheme in schemes
            and is_host(parts.hostname or "")
            and parts.port != 0
            and not address.endswith(":")
            and "," not in address
            and (address.startswith("[") == (":" in (parts.hostname or "")))
        )
    except ValueError:  # a port that is none, brackets that do not match
        return False


def _has_usable_options(url: str) -> bool:
    """Return whether redis-py knows the options behind the `?` of a URL; behind half a password is an `@`."""
    query = urlsplit(url).query
    if "@" in query:
        return False
    try:
        parse_qsl(query, strict_parsing=bool(query))
        arguments: dict[str, Any] = dict(parse_url(url))
        arguments.pop("connection_class", Connection)(**arguments)  # connects to nothing yet
    except (ValueError, TypeError, AttributeError, RedisError):
        return False
    return True
