"""Likeness of words: whether one is a misspelling of another, and not another word.

A suggestion that is followed must not give a rule with another meaning. So a word is suggested only if the spelling
differs a little: never a word without a negation for one with it, never `cancellation` for `donation`.
"""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import pairwise
from typing import Final

_NEGATIONS: Final = frozenset(
    ("no", "not", "non", "never", "without", "nor", "cannot", "isnt", "dont", "except", "excluding")
)
_OPPOSITES: Final = (
    ("in", "ex"),
    ("in", "de"),
    ("im", "ex"),
    ("up", "down"),
    ("pre", "post"),
    ("over", "under"),
    ("on", "off"),
)
_SHORT: Final = 4
"""Words up to this length are misspelt by a letter too many, one too few, or two swapped; `cart` is no `card`."""
_LONG: Final = 7
"""Words from this length on may differ in two letters."""


def form_of(word: str) -> str:
    """Return a word in small letters, with one blank between its parts."""
    return re.sub(r"[\s_\u200b\ufeff-]+", " ", word).strip().lower()


def did_you_mean(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that a word misspells, or None: also if two known words are equally close.

    Args:
        word: the word as it was written.
        known: the possible words.
    """
    form = form_of(word)
    ranked: list[tuple[int, str]] = []
    for possible in known:
        edits = _edits_between(form, form_of(possible))
        if edits is not None:
            ranked.append((edits, possible))
    ranked.sort(key=lambda each: each[0])
    if not ranked or any(other[0] == ranked[0][0] for other in ranked[1:2]):
        return None
    return ranked[0][1]


def _edits_between(written: str, possible: str) -> int | None:
    """Return in how many letters a misspelling differs from a word; None if it is another word."""
    if written == possible:
        return 0
    if abs(len(written) - len(possible)) > 2 or _digits(written) != _digits(possible):
        return None
    parts, others = _parts(written), _parts(possible)
    if len(parts) != len(others):
        joined, other = "".join(parts), "".join(others)
        is_alike = joined == other and not _NEGATIONS.intersection(parts) ^ _NEGATIONS.intersection(others)
        return 1 if is_alike else None
    total = 0
    for part, other in zip(parts, others, strict=True):
        edits = _edits_in_part(part, other)
        if edits is None:
            return None
        total += edits
    return total if total <= 2 else None


@lru_cache(maxsize=4096)
def _digits(word: str) -> str:
    return "".join(character for character in word if character.isdigit())


@lru_cache(maxsize=4096)
def _parts(word: str) -> tuple[str, ...]:
    return tuple(part for part in re.split(r"[^\w]+|_", word) if part)


def _edits_in_part(written: str, possible: str) -> int | None:
    if written == possible:
        return 0
    if written in _NEGATIONS or possible in _NEGATIONS or _has_another_beginning(written, possible):
        return None
    longest = max(len(written), len(possible))
    most = 1 if longest < _LONG else 2
    edits = next((number for number in range(1, most + 1) if _is_within(written, possible, number)), None)
    if edits == 1 and longest <= _SHORT and len(written) == len(possible) and not _is_swapped(written, possible):
        return None
    return edits


def _has_another_beginning(written: str, possible: str) -> bool:
    """Return whether two words differ in a prefix, such as `unpaid` and `paid`, or `increase` and `decrease`."""
    longer, shorter = (written, possible) if len(written) > len(possible) else (possible, written)
    if len(longer) - len(shorter) > 1 and longer.endswith(shorter):
        return True
    for one, other in _OPPOSITES:
        for first, second in ((one, other), (other, one)):
            is_pair = written.startswith(first) and possible.startswith(second)
            if is_pair and written[len(first) :] == possible[len(second) :]:
                return True
    return False


def _is_swapped(written: str, possible: str) -> bool:
    return any(
        written[:at] + right + left + written[at + 2 :] == possible
        for at, (left, right) in enumerate(pairwise(written))
    )


def _is_within(one: str, other: str, most: int) -> bool:
    """Return whether one text becomes the other by at most `most` letters added, left out, replaced or swapped."""
    start = next((at for at, pair in enumerate(zip(one, other, strict=False)) if pair[0] != pair[1]), None)
    if start is None:
        return abs(len(one) - len(other)) <= most
    one, other = one[start:], other[start:]
    return most > 0 and any(_is_within(*rest, most - 1) for rest in _after_one_edit(one, other))


def _after_one_edit(one: str, other: str) -> Iterator[tuple[str, str]]:
    yield one[1:], other[1:]
    yield one[1:], other
    yield one, other[1:]
    if one[:2] == other[1::-1]:
        yield one[2:], other[2:]
