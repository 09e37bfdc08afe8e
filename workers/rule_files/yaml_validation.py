"""YAML nodes checked against a model: every refusal of the model as a problem in its place.

Text goes through `parse_yaml` (text -> nodes with positions, in `yaml_nodes`) and `validate` (nodes -> model);
`read_yaml` does both. What is here must not know what a file is for: the model is an argument. How refusals read is
in `model_words`.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError

from workers.rule_files.model_errors import (
    ErrorLocation,
    ProblemText,
    Schema,
    alias_of,
    explained,
    missing_keys,
    unknown_key,
)
from workers.rule_files.problems import Problem, in_order
from workers.rule_files.yaml_nodes import (
    Document,
    ListNode,
    MapNode,
    Node,
    ScalarNode,
    UnreadNode,
    parse_yaml,
    plain_value,
    read_text,
)

_MOST_TOLD: Final = 500
"""So many unknown keys of a file are told: each is compared with every known one."""

Model = TypeVar("Model", bound=BaseModel)


def read_yaml_file(path: Path, model: type[Model]) -> tuple[Model | None, list[Problem]]:
    """Read and validate one file of at most 256 KiB of UTF-8; never raises for what the file holds."""
    text, problems = read_text(path)
    return (None, problems) if text is None else read_yaml(path, text, model)


def read_yaml(file: str | Path, text: str, model: type[Model]) -> tuple[Model | None, list[Problem]]:
    """Parse and validate a text; the value is None as soon as there is any problem.

    Args:
        file: how the problems name the file; nothing is read from it.
        text: the whole file.
        model: what the file must be.

    Returns:
        The value or None, and the problems in the order of the file.
    """
    return validate(parse_yaml(str(file), text), model)


def validate(document: Document, model: type[Model]) -> tuple[Model | None, list[Problem]]:
    """Check parsed nodes against a model; returns the document's own problems too, in the order of the file."""
    if document.root is None:
        return None, list(document.problems)
    try:
        # Keys are what the published schema says, not the names that the code has for them.
        value = model.model_validate(plain_value(document.root), by_alias=True, by_name=False)
    except ValidationError as error:
        found = _Explainer(document.file, document.root, model).problems(error)
        # Not even a refusal that nothing here has words for may look like a file without problems.
        rest = [] if found or document.problems else [_nameless(document.file, document.root)]
        return None, in_order([*document.problems, *found, *rest])
    return (None if document.problems else value), list(document.problems)


def _nameless(file: str, root: Node) -> Problem:
    return Problem(file, *root.at, "wrong-value", "this file does not hold what it should")


class _Explainer:
    """Turns the errors of a model into problems of the file.

    The errors name their place by keys, indices and the tags of unions. A tag may look like a key (`count`), so
    the place is found by walking the model's own schema along with the nodes.
    """

    def __init__(self, file: str, root: Node, model: type[BaseModel]) -> None:
        self._file = file
        self._root = root
        schema: Schema = dict(model.__pydantic_core_schema__)
        self._refs: dict[str, Schema] = {part["ref"]: part for part in schema.get("definitions", ())}
        self._schema = schema

    def problems(self, error: ValidationError) -> list[Problem]:
        """Return the problems, without those that only follow from others."""
        errors = error.errors(include_url=False, include_input=False)
        unknown = [item for item in errors if item["type"] == "extra_forbidden"]
        missing = [item for item in errors if item["type"] == "missing"]
        others = [item for item in errors if item["type"] not in ("extra_forbidden", "missing")]
        meant: dict[int, set[str]] = {}
        found = [self._unknown_key(item["loc"], meant) for item in unknown[:_MOST_TOLD]]
        found += self._missing_keys([item["loc"] for item in missing], meant)
        found += self._refused_values(others)
        return [problem for problem in found if problem is not None]

    def _problem(self, node: Node, words: ProblemText) -> Problem | None:
        if isinstance(node, UnreadNode):
            return None
        return Problem(self._file, *(words.at or node.at), words.code, words.message, words.hint)

    def _unknown_key(self, loc: Sequence[int | str], meant: dict[int, set[str]]) -> Problem | None:
        location = self._location(loc[:-1])
        if not isinstance(location.node, MapNode):
            return None
        told = meant.setdefault(id(location.node), set())
        words, stands_for = unknown_key(location, str(loc[-1]), told)
        told.add(stands_for or "")
        return None if words is None else self._problem(location.node, words)

    def _missing_keys(self, locs: list[tuple[int | str, ...]], meant: dict[int, set[str]]) -> list[Problem | None]:
        missing: dict[int, tuple[ErrorLocation, list[str]]] = {}
        for loc in locs:
            location, name = self._location(loc[:-1]), str(loc[-1])
            if not isinstance(location.node, MapNode) or not location.node.is_whole:
                continue
            if name not in meant.get(id(location.node), ()) and not _is_said_elsewhere(location.node, name):
                missing.setdefault(id(location.node), (location, []))[1].append(name)
        return [self._problem(location.node, missing_keys(location, names)) for location, names in missing.values()]

    def _refused_values(self, errors: Iterable[Any]) -> list[Problem | None]:
        found: list[Problem | None] = []
        told = set()
        for item in errors:
            location = self._location(item["loc"])
            if isinstance(location.node, MapNode) and not location.node.is_whole:
                continue  # what it lacks may be what was refused and told already
            if location.union is not None:
                # A union complains once for each of its members; and a list that it takes is told about inside.
                is_size = str(item["type"]).endswith(("too_short", "too_long"))
                takes_list = isinstance(location.node, ListNode) and location.schema is not None
                if (takes_list and not is_size) or id(location.node) in told:
                    continue
                told.add(id(location.node))
            found.append(self._problem(location.node, explained(item, location)))
        return found

    def _location(self, loc: Sequence[int | str]) -> ErrorLocation:
        """Walk nodes and schema along the place that an error names, as far as there are nodes."""
        node, key = self._root, None  # and the key that leads to the node, if one does
        schema, model = self._unwrapped(self._schema)
        kinds, union = dict[str, Schema](), None
        for part in loc:
            if part == "[key]" and key is not None:
                return ErrorLocation(key, None, {}, None, None, self._unwrapped)
            kind = schema["type"] if schema else None
            if schema and kind == "tagged-union":
                kinds = schema["choices"]
                schema, model = self._unwrapped(kinds.get(str(part)))
                continue
            if schema and kind == "union":
                union = schema
                schema = self._list_of(union) if isinstance(node, ListNode) else None
                continue
            if isinstance(node, ListNode) and isinstance(part, int) and part < len(node.items):
                node, key = node.items[part], None
            elif isinstance(node, MapNode) and part in node.entries:
                key, node = node.entries[str(part)]
            else:
                break
            (schema, model), kinds, union = self._unwrapped(_inside(schema, part)), {}, None
        return ErrorLocation(node, schema, kinds, union, model, self._unwrapped, None if key is None else key.text)

    def _list_of(self, union: Schema) -> Schema | None:
        return next((choice for choice in union["choices"] if choice["type"] == "list"), None)

    def _unwrapped(self, schema: Schema | None) -> tuple[Schema | None, type[BaseModel] | None]:
        """Return the part of a schema that says what keys, items or values it wants, and the model if it is one."""
        model = None
        while schema is not None:
            model = schema["cls"] if schema["type"] == "model" else model
            if schema["type"] == "definition-ref":
                schema = self._refs.get(schema["schema_ref"])
            elif "schema" in schema:
                schema = schema["schema"]
            else:
                break
        return schema, model


def _is_said_elsewhere(node: MapNode, name: str) -> bool:
    """Tell whether a missing key is part of another one's value, as in `none: purchase for 45 days`; that is told."""
    values = [value.text for _, value in node.entries.values() if isinstance(value, ScalarNode)]
    return any(f" {name} " in text for text in values)


def _inside(schema: Schema | None, part: int | str) -> Schema | None:
    if schema is None:
        return None
    if schema["type"] == "model-fields":
        fields = {alias_of(name, field): field for name, field in schema["fields"].items()}
        return fields.get(str(part))
    inner: Schema | None = schema.get("items_schema" if isinstance(part, int) else "values_schema")
    return inner
