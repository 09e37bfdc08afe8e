"""Places of `sources.yaml`, compiled: where a value is, and what is done to it.

A compiled place is a function of the document and the record. It returns None for nothing, and `Unusable` for
something that is there and cannot be used.
"""

import hmac
import re
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from schemas.events import InvalidEvent, Unusable
from schemas.places import Place, Plain, places_of
from workers.core.mapping.find import compile_search
from workers.core.mapping.record import SourceRecord
from workers.core.mapping.words import in_words, text_of

Find = Callable[[Any, SourceRecord], Any]
"""`find(document, record)` -> the value at a place; may raise `InvalidEvent` for bytes that are no text."""

Change = Callable[[Any], Any]
"""Returns a found value, changed; None if it means nothing."""

Step = str | int

_STEPS: Final = re.compile(r'\[(-?\d+)\]|"((?:[^"\\]|\\.)*)"|([^.\[\]]+)')
_ESCAPED: Final = re.compile(r"\\(.)")
_HASH_LENGTH: Final = 32
_BEYOND_INT64: Final = 1 << 63


class Context(NamedTuple):
    """What places need to know beside the file.

    Attributes:
        hash_key: the key of `hashed`; None if there is none.
    """

    hash_key: bytes | None = None


def steps_of(path: str) -> tuple[Step, ...]:
    """Split a path into the names of objects and the numbers of list entries, negative from the end."""
    return tuple(
        int(index) if index else name or _ESCAPED.sub(r"\1", quoted) for index, quoted, name in _STEPS.findall(path)
    )


def compile_place(where: Place | Sequence[Any], context: Context, *, is_attribute: bool = False) -> Find:
    """Compile a place, or a list whose first place that holds something counts.

    Args:
        where: the place or places.
        context: the key of `hashed`.
        is_attribute: whether a value on the way of a path, which ends there, counts as unusable and not as nothing.
    """
    if isinstance(where, Place):
        return _compiled(where, context, is_attribute=is_attribute)
    return _first_of([_compiled(place, context, is_attribute=is_attribute) for place in where])


def compile_change(place: Place, context: Context) -> Change | None:
    """Return what `lower`, `nothing`, `words` and `hashed` of a place do, in this order; None for none of them."""
    changes = [change for _, change in named_changes(place, context)]
    if not changes:
        return None
    if len(changes) == 1:
        return changes[0]

    def changed(value: Any) -> Any:
        for change in changes:
            if value is None:
                return None
            value = change(value)
        return value

    return changed


def named_changes(place: Place, context: Context) -> list[tuple[str, Change]]:
    """Return the changes of a place by their words, in the order in which they are made."""
    changes: list[tuple[str, Change]] = []
    if place.lower:
        changes.append(("lower", _lowered))
    if place.nothing:
        changes.append(("nothing", _nothing(place.nothing, is_lower=bool(place.lower))))
    if place.words is not None:
        changes.append(("words", _words(place.words, is_lower=bool(place.lower))))
    if place.hashed:
        changes.append(("hashed", _hashed(context)))
    return changes


def is_empty(value: Any) -> bool:
    """Return whether a value holds nothing: null, a blank text, an empty list or object."""
    if value is None:
        return True
    kind = value.__class__
    if kind is str:
        return not value or value.isspace()
    return (kind is list or kind is dict) and not value


def plain_text(value: Any) -> str | None:
    """Return a plain value as the text that tables have for it; None for a list or object."""
    kind = value.__class__
    if kind is str:
        return str(value)
    if kind is bool:
        return "true" if value else "false"
    if kind is int:
        return str(value)
    if kind is float:
        return str(int(value)) if value.is_integer() else repr(value)
    return None


# --- where a value is -------------------------------------------------------------------------------------------


def _compiled(place: Place, context: Context, *, is_attribute: bool) -> Find:
    find = raw_finder(place, context)
    if is_attribute and place.path is not None:
        find = _attribute_finder(place.path, find)
    change = compile_change(place, context)
    return find if change is None else _changed(find, change)


def _changed(find: Find, change: Change) -> Find:
    def found(document: Any, record: SourceRecord) -> Any:
        value = find(document, record)
        return value if value is None or value.__class__ is Unusable else change(value)

    return found


def raw_finder(place: Place, context: Context) -> Find:
    """Return a function of (document, record) that returns the value at a place as it is, None if there is none."""
    if place.path is not None:
        return path_finder(place.path)
    if place.header is not None:
        return _header_finder(place.header)
    if place.find is not None:
        search = compile_search(place.find)
        return lambda document, _: search(document)
    if place.join is not None:
        return _joined([compile_place(part, context) for part in place.join])
    if place.whole is not None:
        steps = steps_of(place.whole)
        return lambda _, record: walked(record.whole, steps)
    return _of_the_record(place)


def _of_the_record(place: Place) -> Find:
    if place.key:
        return lambda _, record: None if record.key is None else text_of(record.key, "the record's key")
    if place.topic:
        return lambda _, record: record.topic
    if place.position:
        return lambda _, record: position_of(record)
    if place.timestamp:
        return lambda _, record: record.timestamp_ms if record.timestamp_ms >= 0 else None
    constant = place.constant
    return lambda _, record: constant


def position_of(record: SourceRecord) -> str:
    """Return `topic:partition:offset`, with `:item` for an item of a record that can have several."""
    position = f"{record.topic}:{record.partition}:{record.offset}"
    return position if record.item is None else f"{position}:{record.item}"


def path_finder(path: str) -> Find:
    """Return a finder of what is at a path of the document, which is an object."""
    steps = steps_of(path)
    if len(steps) == 1 and steps[0].__class__ is str:
        name = steps[0]
        return lambda document, _: document.get(name)
    return lambda document, _: walked(document, steps)


def walked(node: Any, steps: tuple[Step, ...]) -> Any:
    """Return what is at a path, None for nothing."""
    for step in steps:
        if step.__class__ is int:
            if node.__class__ is not list or not -len(node) <= step < len(node):
                return None
            node = node[step]
        elif node.__class__ is dict:
            node = node.get(step)
        else:
            return None
    return node


def _attribute_finder(path: str, find: Find) -> Find:
    """Return a finder of an attribute that distinguishes a value on the way from nothing at all.

    A consent that moves from `{"mail": {"ok": "no"}}` to `{"mail": "no"}` is there, and cannot be read: it must not
    count as if the customer had never answered.
    """
    steps = steps_of(path)
    if len(steps) == 1:
        return find

    def found(document: Any, record: SourceRecord) -> Any:
        value = find(document, record)
        return Unusable("not_flat") if value is None and _ends_on_the_way(document, steps) else value

    return found


def _ends_on_the_way(node: Any, steps: tuple[Step, ...]) -> bool:
    """Return whether a path to nothing leads through a value that is no object or list, and is not empty."""
    for step in steps:
        if node is None or node == "" or node in ([], {}):
            return False
        if step.__class__ is int:
            if node.__class__ is not list:
                return True
            if not -len(node) <= step < len(node):
                return False
            node = node[step]
        elif node.__class__ is dict:
            node = node.get(step)
        else:
            return True
    return False


def last_header(name: str, record: SourceRecord) -> bytes | None:
    """Return the value of a header, whose name may be written in small letters or capitals."""
    lowered, length = name.lower(), len(name)
    # Kafka allows repeated names and headers without a value; the last one is the newest.
    for header, value in reversed(record.headers):
        if header == name or (len(header) == length and header.lower() == lowered):
            return value
    return None


def _header_finder(name: str) -> Find:
    where = f"header '{name}'"

    def find(_: Any, record: SourceRecord) -> str | None:
        value = last_header(name, record)
        return None if value is None else text_of(value, where)

    return find


def _joined(finds: list[Find]) -> Find:
    def joined(document: Any, record: SourceRecord) -> Any:
        texts = []
        for find in finds:
            value = find(document, record)
            if is_empty(value):
                return None
            if value.__class__ is float and abs(value) >= _BEYOND_INT64:
                return Unusable("impossible_id")  # a whole number that the parser rounded, and so perhaps another's
            text = plain_text(value)
            if text is None:
                return value if value.__class__ is Unusable else Unusable("not_flat")
            texts.append(text)
        return ":".join(texts)

    return joined


def _first_of(finds: Sequence[Find]) -> Find:
    def first(document: Any, record: SourceRecord) -> Any:
        unusable: Unusable | None = None
        refusal: InvalidEvent | None = None
        for find in finds:
            try:
                value = find(document, record)
            except InvalidEvent as error:
                refusal = refusal or error
                continue
            if value.__class__ is Unusable:
                unusable = unusable or value
            elif not is_empty(value):
                return value
        if refusal is not None:
            raise refusal
        return unusable

    return first


# --- what is done to it -----------------------------------------------------------------------------------------


def _lowered(value: Any) -> Any:
    return value.strip().lower() if value.__class__ is str else value


def _nothing(meant: Sequence[Plain], *, is_lower: bool) -> Change:
    written = [text for value in meant if (text := plain_text(value)) is not None]
    texts = [text.lower() for text in written] if is_lower else written
    beginnings = tuple(text[:-1] for text in texts if text.endswith("*"))
    exact = frozenset(texts)

    def kept(value: Any) -> Any:
        text = plain_text(value)
        if text is None:
            return value
        text = text.strip()
        return None if text in exact or (beginnings and text.startswith(beginnings)) else value

    return kept


def _words(table: dict[str, Plain], *, is_lower: bool) -> Change:
    meant = {found.lower(): meaning for found, meaning in table.items()} if is_lower else dict(table)

    def translated(value: Any) -> Any:
        text = plain_text(value)
        return value if text is None else meant.get(text, value)

    return translated


def _hashed(context: Context) -> Change:
    key = context.hash_key
    if key is None:
        raise ValueError("a place is 'hashed', for which the setting LINGER_ID_KEY is needed")

    def hashed(value: Any) -> Any:
        text = plain_text(value)
        if text is None:
            return Unusable("not_flat")
        if not text.strip():
            return None
        if value.__class__ is float and abs(value) >= _BEYOND_INT64:
            return Unusable("impossible_id")
        return hmac.digest(key, text.encode(), "sha256").hex()[:_HASH_LENGTH]

    return hashed


def needed(where: Place | Sequence[Any], find: Find, name: str) -> Find:
    """Return a finder of a field that every event needs: what is there and cannot be used is refused."""
    at = in_words(where if isinstance(where, Place) else list(where))

    def found(document: Any, record: SourceRecord) -> Any:
        value = find(document, record)
        if value.__class__ is Unusable:
            raise InvalidEvent(value.reason, f"'{name}' cannot be read at {at}: {value.reason}", field=name)
        return value

    return found


def may_be_unusable(where: Place | list[Any]) -> bool:
    """Return whether a place can give a value that cannot be used, or that only a list decides about."""
    places: tuple[Place, ...] = places_of(where)
    return any(part.find or part.join or part.hashed for place in places for part in place.with_parts())
