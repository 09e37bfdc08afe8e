"""Whether bytes name a customer: the id as text, plain or escaped as JSON does. Pure."""

import json
import re
from collections.abc import Iterable, Iterator
from typing import Final

MOST_NAMES: Final = 100
"""More ids are not sought in contents: each costs time for every byte."""
SHORT: Final = 8
"""An id of fewer characters is sought as a whole word: as a part of others, it would be found anywhere."""
HOW: Final = (
    "the id in content and headers, as text or escaped as in JSON (fewer than 8 characters: as a whole word). What "
    "is compressed, encrypted or in another encoding is not found"
)
"""What `Naming` finds, in words."""
_WORD: Final = rb"[0-9A-Za-z_]"


class Naming:
    """Seeks some ids in bytes."""

    def __init__(self, customer_ids: Iterable[str]) -> None:
        """Take the ids, at most `MOST_NAMES`."""
        patterns = {pattern for customer_id in customer_ids for pattern in _patterns(customer_id)}
        self._search = re.compile(b"|".join(sorted(patterns))).search if patterns else None

    def names(self, parts: Iterable[bytes | None]) -> bool:
        """Return whether any of these bytes names one of the ids."""
        search = self._search
        return search is not None and any(part and search(part) is not None for part in parts)


def _patterns(customer_id: str) -> Iterator[bytes]:
    for written in _forms(customer_id):
        pattern = re.escape(written)
        yield rb"(?<!%b)%b(?!%b)" % (_WORD, pattern, _WORD) if len(customer_id) < SHORT else pattern


def _forms(customer_id: str) -> set[bytes]:
    """Return how an id may be written: as it is, and as JSON writers escape it."""
    ascii_only = json.dumps(customer_id)[1:-1]
    plain = json.dumps(customer_id, ensure_ascii=False)[1:-1]
    upper = re.sub(r"\\u[0-9a-f]{4}", lambda found: r"\u" + found[0][2:].upper(), ascii_only)
    written = {customer_id, ascii_only, upper, plain}
    return {text.encode() for form in written for text in (form, form.replace("/", r"\/"))}
