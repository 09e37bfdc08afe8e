"""Files on disk: which rule files a path means, and their texts. It never waits, never grows, and never raises.

Everything in a folder is read or is a problem; nothing that looks like a rule file is left out in silence. This
module must never know what a rule is.
"""

import codecs
import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple

from workers.rule_files.positions import Lines
from workers.rule_files.problems import Explanation, Problem, in_order

MAX_FILE_BYTES: Final = 256 * 1024
MAX_ENTRIES: Final = 10_000
"""Entries of one folder that are looked at."""
TESTS: Final = ("_test.yaml", "_test.yml")
_SUFFIXES: Final = (".yaml", ".yml")
_BEGINS: Final = re.compile(
    r"""(?:^|[{,])[ \t]*["']?(?:rules|define|for every rule|stages|value)["']?[ \t]*:""", re.MULTILINE
)
"""A first word of a rule file. Beside a named file, what has none is another program's."""
_KINDS: Final[tuple[tuple[Callable[[int], bool], str], ...]] = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


# --- what a path means --------------------------------------------------------------------------------------------


def find_rule_files(paths: Iterable[Path]) -> tuple[list[Path], list[Problem]]:
    """Return the rule files of some paths, each once, and everything that keeps a path from being read whole.

    Args:
        paths: rule files and folders. A folder means its own `*.yaml` and `*.yml` files, by name, except hidden ones
            and `*_test.yaml`. Anything else in it that looks like a rule file is a problem. A file with tests means
            no rules; it is a problem to name nothing else.
    """
    files: dict[str, Path] = {}
    problems: list[Problem] = []
    tests: list[Path] = []
    for path in paths:
        if _is_folder(path):
            found, more = _files_in(path)
            problems += more
            if not found and not more:
                message = "there are no *.yaml files in this folder"
                problems.append(Problem(shown_name(path), 1, 1, "no-files", message))
        elif path.name.endswith(TESTS):
            tests.append(path)
            continue
        else:
            found = [path]
        for file in found:
            files.setdefault(_place_of(file), file)
    if not files and not problems:
        message, hint = "this file has tests, and no rules", "'linger rules test' runs it; give the rules beside it"
        problems += [Problem(shown_name(path), 1, 1, "no-files", message, hint) for path in tests]
    return list(files.values()), problems


def _find_beside(paths: Iterable[Path], files: Iterable[Path]) -> list[Path]:
    """Return the rule files beside those that are named one by one, without these; folders are whole."""
    places = set(map(_place_of, files))
    folders = dict.fromkeys(path.parent for path in paths if not _is_folder(path))
    beside = (file for folder in folders if _is_folder(folder) for file in _files_in(folder)[0])
    return list({place: file for file in beside if (place := _place_of(file)) not in places}.values())


def _files_in(folder: Path) -> tuple[list[Path], list[Problem]]:
    names, unlisted = _names_in(folder)
    found: list[Path] = []
    problems: list[Problem] = [] if unlisted is None else [unlisted]
    for name in names:
        path = folder / name
        if name.startswith(".") or name.endswith(TESTS):
            continue
        if path.suffix.lower() not in _SUFFIXES:
            if _has_rule_files(path):
                message = "this folder has *.yaml files, and folders inside the folder of the rules are not read"
                hint = "move its files up, or give it a name that begins with a dot"
                problems.append(Problem(shown_name(path), 1, 1, "file-left-out", message, hint))
            continue
        why, what_to_do = _why_not(path)
        if why is None:
            found.append(path)
        else:
            problems.append(Problem(shown_name(path), 1, 1, "file-left-out", why, what_to_do))
    return found, problems


def find_tests(folder: Path) -> list[Path]:
    """Return the files of a folder that have the name of a test, by name; none if it cannot be listed."""
    names, _ = _names_in(folder)
    return [folder / name for name in names if name.endswith(TESTS) and not name.startswith(".")]


def _names_in(folder: Path) -> tuple[list[str], Problem | None]:
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in islice(entries, MAX_ENTRIES + 1)]
    except OSError as error:
        return [], Problem(
            shown_name(folder), 1, 1, "cannot-read", f"this folder cannot be read: {error.strerror or error}"
        )
    if len(names) > MAX_ENTRIES:
        message = f"this folder has more than {MAX_ENTRIES:,} entries"
        return [], Problem(shown_name(folder), 1, 1, "too-large", message, "keep rules in a folder of their own")
    return sorted(names), None


def _has_rule_files(path: Path) -> bool:
    """Return whether a path is a folder with files that look like rules; one that cannot be listed is none."""
    if not _is_folder(path):
        return False
    names, _ = _names_in(path)
    return any(Path(name).suffix.lower() in _SUFFIXES and not name.startswith(".") for name in names)


def _why_not(path: Path) -> tuple[str | None, str | None]:
    """Return why something that looks like a rule file cannot be read as one, and what to do; None if it can."""
    if path.suffix not in _SUFFIXES:
        return f"its name ends in {path.suffix}, and only .yaml and .yml are read", f"call it {path.stem}.yaml"
    if not _is_utf_8(path.name):
        return "its name is not UTF-8", "give it another name"
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        if path.is_symlink():
            return "it is a link to something that is not there", "delete the link, or put the file there"
        return "it vanished while the folder was read", None
    except OSError as error:
        return f"it cannot be read: {error.strerror or error}", None
    kind = _kind_of(mode)
    return (None, None) if kind is None else (f"it is {kind}, not a file", None)


def _kind_of(mode: int) -> str | None:
    """Return what it is, from its mode, if it is no file."""
    return next((kind for is_kind, kind in _KINDS if is_kind(mode)), None)


def _place_of(file: Path) -> str:
    """Return where a file is, through all links."""
    try:
        return os.path.realpath(file)
    except (OSError, ValueError):
        return str(file)  # reading it says why


def _is_folder(path: Path) -> bool:
    try:
        return stat.S_ISDIR(path.stat().st_mode)
    except (OSError, ValueError):
        return False  # reading it says why


def shown_name(path: Path) -> str:
    """Return the name of a file as text, in every locale; bytes that are not UTF-8 are escaped."""
    try:
        return os.fsencode(path).decode("utf-8", "backslashreplace")
    except UnicodeEncodeError:
        return str(path)  # the locale has no such file


def _is_utf_8(name: str) -> bool:
    try:
        os.fsencode(name).decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


# --- texts --------------------------------------------------------------------------------------------------------


class RuleTexts(NamedTuple):
    """What some paths mean, the same for every command and every worker.

    Attributes:
        own: by name, the texts of the files that are named, and of those in the folders that are named.
        problems: everything of them that cannot be read.
        beside: by name, the texts of the rule files beside those that are named one by one. They lend what the named
            ones do not have (`references.lent_documents`). One that cannot be read lends nothing.
    """

    own: dict[str, str]
    problems: list[Problem]
    beside: dict[str, str]


def read_texts(paths: Sequence[Path]) -> RuleTexts:
    """Return the texts of rule files, as `find_rule_files` understands paths, and of what is beside them.

    For files with tests, that is the rule files beside them.
    """
    files, problems = find_rule_files(paths)
    own: dict[str, str] = {}
    for file in files:
        text, unreadable = read_text(file)
        problems += unreadable
        if text is not None:
            own[str(file)] = text
    texts = ((str(file), read_text(file)[0]) for file in _find_beside(paths, files))
    beside = {name: text for name, text in texts if text is not None and _BEGINS.search(text)}
    return RuleTexts(own, problems, beside)


def read_text(path: Path) -> tuple[str | None, list[Problem]]:
    """Return the text of a file, or None and the problem; a byte order mark is dropped.

    No more than `MAX_FILE_BYTES` are read, and only of a file: a pipe would wait for its writer.
    """
    try:
        with open(path, "rb", opener=_without_waiting) as file:
            found = os.fstat(file.fileno())
            if (kind := _kind_of(found.st_mode)) is not None:
                message = f"cannot be read: it is {kind}, not a file"
                return None, [Problem(shown_name(path), 1, 1, "cannot-read", message)]
            raw = b"" if found.st_size > MAX_FILE_BYTES else file.read(MAX_FILE_BYTES + 1)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        return None, [Problem(shown_name(path), 1, 1, "cannot-read", f"cannot be read: {why}")]
    if max(found.st_size, len(raw)) > MAX_FILE_BYTES:
        message = f"is larger than {MAX_FILE_BYTES // 1024} KiB"
        return None, [Problem(shown_name(path), 1, 1, "too-large", message, "split it into several files")]
    raw = raw.removeprefix(codecs.BOM_UTF8)
    try:
        return raw.decode(), []
    except UnicodeDecodeError as error:
        before = raw[: error.start].decode()
        at = Lines(before).position(len(before))
        message = f"is not UTF-8: found the byte 0x{raw[error.start]:02X}"
        return None, [Problem(shown_name(path), *at, "not-utf-8", message, "save the file as UTF-8")]


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)


def texts_of(problems: Iterable[Problem]) -> dict[str, str]:
    """Read again the files that problems name, to show their lines; leave out unreadable ones."""
    texts = {file: read_text(Path(file))[0] for file in {problem.file for problem in problems}}
    return {file: text for file, text in texts.items() if text is not None}


# --- changes ------------------------------------------------------------------------------------------------------


def fingerprint(rules: Path, *others: Path) -> str:
    """Return a hash of the names and contents of all files that a path of rules means, and of other files.

    It includes what cannot be read. It does not use modification times: a folder mounted into a container changes by
    a link, and its files can keep old times.
    """
    digest = blake2b(digest_size=12)
    for part in _parts(rules, others):
        digest.update(f"{len(part)}\n".encode())
        digest.update(part)
    return digest.hexdigest()


def _parts(rules: Path, others: Sequence[Path]) -> Iterator[bytes]:
    own, problems, beside = read_texts([rules])
    for texts in (own, beside):
        for name, content in texts.items():
            yield os.fsencode(name)
            yield content.encode()
    for file in others:
        text, unreadable = read_text(file)
        problems += unreadable
        yield os.fsencode(file)
        yield b"" if text is None else text.encode()
    yield "".join(map(str, in_order(problems))).encode(errors="backslashreplace")


# --- codes --------------------------------------------------------------------------------------------------------

EXPLANATIONS: Final[dict[str, Explanation]] = {
    "cannot-read": Explanation(
        "The file cannot be opened",
        "The file does not exist, or the user that runs the check has no permission to read it.",
    ),
    "too-large": Explanation(
        "The file is larger than 256 KiB",
        "That is thousands of lines, more than anyone can review. Split it: all files of the folder count together "
        "and share their definitions.",
    ),
    "not-utf-8": Explanation(
        "The file is not saved as UTF-8",
        "Some editors and spreadsheets save letters such as ä or é in an older encoding. Save the file again with "
        "the encoding UTF-8.",
    ),
    "no-files": Explanation(
        "The folder has no rule files",
        "Linger reads rules from files that end in `.yaml` or `.yml`, except `*_test.yaml` and files whose name "
        "begins with a dot. Give another folder, or the files. `linger rules test` also takes `*_test.yaml`.",
    ),
    "file-left-out": Explanation(
        "Something looks like a rule file and is not read",
        "A folder of rules means the `*.yaml` and `*.yml` files in it. What looks like one and is none would be left "
        "out without anybody noticing: a name in capitals (`X.YAML`), a folder inside the folder, a link to a file "
        "that is not there, a pipe. Move it, name it as others are, or let its name begin with a dot.",
    ),
}
