"""Declarations for the compiler (.pxd) agree with the code: where they do not, a wheel would differ."""

import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Final

import pytest

from tests.support.paths import ROOT

DECLARATIONS: Final = [ROOT / "schemas" / "actions.pxd", *sorted((ROOT / "workers" / "core").rglob("*.pxd"))]
_CLASS: Final = re.compile(r"^cdef class (\w+)")
_FIELDS: Final = re.compile(r"^    cdef (?:public |readonly )?(?:long long|\w+) (\w+(?:, \w+)*)$")
_METHOD: Final = re.compile(r"^    c?p?def (?!readonly|public).*?(\w+)\(")
_FUNCTION: Final = re.compile(r"^(?:cdef|cpdef) .*?(\w+)\(")


def module_of(declarations: Path) -> ModuleType:
    return import_module(".".join(declarations.relative_to(ROOT).with_suffix("").parts))


def classes(declarations: Path) -> Iterator[tuple[str, list[str], list[str]]]:
    """Yield each class: its name, the fields in their order, and the methods."""
    name, own, methods = "", list[str](), list[str]()
    for line in [*declarations.read_text().splitlines(), "cdef class end"]:
        if match := _CLASS.match(line):
            if name:
                yield name, own, methods
            name, own, methods = match[1], [], []
        elif match := _FIELDS.match(line):
            own += match[1].split(", ")
        elif line.startswith("    c") and (match := _METHOD.match(line)):
            methods.append(match[1])


@pytest.mark.parametrize("declarations", DECLARATIONS, ids=lambda path: path.stem)
def test_declarations_name_what_there_is_and_in_its_order(declarations: Path) -> None:
    module = module_of(declarations)
    for name, own, methods in classes(declarations):
        kind = getattr(module, name)
        if is_dataclass(kind):
            assert own == [field.name for field in fields(kind)], name
        for method in methods:
            assert callable(getattr(kind, method)), f"{name}.{method}"
    for line in declarations.read_text().splitlines():
        if match := _FUNCTION.match(line):
            assert callable(getattr(module, match[1])), match[1]


def test_declarations_are_found() -> None:
    fields_by_class = {name: own for declarations in DECLARATIONS for name, own, _ in classes(declarations)}
    assert fields_by_class["OfTwoSeries"] == ["first", "then", "least_ms"]
    assert "look" in {
        method for declarations in DECLARATIONS for name, _, methods in classes(declarations) for method in methods
    }
