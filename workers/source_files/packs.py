"""Packs: shipped mappings of well-known systems, and what an operator writes over one.

A pack is one file, `packs/NAME.yaml`. A source that names it has everything of it, and what the operator writes
goes before. Nodes are laid over nodes, before a model is built: this module must never know what the words mean.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

from schemas.packs import PackFile
from schemas.places import Fields
from workers.rule_files.files import read_text
from workers.rule_files.hints.likeness import did_you_mean
from workers.rule_files.positions import Position
from workers.rule_files.problems import Explanation, Problem
from workers.rule_files.yaml_nodes import (
    Document,
    ListNode,
    MapNode,
    Node,
    ScalarNode,
    items_of,
    parse_yaml,
    value_of,
)
from workers.rule_files.yaml_validation import validate

__all__ = ["Pack", "WithPacks", "load_pack", "pack_names", "packs_folder", "with_packs"]

_BY_KEY: Final = ("fields", "attributes", "only_when")
"""Mappings of a source or of a case that are merged one key at a time."""
_NULL_TAKES_AWAY: Final = ("fields", "attributes")
"""Those in which `null` means nothing else: a condition can ask for it."""


class Pack(NamedTuple):
    """A shipped pack.

    Attributes:
        name: as `pack:` names it.
        content: what it says of its system.
        root: the nodes of its file.
    """

    name: str
    content: PackFile
    root: MapNode


class WithPacks(NamedTuple):
    """A document with the packs that it names under what it says.

    Attributes:
        document: the merged document; what is of a pack has the position of the `pack:` that names it.
        packs: by that position, the name of the pack.
        problems: names of packs and of cases that there are not.
    """

    document: Document
    packs: Mapping[Position, str]
    problems: tuple[Problem, ...]


def packs_folder() -> Path:
    """Return the folder of the shipped packs: beside the packages, in a checkout as in an installation."""
    return Path(__file__).resolve().parents[2] / "packs"


def pack_names() -> list[str]:
    """Return the names of the shipped packs, sorted."""
    return sorted(file.stem for file in packs_folder().glob("*.yaml") if not file.stem.endswith("_test"))


@cache
def load_pack(name: str) -> Pack:
    """Read a shipped pack.

    Raises:
        ValueError: if its file is broken; the message has every problem of it.
    """
    path = packs_folder() / f"{name}.yaml"
    text, problems = read_text(path)
    document = parse_yaml(str(path), text or "", any_scalar_as_key=True)
    content, refused = validate(document, PackFile)
    if content is None or not isinstance(document.root, MapNode):
        raise ValueError("\n".join(map(str, problems or refused)))
    return Pack(name, content, document.root)


def with_packs(document: Document) -> WithPacks:
    """Return a parsed `sources.yaml` with each pack under the source that names it.

    A source with a pack that there is not is left out.

    * Of `fields`, `attributes` and `only_when`, each key that the operator writes replaces the pack's; in the first
      two, `null` takes it away. Every other key of the source replaces the pack's as a whole.
    * An entry of `one_of` whose `name` is that of a case of the pack is laid over that case in the same way. Any
      other entry is a case of the operator's own; these come first, in their order, so that they see each record
      before the pack does.
    * `without` names cases of the pack that are left out.
    * Event types that the remaining cases bring, and types of their attributes, are declared as the pack declares
      them, unless the file does.
    """
    sources = value_of(document.root, "sources")
    if not isinstance(document.root, MapNode) or not isinstance(sources, ListNode):
        return WithPacks(document, {}, ())
    problems: list[Problem] = []
    packs: dict[Position, str] = {}
    items: list[Node] = []
    declarations = _Declarations(document.root)
    for source in sources.items:
        named = value_of(source, "pack")
        if not isinstance(source, MapNode) or not isinstance(named, ScalarNode):
            items.append(source)
            continue
        if named.text not in pack_names():
            # What the source lacks without its pack would be problems that follow from this one.
            problems.append(_unknown_pack(document.file, named))
            continue
        pack = load_pack(named.text)
        packs[named.at] = pack.name
        merge = _Merge(document.file, pack, named.at)
        items.append(merged := merge.source(source))
        problems += merge.problems
        declarations.add(_moved(pack.root, named.at), _types_of(merged))
    if not packs and not problems:
        return WithPacks(document, {}, ())
    if not items:
        return WithPacks(replace(document, root=None), {}, tuple(problems))
    key, _ = document.root.entries["sources"]
    entries = {**declarations.entries(), "sources": (key, ListNode(sources.at, tuple(items)))}
    root = replace(document.root, entries={**document.root.entries, **entries})
    return WithPacks(replace(document, root=root), packs, tuple(problems))


class _Merge:
    """Lays one source over its pack."""

    def __init__(self, file: str, pack: Pack, at: Position) -> None:
        self.problems: list[Problem] = []
        self._file = file
        self._pack = pack.name
        moved = value_of(_moved(pack.root, at), "source")
        assert isinstance(moved, MapNode)
        self._base = moved

    def source(self, own: MapNode) -> MapNode:
        """Return the pack's source with the operator's words over it; note names that fit nothing."""
        merged = _over(self._base, _without_keys(own, "without", "one_of"))
        cases = self._cases(own)
        if cases is None:
            return merged
        return replace(merged, entries={**merged.entries, "one_of": cases})

    def _cases(self, own: MapNode) -> "tuple[ScalarNode, Node] | None":
        written = own.entries.get("one_of")
        based = self._base.entries.get("one_of")
        if based is None:
            return written
        known = {_name_of(case): case for case in items_of(based[1]) if isinstance(case, MapNode)}
        left_out = self._left_out(own, known)
        if written is not None and not isinstance(written[1], ListNode):
            return written  # the model says what is wrong with it
        added: list[Node] = []
        for case in items_of(None if written is None else written[1]):
            name = value_of(case, "name")
            if isinstance(case, MapNode) and isinstance(name, ScalarNode) and name.text in known:
                known[name.text] = _over(known[name.text], case)
            elif self._is_new(case, known):
                added.append(case)
        key, base = based if written is None else written
        cases = [*added, *(case for name, case in known.items() if name not in left_out)]
        return key, ListNode(base.at, tuple(cases))

    def _left_out(self, own: MapNode, known: Mapping[str, MapNode]) -> set[str]:
        names = value_of(own, "without")
        if names is not None and not isinstance(names, ListNode):
            self._note(names, "wrong-type", "expected a list of names", f"write for example [{next(iter(known))}]")
        found = set()
        for node in items_of(names):
            if isinstance(node, ScalarNode) and node.text in known:
                found.add(node.text)
            elif isinstance(node, ScalarNode):
                self._note(node, "unknown-case", *self._no_case(node.text, known))
        return found

    def _is_new(self, case: Node, known: Mapping[str, MapNode]) -> bool:
        """Note a problem for a case that would take every record: most likely it was to change one of the pack."""
        if not isinstance(case, MapNode) or "only_when" in case.entries:
            return True
        name = value_of(case, "name")
        if isinstance(name, ScalarNode):
            self._note(name, "unknown-case", *self._no_case(name.text, known))
            return False
        event = value_of(case, "event")
        meant = [known_name for known_name, node in known.items() if _text(node, "event") == _text(case, "event")]
        hint = f"write 'name: {meant[0]}' to change the pack's case" if event is not None and meant else None
        message = "a case without 'only_when' would take every record before the pack sees it"
        hint = hint or "write 'only_when' beside it, or 'name' to change a case of the pack"
        self._note(case, "unknown-case", message, hint)
        return False

    def _no_case(self, name: str, known: Mapping[str, MapNode]) -> tuple[str, str]:
        suggested = did_you_mean(name, list(known))
        hint = f"did you mean '{suggested}'?" if suggested else f"it has {', '.join(known)}"
        return f"the pack '{self._pack}' has no case '{name}'", hint

    def _note(self, node: Node, code: str, message: str, hint: str) -> None:
        self.problems.append(Problem(self._file, *node.at, code, message, hint))


class _Declarations:
    """The event types and types of attributes of a file, with those of its packs under them."""

    def __init__(self, root: MapNode) -> None:
        self._root = root
        self._added: dict[str, dict[str, tuple[ScalarNode, Node]]] = {"event_types": {}, "attribute_types": {}}

    def add(self, pack: Node, types: set[str]) -> None:
        """Add what a pack declares of some event types, unless the file or an earlier pack has it."""
        for key, added in self._added.items():
            declared = value_of(pack, key)
            for name, entry in declared.entries.items() if isinstance(declared, MapNode) else ():
                if name.partition(".")[0] in types:
                    added.setdefault(name, entry)

    def entries(self) -> dict[str, tuple[ScalarNode, Node]]:
        """Return the entries of the root that packs add to."""
        found: dict[str, tuple[ScalarNode, Node]] = {}
        for key, added in self._added.items():
            own = self._root.entries.get(key)
            if added and own is None:
                at = next(iter(added.values()))[0].at
                found[key] = ScalarNode(at, key, key, True), MapNode(at, added, True)
            elif added and own is not None and isinstance(own[1], MapNode):
                found[key] = own[0], replace(own[1], entries={**added, **own[1].entries})
        return found


# --- nodes ------------------------------------------------------------------------------------------------------


def _over(base: MapNode, own: MapNode) -> MapNode:
    """Return a mapping of a pack with the operator's keys over it, at the operator's position."""
    entries = {**base.entries}
    for key, (key_node, value) in own.entries.items():
        below = base.entries.get(key)
        if key in _BY_KEY and isinstance(value, MapNode) and below is not None and isinstance(below[1], MapNode):
            takes_away, is_fields = key in _NULL_TAKES_AWAY, key == "fields"
            entries[key] = (
                key_node,
                _key_by_key(below[1], value, null_takes_away=takes_away, fields_only=is_fields),
            )
        else:
            entries[key] = key_node, value
    return MapNode(own.at, entries, own.is_whole)


def _key_by_key(base: MapNode, own: MapNode, *, null_takes_away: bool, fields_only: bool) -> MapNode:
    # Beside the key that was probably meant, the meaning of an unknown key would not be seen.
    meant = {did_you_mean(key, base.entries) for key in own.entries if fields_only and key not in Fields.model_fields}
    entries = {**{key: entry for key, entry in base.entries.items() if key not in meant}, **own.entries}
    if null_takes_away:
        entries = {key: entry for key, entry in entries.items() if key not in base.entries or not _is_null(entry[1])}
    return MapNode(own.at, entries, own.is_whole)


def _is_null(node: Node) -> bool:
    return isinstance(node, ScalarNode) and node.value is None


def _without_keys(node: MapNode, *keys: str) -> MapNode:
    return replace(node, entries={key: entry for key, entry in node.entries.items() if key not in keys})


def _moved(node: Node, at: Position) -> Node:
    """Return nodes of a pack, all at the position of the `pack:` that names it."""
    match node:
        case MapNode():
            entries = {
                key: (replace(key_node, at=at), _moved(value, at)) for key, (key_node, value) in node.entries.items()
            }
            return MapNode(at, entries, node.is_whole)
        case ListNode():
            return ListNode(at, tuple(_moved(item, at) for item in node.items))
        case _:
            return replace(node, at=at)


def _text(node: Node, key: str) -> str | None:
    value = value_of(node, key)
    return value.text if isinstance(value, ScalarNode) else None


def _name_of(case: Node) -> str:
    return next((text for key in ("name", "event", "skip", "refuse") if (text := _text(case, key))), "")


def _types_of(source: MapNode) -> set[str]:
    return set(_events_in(source))


def _events_in(source: MapNode) -> Iterator[str]:
    for part in (source, *items_of(value_of(source, "one_of"))):
        if (event := _text(part, "event")) is not None:
            yield event


def _unknown_pack(file: str, named: ScalarNode) -> Problem:
    names = pack_names()
    suggested = did_you_mean(named.text.lower().replace("_", "-").replace(" ", "-"), names)
    hint = f"did you mean '{suggested}'?" if suggested else f"there are {', '.join(names)}"
    return Problem(file, *named.at, "unknown-pack", f"there is no pack '{named.text}'", hint)


# --- codes ------------------------------------------------------------------------------------------------------

EXPLANATIONS: Final[dict[str, Explanation]] = {
    "unknown-pack": Explanation(
        "A source names a pack that there is not",
        "`pack:` takes the name of a mapping that Linger ships; docs/packs.md lists them.",
    ),
    "unknown-case": Explanation(
        "A case of a pack is named that there is not",
        "`name:` under `one_of`, and `without:`, name cases of the source's pack; docs/packs.md lists them. A case "
        "of your own beside a pack needs `event` and `only_when`.",
    ),
}
