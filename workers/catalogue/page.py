"""`python -m workers.catalogue.page [--check]` writes the tables of docs/privacy.md, or says that they are stale."""

import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from workers.catalogue.entries import Header, Key, Topic
from workers.catalogue.headers import HEADERS
from workers.catalogue.keys import KEYS
from workers.catalogue.topics import TOPICS

PAGE: Final = Path("docs/privacy.md")


def tables() -> dict[str, str]:
    """Return each table of the page as Markdown, by the name that its comments have."""
    return {
        "topics": _table(
            ("topic", "content", "personal data", "kept", "who may read it", "export", "erase", "rebuild"),
            map(_topic, TOPICS),
        ),
        "partition keys": _table(_OF_KEYS, (_key(key) for key in KEYS if key.of_partition)),
        "shared keys": _table(_OF_KEYS, (_key(key) for key in KEYS if not key.of_partition)),
        "headers": _table(("header", "on records of", "what it says", "personal data"), map(_header, HEADERS)),
    }


def written(page: str) -> str:
    """Return the text of the page with every table as the catalogue has it.

    Raises:
        ValueError: if the page has no place for a table.
    """
    for name, table in tables().items():
        begin, end = f"<!-- {name} -->\n", f"\n<!-- end of {name} -->"
        place = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
        page, count = place.subn(lambda _, text=begin + table + end: text, page)  # type: ignore[misc]
        if count != 1:
            raise ValueError(f"the page has {count} places for the table '{name}'")
    return page


_OF_KEYS: Final = ("key", "content", "personal data", "kept", "export", "erase", "rebuild", "state export")


def _topic(topic: Topic) -> tuple[str, ...]:
    kept = f"{topic.kept}{' (compacted)' if topic.compacted else ''}"
    readers = ", ".join(topic.readers)
    commands = (topic.exported, topic.erased, topic.rebuilt)
    return (f"`linger.{topic.name}`", topic.holds, topic.personal.value, kept, readers, *commands)


def _key(key: Key) -> tuple[str, ...]:
    in_file = key.in_file or f"no: {key.left_out}"
    commands = (key.exported or "nothing", key.erased, key.rebuilt, in_file)
    return (f"`{key.name}`", key.holds, key.personal.value, key.kept, *commands)


def _header(header: Header) -> tuple[str, ...]:
    return (f"`{header.name}`", ", ".join(header.topics), header.holds, header.personal.value)


def _table(names: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [names, ("---",) * len(names), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def main(arguments: list[str]) -> int:
    """Write the tables, or with `--check` only compare them. Return 1 if they are stale."""
    present = PAGE.read_text(encoding="utf-8")
    if written(present) == present:
        return 0
    if "--check" in arguments:
        sys.stderr.write(f"stale: {PAGE}; run: python -m workers.catalogue.page\n")
        return 1
    PAGE.write_text(written(present), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
