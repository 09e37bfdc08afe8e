"""`only_when` of `sources.yaml`, compiled. One meaning with `where` in rules: nothing is converted.

The text "5" is not the number 5, and true is not 1. What is not there equals null, and passes no comparison.
"""

from collections.abc import Callable, Mapping
from typing import Any

from schemas.conditions import Bounds, Different
from schemas.expressions import compiled_pattern
from schemas.source_conditions import FIND, HEADER, AnyExcept, FromTo, Given, Matching
from workers.core.events.filters import Test, value_test
from workers.core.mapping.find import compile_search, holds
from workers.core.mapping.places import Find, is_empty, last_header, path_finder
from workers.core.mapping.record import SourceRecord

Condition = Callable[[Any, SourceRecord], bool]
"""`holds(document, record)`; never raises."""


def compile_conditions(written: Mapping[str, Any]) -> tuple[Condition, ...]:
    """Compile the entries of an `only_when`, in their order."""
    return tuple(compile_condition(key, wanted) for key, wanted in written.items())


def compile_condition(key: str, wanted: Any) -> Condition:
    """Compile one entry of an `only_when`."""
    if key == FIND:
        search = compile_search(str(wanted))
        return lambda document, _: holds(search(document))
    find, passes = condition_finder(key), compile_test(wanted)
    if type(wanted) is str and not key.startswith(HEADER):
        # The most frequent kind: a text at a path.
        def is_text(document: Any, record: SourceRecord) -> bool:
            value = find(document, record)
            return value.__class__ is str and value == wanted

        return is_text
    return lambda document, record: passes(find(document, record))


def condition_finder(key: str) -> Find:
    """Return a finder of the value that an entry of an `only_when` is about, unless that is `find`."""
    if key == "key":
        return lambda _, record: None if record.key is None else record.key.decode(errors="replace")
    if key == "topic":
        return lambda _, record: record.topic
    if key.startswith(HEADER):
        name = key.removeprefix(HEADER).strip()
        return lambda _, record: _replaced(last_header(name, record))
    return path_finder(key)


def _replaced(value: bytes | None) -> str | None:
    return None if value is None else value.decode(errors="replace")


def compile_test(wanted: Any) -> Test:
    """Return the test of a value of an `only_when`."""
    match wanted:
        case Given(given=is_wanted):
            return lambda value: is_empty(value) is not is_wanted
        case Matching(matches=pattern):
            return _matching(pattern)
        case FromTo(from_=low, to=high):
            return value_test(Bounds(**{"at least": low, "at most": high}))
        case AnyExcept(other_than=other):
            return _different(other)
        case Bounds():
            return value_test(wanted)
        case list():
            return _any_of(wanted)
    return _any_of([wanted])


def _any_of(wanted: list[Any]) -> Test:
    passes = value_test([choice for choice in wanted if choice is not None])
    if None not in wanted:
        return passes
    return lambda value: value is None or passes(value)


def _different(other: Any) -> Test:
    refused = [choice for choice in (other if isinstance(other, list) else [other]) if choice is not None]
    return value_test(Different(**{"other than": refused}))


def _matching(pattern: str) -> Test:
    search = compiled_pattern(pattern).search

    def is_found(value: Any) -> bool:
        if value.__class__ is not str:
            return False
        try:
            return search(value) is not None
        except UnicodeEncodeError:  # half of a character
            return False

    return is_found
