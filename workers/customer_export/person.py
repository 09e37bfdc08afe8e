"""The person who is looked for, and whether a record is of that person. Pure."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, Literal

from workers.customer_export.contents import json_of

Match = Literal["key", "customer_id", "content"]
"""How a record was recognised. `content`: the id stands in it somewhere, so it may be another person's."""

_TEXT_CONTROLS: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_WORD: Final = rb"[0-9A-Za-z_\x80-\xff]"


@dataclass(frozen=True, slots=True)
class Person:
    """The person who is looked for.

    Attributes:
        customer_id: the id, as it stands in keys.
        ref: under which the mark stands; None if no key of marks is known, so that there is no mark.
        log_ref: the hash in the audit; None if it cannot be computed, because LINGER_LOG_KEY is not set.
    """

    customer_id: str
    ref: bytes | None = None
    log_ref: str | None = None

    @property
    def key(self) -> bytes:
        """The key of the person's records."""
        return self.customer_id.encode()

    def match_by_key(self, key: bytes | None, value: bytes | None) -> Match | None:
        """Return how a record is recognised by its key or its field `customer_id`, None if it is not."""
        if key == self.key:
            return "key"
        if value is not None and any(form in value for form in self._forms()) and self._is_named_by(value):
            return "customer_id"
        return None

    def match_anywhere(
        self, key: bytes | None, value: bytes | None, headers: Iterable[tuple[str, bytes | None]]
    ) -> Match | None:
        """Return how a record is recognised by its key, or because the id stands somewhere in it."""
        if (match := self.match_by_key(key, value)) is not None:
            return match
        parts = (part for part in (key, value, *(held for _, held in headers)) if part)
        return "content" if any(self._stands_in(part) for part in parts) else None

    def _is_named_by(self, value: bytes) -> bool:
        document = json_of(value)
        return isinstance(document, dict) and _text(document.get("customer_id")) == self.customer_id

    def _stands_in(self, part: bytes) -> bool:
        if not any(form in part for form in self._forms()):
            return False
        if not _is_text(part):
            return True  # in binary data, the byte beside a text may be any
        return any(
            re.search(rb"(?<!%b)%b(?!%b)" % (_WORD, re.escape(form), _WORD), part) is not None
            for form in self._forms()
        )

    def _forms(self) -> set[bytes]:
        """Return how the id is written in texts and in JSON."""
        return {
            self.key,
            json.dumps(self.customer_id)[1:-1].encode(),
            json.dumps(self.customer_id, ensure_ascii=False)[1:-1].encode(),
        }


def _is_text(part: bytes) -> bool:
    try:
        return _TEXT_CONTROLS.search(part.decode()) is None
    except UnicodeDecodeError:
        return False


def _text(value: Any) -> str | None:
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else None
