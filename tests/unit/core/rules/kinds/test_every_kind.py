"""Laws of every kind of condition: what it must have. A new kind begins anywhere; this page says what it still lacks.

A kind is a file in `workers/core/rules/kinds`, one of the same name in `schemas/conditions`, an entry in `KINDS`, or
a tag of `schemas.conditions.Condition`. `CONTRIBUTING.md` goes through all of it step by step.
"""

import ast
import json
import re
from functools import cache
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, Final, get_args

import pytest
from pydantic import Tag
from ruamel.yaml import YAML

from schemas import conditions as model
from tests.support.builders import day
from tests.support.looked_at import READ, TYPES, LookedAt, is_condition
from tests.support.paths import ROOT
from workers.core.conditions.condition import FALSE, NOT_OBSERVABLE, TRUE, Elementary
from workers.core.coverage import FOREVER_MS
from workers.core.phrases import Said
from workers.core.rules.kind import Kind
from workers.core.rules.kinds import KINDS, kind_of

CORE: Final = ROOT / "workers" / "core" / "rules" / "kinds"
WRITTEN: Final = ROOT / "schemas" / "conditions"
LAWS: Final = ROOT / "tests" / "unit" / "core" / "rules" / "kinds"
PAGE: Final = ROOT / "docs" / "rules.md"
SCHEMA: Final = ROOT / "schemas" / "json" / "rules.schema.json"
NO_KINDS: Final = {"__init__", "ages", "bounds", "combinations", "elementary", "filters", "uses", "windows", "words"}
"""Files in the two folders that several kinds share."""
COMBINED: Final = {"all", "any", "not", "meets"}


def tags() -> dict[str, Any]:
    """Return the models that a rule file may contain, by their tags."""
    union = get_args(model.Condition)[0]
    tagged = [get_args(part) for part in get_args(union)]
    return {tag.tag: kind for kind, *marks in tagged for tag in marks if isinstance(tag, Tag)}


def file_of(word: str) -> str:
    return word.replace(" ", "_")


NAMES: Final = sorted(
    {path.stem for folder in (CORE, WRITTEN) for path in folder.glob("*.py") if path.stem not in NO_KINDS}
    | {file_of(word) for word in {*KINDS, *tags()} - COMBINED}
)
each = pytest.mark.parametrize("name", NAMES)


def module_of(name: str) -> ModuleType:
    assert (CORE / f"{name}.py").exists(), f"write workers/core/rules/kinds/{name}.py; none.py shows how"
    return import_module(f"workers.core.rules.kinds.{name}")


def kind_named(name: str) -> Kind:
    module = module_of(name)
    assert hasattr(module, "KIND"), f"end workers/core/rules/kinds/{name}.py with KIND = Kind(...)"
    kind: Kind = module.KIND
    return kind


@cache
def shown() -> tuple[Any, ...]:
    """Return every elementary condition that stands alone in a block of docs/rules.md, with its opposite below."""
    blocks = re.findall(r"^```yaml\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    contents = [YAML(typ="safe").load(block) for block in blocks]
    whole = [READ(content) for content in contents if is_condition(content)]
    return tuple(part for one in whole for part in elementary(one) if not isinstance(part, model.Meets))


def elementary(when: Any) -> list[Any]:
    parts = model.parts_of(when)
    return [one for part in parts for one in elementary(part)] if parts else [when]


def samples(name: str) -> list[Any]:
    kind = kind_named(name)
    found = [when for when in shown() if isinstance(when, kind.model)]
    assert found, f"show `{kind.word}` in docs/rules.md: a block with the condition alone, and its sentence below it"
    return found


@each
def test_how_it_is_written_is_a_file_of_the_same_name(name: str) -> None:
    assert (WRITTEN / f"{name}.py").exists(), f"write schemas/conditions/{name}.py"
    kind = kind_named(name)
    assert kind.model.__module__ == f"schemas.conditions.{name}", f"move {kind.model.__name__} there"
    assert getattr(model, kind.model.__name__, None) is kind.model, "export it in schemas/conditions/__init__.py"
    assert kind.model.__name__ in model.__all__, "add it to __all__ in schemas/conditions/__init__.py"


@each
def test_a_rule_file_may_contain_it(name: str) -> None:
    kind, place = kind_named(name), "in schemas/conditions/combinations.py"
    assert tags().get(kind.word) is kind.model, f'add Annotated[{kind.model.__name__}, Tag("{kind.word}")] {place}'
    assert kind.model.__name__ in json.loads(SCHEMA.read_text())["$defs"], "run python -m schemas.generate"
    for when in samples(name):
        written = when.model_dump(mode="json", by_alias=True, exclude_none=True)
        assert model.condition_kind(when) == model.condition_kind(written) == kind.word, "its word is its first key"
        assert READ(written) == when


@each
def test_the_core_has_it(name: str) -> None:
    kind = kind_named(name)
    assert file_of(kind.word) == name, f"its word is `{kind.word}`: call the file {file_of(kind.word)}.py"
    assert KINDS.get(kind.word) is kind, "add it to KINDS in workers/core/rules/kinds/__init__.py"
    for when in samples(name):
        assert kind_of(when) is kind
        read = kind.types(when)
        assert kind.where_declared <= read
        for turning in (kind.can_turn_false(when), kind.can_turn_true(when)):
            assert turning <= read, "a type that can turn it is a type that it reads"
        least, most = kind.least_events(when), kind.most_events(when)
        assert {*least, *most} <= read
        assert all(number > 0 for number in least.values())
        assert all(number >= least.get(one, 0) for one, number in most.items())


@each
def test_the_compiler_knows_its_fields(name: str) -> None:
    module, declared = module_of(name), CORE / f"{name}.pxd"
    assert declared.exists(), f"write workers/core/rules/kinds/{name}.pxd; none.pxd shows how"
    classes = [one for one in vars(module).values() if isinstance(one, type) and issubclass(one, Elementary)]
    own = [one for one in classes if one.__module__ == module.__name__]
    assert own, "write a class, under Elementary"
    for one in own:
        assert f"cdef class {one.__name__}" in declared.read_text(), f"declare {one.__name__} in {declared.name}"


@each
def test_it_has_laws_of_its_own(name: str) -> None:
    laws = LAWS / f"test_{name}.py"
    assert laws.exists(), f"write tests/unit/core/rules/kinds/{laws.name}"
    assert "\ndef test_" in laws.read_text()


@each
def test_it_is_said_in_both_forms(name: str) -> None:
    kind = kind_named(name)
    for when in samples(name):
        holds, opposite = kind.said(when, holds=True), kind.said(when, holds=False)
        assert isinstance(holds, Said)
        assert isinstance(opposite, Said)
        assert holds.phrase != opposite.phrase
        for one in (holds, opposite):
            assert one.of(named=False).startswith((f"a customer {one.verb} ", f"{one.before}a customer's "))
            assert one.of(named=True).startswith(("they ", f"{one.before}their "))


@each
@pytest.mark.parametrize("is_opposite", [False, True], ids=["", "not"])
def test_it_looks_at_a_customer_and_words_its_reason(name: str, is_opposite: bool) -> None:
    kind = kind_named(name)
    for when in samples(name):
        whole = model.Not(not_=when) if is_opposite else when
        one = LookedAt(whole, [*TYPES, *kind.types(when)])
        for has_happened in (False, True):
            for name_of_type in kind.types(when) if has_happened else ():
                one.saw(name_of_type, 1, 3, 3.5)
            for at_day in (4, 40, 400):
                truth = one.condition.look(day(at_day))
                assert truth in (FALSE, NOT_OBSERVABLE, TRUE)
                flip_ms = one.condition.flip_ms
                assert day(at_day) < flip_ms <= FOREVER_MS, "flip_ms is a later moment, or FOREVER_MS"
                if flip_ms < FOREVER_MS:
                    one.condition.look(flip_ms - 1)
                    assert one.condition.flip_ms == flip_ms
                    assert one.condition.look(flip_ms - 1) == truth
                    assert one.condition.look(flip_ms) != truth
                (reason,) = one.reasons(at_day)
                assert reason.condition == kind.said(when, holds=not is_opposite).phrase
                assert reason.bound.startswith("not ") == is_opposite
                assert reason.prevented_by is None or not is_opposite


# --- nothing else knows a kind --------------------------------------------------------------------------------------

MODELS: Final = {kind.model.__name__ for kind in KINDS.values()}


def distinguished_in(path: Path) -> set[str]:
    """Return the models of kinds that a file distinguishes: by `isinstance`, by `match`, by `type(...) is`."""
    found = set[str]()
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.Call(func=ast.Name(id="isinstance" | "issubclass"), args=[_, kinds]):
                found |= names_in(kinds)
            case ast.MatchClass(cls=kind):
                found |= names_in(kind)
            case ast.Compare(left=ast.Call(func=ast.Name(id="type")), comparators=kinds):
                found |= set[str]().union(*map(names_in, kinds))
    return found & MODELS


def names_in(node: ast.expr) -> set[str]:
    inside = list(ast.walk(node))
    return {one.id for one in inside if isinstance(one, ast.Name)} | {
        f"{one.value.id}.{one.attr}".removeprefix("model.").removeprefix("conditions.")
        for one in inside
        if isinstance(one, ast.Attribute) and isinstance(one.value, ast.Name)
    }


def test_only_its_two_files_tell_a_kind_from_others() -> None:
    files = [path for folder in ("schemas", "workers") for path in (ROOT / folder).rglob("*.py")]
    others = [path for path in files if path.parent not in (CORE, WRITTEN)]
    # Other modules may have such names of their own: they distinguish no conditions of rules.
    about = [
        path for path in others if re.search(r"schemas\.conditions|schemas import .*conditions", path.read_text())
    ]
    found_in = {str(path.relative_to(ROOT)): found for path in about if (found := distinguished_in(path))}
    assert found_in == {}, "ask KINDS (workers.core.rules.kinds), or the model itself (schemas.conditions.elementary)"
