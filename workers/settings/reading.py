"""Reads the settings from variables, and reports every problem at once."""

from collections.abc import Mapping
from pathlib import Path
from types import UnionType
from typing import Any, Final, get_args

from pydantic import SecretStr, ValidationError
from pydantic.fields import FieldInfo

from workers.errors import StartupError
from workers.settings.consistency import CONSISTENCY, Check
from workers.settings.model import Settings
from workers.variables import PREFIX, Kind, read_variables, shown, unknown_variables


def _kind(field: FieldInfo) -> Kind:
    annotation: Any = field.annotation
    types = _types(annotation)
    return "secret" if SecretStr in types else "path" if Path in types else "plain"


def _types(annotation: Any) -> set[Any]:
    """Return the types in an annotation: `Path` of `Annotated[Path, …] | None`."""
    inner = get_args(annotation)
    return {annotation}.union(*map(_types, inner)) if isinstance(annotation, UnionType) or inner else {annotation}


KINDS: Final[Mapping[str, Kind]] = {name: _kind(field) for name, field in Settings.model_fields.items()}
"""How each setting is read."""


def read_settings(environment: Mapping[str, str], *more: Check) -> Settings:
    """Read the settings from `LINGER_…` variables.

    Args:
        environment: all variables.
        more: checks that this command needs besides `CONSISTENCY`.

    Raises:
        StartupError: with a line for everything that is wrong: each value with what was expected, each unknown
            variable with what was probably meant. A value that may be secret is never shown.
    """
    given = read_variables(environment, KINDS)
    wrong = dict(given.problems)
    try:
        settings = _settings(given.texts)
    except ValidationError as error:
        for details in error.errors(include_url=False, include_context=False):
            wrong.setdefault(str(details["loc"][0]), _problem(details))
        settings = _settings({field: text for field, text in given.texts.items() if field not in wrong})
    problems = unknown_variables(environment, KINDS)
    problems += [wrong[field] for field in KINDS if field in wrong]
    for check in (*CONSISTENCY, *more):
        if wrong.keys().isdisjoint(check.fields):
            problems += check.problems(settings)
    if problems:
        raise StartupError([" ".join(problem.split("\n")) for problem in problems])
    return settings


def _settings(texts: Mapping[str, str]) -> Settings:
    values: dict[str, Any] = dict(texts)
    return Settings(**values)


def _problem(details: Any) -> str:
    name = str(details["loc"][0])
    message = details["msg"].removeprefix("Value error, ")
    found = "" if KINDS[name] == "secret" else f", found '{shown(str(details['input']))}'"
    return f"{PREFIX}{name.upper()}: {message}{found}"
