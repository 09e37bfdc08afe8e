"""YAML nodes checked against a model: every refusal of the model becomes a problem at its position.

`parse_yaml` turns text into nodes with positions (`yaml_nodes`), `validate` turns nodes into a model, and
`read_yaml` does both. This module must never know the purpose of a file: the model is an argument. `key_errors` and
`model_errors` word the problems.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError

from workers.rule_files.error_locations import ErrorLocation, ProblemText, Schema, alias_of
from workers.rule_files.files import read_text
from workers.rule_files.key_errors import missing_keys, unknown_key
from workers.rule_files.model_errors import explained
from workers.rule_files.problems import Problem, Replacement, in_order
from workers.rule_files.yaml_nodes import (
    Document,
    ListNode,
    MapNode,
    Node,
    ScalarNode,
    UnreadNode,
    parse_yaml,
    plain_value,
)

_MOST_REPORTED: Final = 500
"""Unknown keys of a file that are reported: each is compared with every known one."""

Model = TypeVar("Model", bound=BaseModel)


def read_yaml_file(path: Path, model: type[Model]) -> tuple[Model | None, list[Problem]]:
    """Read and validate one file of at most 256 KiB of UTF-8; never raise because of its content."""
    text, problems = read_text(path)
    return (None, problems) if text is None else read_yaml(path, text, model)


def read_yaml(file: str | Path, text: str, model: type[Model]) -> tuple[Model | None, list[Problem]]:
    """Parse and validate a text; the value is None if there is any problem.

    Args:
        file: the name of the file in problems; nothing is read from it.
        text: the whole file.
        model: the model of the file.

    Returns:
        The value or None, and the problems in the order of the file.
    """
    return validate(parse_yaml(str(file), text), model)


def validate(document: Document, model: type[Model]) -> tuple[Model | None, list[Problem]]:
    """Check parsed nodes against a model; return also the document's own problems, in the order of the file."""
    if document.root is None:
        return None, list(document.problems)
    try:
        # Keys are those of the published schema, not the names of the fields in Python.
        value = model.model_validate(plain_value(document.root), by_alias=True, by_name=False)
    except ValidationError as error:
        problems = [*document.problems, *_Explainer(document.file, document.root, model).problems(error)]
        # A refusal that has no words of its own must not make the file look correct.
        return None, in_order(problems or [_unexplained(document.file, document.root)])
    return (None if document.problems else value), list(document.problems)


def _unexplained(file: str, root: Node) -> Problem:
    return Problem(file, *root.at, "wrong-value", "this file does not have the expected content")


class _Explainer:
    """Turns the errors of a model into problems of the file.

    Errors name their location by keys, indices and the tags of unions. A tag can look like a key (`count`), so
    the node is found by walking through the model's schema and the nodes together.
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
        problems = [self._unknown_key(item["loc"], meant) for item in unknown[:_MOST_REPORTED]]
        problems += self._missing_keys([item["loc"] for item in missing], meant)
        problems += self._refused_values(others)
        return [problem for problem in problems if problem is not None]

    def _problem(self, node: Node, text: ProblemText) -> Problem | None:
        if isinstance(node, UnreadNode):
            return None
        at = text.at or node.at
        replacement = None if text.instead is None else Replacement(at.line, at.column, *text.instead)
        return Problem(
            self._file,
            *at,
            text.code,
            text.message,
            text.hint,
            replacement=replacement,
            otherwise=text.otherwise,
        )

    def _unknown_key(self, loc: Sequence[int | str], meant: dict[int, set[str]]) -> Problem | None:
        location = self._location(loc[:-1])
        if not isinstance(location.node, MapNode):
            return None
        already_meant = meant.setdefault(id(location.node), set())
        explanation = unknown_key(location, str(loc[-1]), already_meant)
        already_meant.add(explanation.meant or "")
        return None if explanation.text is None else self._problem(location.node, explanation.text)

    def _missing_keys(self, locs: list[tuple[int | str, ...]], meant: dict[int, set[str]]) -> list[Problem | None]:
        missing: dict[int, tuple[ErrorLocation, list[str]]] = {}
        for loc in locs:
            location, key = self._location(loc[:-1]), str(loc[-1])
            if not isinstance(location.node, MapNode) or not location.node.is_whole:
                continue
            if key not in meant.get(id(location.node), ()) and not _is_inside_a_value(location.node, key):
                missing.setdefault(id(location.node), (location, []))[1].append(key)
        return [self._problem(location.node, missing_keys(location, keys)) for location, keys in missing.values()]

    def _refused_values(self, errors: Iterable[Any]) -> list[Problem | None]:
        problems: list[Problem | None] = []
        reported = set()
        for error in errors:
            location = self._location(error["loc"])
            if isinstance(location.node, MapNode) and not location.node.is_whole:
                continue  # what it lacks may be an entry that was refused and reported already
            if location.union is not None:
                # A union complains once for each member. If it takes a list, the errors inside the list say more.
                is_size = str(error["type"]).endswith(("too_short", "too_long"))
                takes_list = isinstance(location.node, ListNode) and location.schema is not None
                if (takes_list and not is_size) or id(location.node) in reported:
                    continue
                reported.add(id(location.node))
            problems.append(self._problem(location.node, explained(error, location)))
        return problems

    def _location(self, loc: Sequence[int | str]) -> ErrorLocation:
        """Walk through nodes and schema along the location of an error, as far as there are nodes."""
        node, key = self._root, None  # and the key that leads to the node, if there is one
        schema, model = self._unwrapped(self._schema)
        kinds, union = dict[str, Schema](), None
        way: list[Node] = []
        for part in loc:
            if part == "[key]" and key is not None:
                return ErrorLocation(key, None, {}, None, None, self._unwrapped, way=tuple(way))
            schema_type = schema["type"] if schema else None
            if schema and schema_type == "tagged-union":
                kinds = schema["choices"]
                schema, model = self._unwrapped(kinds.get(str(part)))
                continue
            if schema and schema_type == "union":
                union = schema
                schema = _list_choice(union) if isinstance(node, ListNode) else None
                continue
            around = node
            if isinstance(node, ListNode) and isinstance(part, int) and part < len(node.items):
                node, key = node.items[part], None
            elif isinstance(node, MapNode) and part in node.entries:
                key, node = node.entries[str(part)]
            else:
                break
            way.append(around)
            (schema, model), kinds, union = self._unwrapped(_inside(schema, part)), {}, None
        return ErrorLocation(
            node, schema, kinds, union, model, self._unwrapped, None if key is None else key.text, tuple(way)
        )

    def _unwrapped(self, schema: Schema | None) -> tuple[Schema | None, type[BaseModel] | None]:
        """Return the part of a schema that names keys, items or values, and the model if it is one."""
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


def _list_choice(union: Schema) -> Schema | None:
    return next((choice for choice in union["choices"] if choice["type"] == "list"), None)


def _is_inside_a_value(node: MapNode, key: str) -> bool:
    """Return whether a missing key is part of a value, as in `none: purchase for 45 days`, which is reported."""
    values = [value.text for _, value in node.entries.values() if isinstance(value, ScalarNode)]
    return any(f" {key} " in text for text in values)


def _inside(schema: Schema | None, part: int | str) -> Schema | None:
    if schema is None:
        return None
    if schema["type"] == "model-fields":
        fields = {alias_of(name, field): field for name, field in schema["fields"].items()}
        return fields.get(str(part))
    inner: Schema | None = schema.get("items_schema" if isinstance(part, int) else "values_schema")
    return inner
