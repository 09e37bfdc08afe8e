"""One guess: a field of `sources.yaml`, as it is written, with what was seen and whether that is enough."""

from dataclasses import dataclass, replace
from typing import Final

from workers.source_trial.guessing.leaves import Leaf

__all__ = ["CHECK", "Guess", "condition_key", "place_of", "yaml_text"]

CHECK: Final = "CHECK"
"""Begins the comment of a guess that needs a look."""
_SPECIAL: Final = frozenset("-?:,[]{}#&*!|>'\"%@` ")
_WORDS: Final = frozenset({"true", "false", "null", "~", "yes", "no", "on", "off", ""})
_OTHER_KEYS: Final = frozenset({"topic", "key", "find"})


@dataclass(frozen=True, slots=True)
class Guess:
    """What a field is guessed to be.

    Attributes:
        place: as `sources.yaml` writes it.
        why: what was seen that speaks for it.
        is_sure: it needs no look.
        leaf: where it is found; None if it is no place in the body.
    """

    place: str
    why: str
    is_sure: bool = True
    leaf: Leaf | None = None

    @property
    def comment(self) -> str:
        """Return the comment that is written beside it."""
        return self.why if self.is_sure else f"{CHECK}: {self.why}"

    def doubted(self, why: str) -> "Guess":
        """Return the same guess as one to look at, for a reason."""
        return replace(self, why=why, is_sure=False)


def yaml_text(text: str, *, in_flow: bool = False) -> str:
    """Return a text as YAML writes it: plain where that is read as the same text, in quotes elsewhere."""
    looks_like_another = text.lower() in _WORDS or _is_number(text)
    unsafe = text[:1] in _SPECIAL or text[-1:] in (" ", ":") or ": " in text or " #" in text or "\n" in text
    if in_flow and any(character in text for character in ",[]{}"):
        unsafe = True
    if not (looks_like_another or unsafe):
        return text
    if any(ord(character) < 32 for character in text):
        return '"' + "".join(_escaped(character) for character in text) + '"'
    return "'" + text.replace("'", "''") + "'"


def _escaped(character: str) -> str:
    return (
        f"\\x{ord(character):02x}" if ord(character) < 32 else "\\" + character if character in '"\\' else character
    )


def _is_number(text: str) -> bool:
    try:
        float(text.replace("_", ""))
    except ValueError:
        return text[:2].lower() in ("0x", "0o")
    return True


def place_of(leaf: Leaf, **more: str) -> str:
    """Return the place of a leaf as YAML, with modifiers that are YAML already."""
    if leaf.find is not None:
        parts = {"find": yaml_text(leaf.find, in_flow=True), **more}
    elif leaf.is_outside:
        parts = {"whole": yaml_text(leaf.place, in_flow=True), **more}
    elif not more:
        return yaml_text(leaf.place)
    else:
        parts = {"path": yaml_text(leaf.place, in_flow=True), **more}
    return "{" + ", ".join(f"{key}: {value}" for key, value in parts.items()) + "}"


def condition_key(place: str) -> str:
    """Return a path as a key of `only_when` in YAML; one that reads as another word there is in quotes."""
    if place in _OTHER_KEYS or place.startswith("header "):
        return yaml_text(f'"{place}"', in_flow=True)
    return yaml_text(place, in_flow=True)
