"""Imports go one way, and what is pure stays pure: kept by reading the source, not by trusting it."""

import ast
import sys
from collections.abc import Iterator
from typing import Final

import pytest

from tests.support.paths import ROOT

PURE_LIBRARIES: Final = {"pydantic", "msgspec", "orjson"}
IMPURE: Final = {
    # clocks and chance
    "time",
    "random",
    "secrets",
    # the machine
    "os",
    "sys",
    "io",
    "pathlib",
    "shutil",
    "tempfile",
    "socket",
    "subprocess",
    "threading",
    "asyncio",
    "urllib",
    "http",
    # whoever listens
    "logging",
    "warnings",
    "structlog",
    "rich",
    "prometheus_client",
    # what is outside
    "redis",
    "aiokafka",
    "faust",
    "mode",
    "pydantic_settings",
    "typer",
}
CLOCKS: Final = {"now", "utcnow", "today", "uuid1", "uuid4", "urandom", "time_ns", "monotonic"}
# The generator of the schemas is a tool: it writes files, and nothing imports it.
TOOLS: Final = {"schemas.generate"}
# From the core outwards; each may import itself and what is listed before it.
LAYERS: Final = ("schemas", "workers.core", "workers")
BORDER: Final = "workers.cli.app"


def modules(*packages: str) -> list[str]:
    """Every module of some packages, by its dotted name."""
    found = []
    for package in packages:
        folder = ROOT / package.replace(".", "/")
        for path in sorted(folder.rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found.append(".".join(parts[:-1] if parts[-1] == "__init__" else parts))
    return found


PURE: Final = [name for name in modules("schemas", "workers/core") if name not in TOOLS]
EVERYTHING: Final = modules("schemas", "workers")


def tree_of(module: str) -> ast.Module:
    path = ROOT / f"{module.replace('.', '/')}.py"
    return ast.parse((path if path.exists() else path.with_suffix("") / "__init__.py").read_text())


def imports(module: str) -> set[str]:
    """What a module imports, anywhere in it, as dotted names; relative ones would be an error of their own."""
    found: set[str] = set()
    for node in ast.walk(tree_of(module)):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} has a relative import"
            for name in node.names:
                whole = f"{node.module}.{name.name}"
                found.add(whole if whole in EVERYTHING else node.module or "")
    return found


def top(name: str) -> str:
    return name.partition(".")[0]


def layer(name: str) -> int | None:
    """In which layer a module of Linger lies; None for what is not Linger's."""
    if name == "workers.core" or name.startswith("workers.core."):
        return 1
    return {"schemas": 0, "workers": 2}.get(top(name))


def calls(module: str) -> Iterator[str]:
    for node in ast.walk(tree_of(module)):
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Attribute):
                yield node.func.attr
            elif isinstance(node.func, ast.Name):
                yield node.func.id


def test_there_is_something_to_look_at() -> None:
    assert {"schemas.rules", "workers.core.decisions.decide", "workers.state.store", BORDER} <= set(EVERYTHING)
    assert "workers.core.decisions.decide" in PURE
    assert "schemas.actions" in imports("workers.core.decisions.decide")


@pytest.mark.parametrize("module", EVERYTHING)
def test_imports_go_one_way(module: str) -> None:
    mine = layer(module)
    assert mine is not None
    outward = {name for name in imports(module) if (layer(name) or 0) > mine}
    assert outward == set()


@pytest.mark.parametrize("module", [name for name in modules("schemas") if name not in TOOLS])
def test_schemas_import_only_the_library_and_what_describes_data(module: str) -> None:
    foreign = {name for name in imports(module) if top(name) not in sys.stdlib_module_names}
    assert {name for name in foreign if top(name) not in PURE_LIBRARIES | {"schemas"}} == set()


@pytest.mark.parametrize("module", modules("workers/core"))
def test_the_core_imports_no_more_than_the_schemas_do_and_itself(module: str) -> None:
    foreign = {name for name in imports(module) if top(name) not in sys.stdlib_module_names | PURE_LIBRARIES}
    assert {name for name in foreign if layer(name) not in (0, 1)} == set()


@pytest.mark.parametrize("module", PURE)
def test_what_is_pure_knows_no_clock_no_machine_and_no_network(module: str) -> None:
    assert {name for name in imports(module) if top(name) in IMPURE} == set()


@pytest.mark.parametrize("module", PURE)
def test_what_is_pure_asks_nobody_for_the_time_or_for_chance(module: str) -> None:
    assert CLOCKS & set(calls(module)) == set()


@pytest.mark.parametrize("module", PURE)
def test_what_is_pure_opens_no_file_and_prints_nothing(module: str) -> None:
    assert {"open", "print", "input", "read_text", "write_text", "exec", "eval"} & set(calls(module)) == set()


def reads_the_environment(module: str) -> bool:
    for node in ast.walk(tree_of(module)):
        if isinstance(node, ast.Attribute) and node.attr in ("environ", "environb", "getenv", "putenv"):
            return True
        if isinstance(node, ast.ImportFrom) and node.module == "os":
            return any(name.name in ("environ", "environb", "getenv") for name in node.names)
    return False


@pytest.mark.parametrize(
    "module",
    [name for name in EVERYTHING if name != BORDER],
)
def test_only_the_command_line_reads_the_environment(module: str) -> None:
    assert not reads_the_environment(module)


def test_the_command_line_does_read_it() -> None:
    assert reads_the_environment(BORDER)


@pytest.mark.parametrize("module", [name for name in EVERYTHING if name not in (BORDER, "workers.__main__")])
def test_nothing_imports_the_command_line(module: str) -> None:
    assert BORDER not in imports(module)


@pytest.mark.parametrize("module", EVERYTHING)
def test_only_one_module_touches_fausts_insides(module: str) -> None:
    inside = {name for name in imports(module) if top(name) in ("faust", "mode") and name != "faust.types"}
    assert inside == set() or module == "workers.kafka.faust_batches"


@pytest.mark.parametrize("module", EVERYTHING)
def test_no_module_of_the_product_imports_its_tests(module: str) -> None:
    assert {name for name in imports(module) if top(name) in ("tests", "benchmarks", "pytest", "hypothesis")} == set()


def test_the_layers_are_those_that_are_documented() -> None:
    assert [layer(name) for name in LAYERS] == [0, 1, 2]
    assert "Imports go one way" in (ROOT / "docs" / "architecture.md").read_text()
