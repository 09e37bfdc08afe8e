"""Imports go one way, and what is pure stays pure: kept by reading the source, not by trusting it."""

import ast
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import pytest

from tests.support.paths import ROOT

PURE_LIBRARIES: Final = {"pydantic", "msgspec", "orjson", "jmespath", "iso4217", "re2"}
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
    # output
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
# From what knows least to what knows most. A room may import itself and rooms of lower levels, never one of its own
# level or above. A room is a package, or a module that stands alone.
LEVELS: Final = (
    (
        "schemas",
        "workers.catalogue",
        "workers.errors",
        "workers.clock",
        "workers.signals",
        "workers.variables",
        "workers.observability",
        "workers.book.book",
        "workers.report.document",
        "workers.verdict",
    ),
    (
        "workers.core",
        "workers.kafka",
        "workers.rule_files",
        "workers.settings",
        "workers.printing",
        "workers.sealed_lines",
        "workers.experiments.figures",
        "workers.report.words",
    ),
    (
        "workers.audit",
        "workers.customer_facts",
        "workers.state",
        "workers.outbox",
        "workers.pauses",
        "workers.registry",
        "workers.rule_tests",
        "workers.source_files",
        "workers.histories",
        "workers.report.page",
    ),
    (
        "workers.book",
        "workers.customer_orders",
        "workers.dead_letters",
        "workers.experiments",
        "workers.operations",
        "workers.loading",
        "workers.explain",
        "workers.rule_lint",
        "workers.rule_preview",
        "workers.source_trial",
    ),
    (
        "workers.customer_export",
        "workers.intake",
        "workers.processor",
        "workers.requests",
        "workers.scan",
        "workers.demo",
        "workers.status",
    ),
    ("workers.report", "workers.runtime", "workers.recovery"),
    ("workers.cli",),
)
LEVEL_OF: Final = {room: level for level, rooms in enumerate(LEVELS) for room in rooms}
# The core has rooms of its own, in the same order.
CORE_LEVELS: Final = (
    ("workers.core.formats", "workers.core.memory"),
    (
        "workers.core.book",
        "workers.core.coverage",
        "workers.core.events",
        "workers.core.meaning",
        "workers.core.months",
        "workers.core.phrases",
        "workers.core.source_changes",
        "workers.core.source_positions",
        "workers.core.text",
        "workers.core.watermarks",
    ),
    (
        "workers.core.customer",
        "workers.core.direct_producers",
        "workers.core.mapping",
        "workers.core.source_set",
    ),
    ("workers.core.conditions", "workers.core.experiments"),
    ("workers.core.rules",),
    ("workers.core.decisions",),
)
CORE_LEVEL_OF: Final = {room: level for level, rooms in enumerate(CORE_LEVELS) for room in rooms}
OUTSIDE: Final = {"workers", "workers.__main__", "workers.core"}
WIDEST_FOLDER: Final = 16
# One file for each kind of condition, and nothing else: a table.
TABLES: Final = {ROOT / "workers" / "core" / "rules" / "kinds"}
LONGEST_CLASS: Final = 300
MOST_METHODS: Final = 20
# Only declares, one field after the other.
DECLARATIONS: Final = {"Settings"}
BORDER: Final = "workers.__main__"
COMMAND_LINE: Final = "workers.cli.app"


def modules(*packages: str) -> list[str]:
    """Every module of some packages, by its dotted name."""
    names = []
    for package in packages:
        folder = ROOT / package.replace(".", "/")
        for path in sorted(folder.rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            names.append(".".join(parts[:-1] if parts[-1] == "__init__" else parts))
    return names


PURE: Final = [name for name in modules("schemas", "workers/core", "workers/verdict") if name not in TOOLS]
EVERYTHING: Final = modules("schemas", "workers")


def tree_of(module: str) -> ast.Module:
    path = ROOT / f"{module.replace('.', '/')}.py"
    return ast.parse((path if path.exists() else path.with_suffix("") / "__init__.py").read_text())


def imports(module: str) -> set[str]:
    """What a module imports, anywhere in it, as dotted names; relative ones would be an error of their own."""
    return imported(tree_of(module), module)


def imported(tree: ast.Module, module: str) -> set[str]:
    """The same of a syntax tree: at the top, inside functions and under TYPE_CHECKING."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} has a relative import"
            for name in node.names:
                whole = f"{node.module}.{name.name}"
                names.add(whole if whole in EVERYTHING else node.module or "")
    return names


def top(name: str) -> str:
    return name.partition(".")[0]


def room(module: str, levels: Mapping[str, int] = LEVEL_OF) -> str | None:
    """In which room a module of Linger is; None for what is not Linger's."""
    return next((room for room in levels if module == room or module.startswith(f"{room}.")), None)


def climbs(module: str, levels: Mapping[str, int]) -> set[str]:
    """What a module imports that is not below it: in a room of its own level, or higher up."""
    mine = room(module, levels)
    assert mine is not None, f"{module} is in no room: add it to the levels"
    theirs = {name: room(name, levels) for name in imports(module)}
    return {name for name, other in theirs.items() if other not in (None, mine) and levels[other] >= levels[mine]}


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


@pytest.mark.parametrize("module", [name for name in EVERYTHING if name not in OUTSIDE])
def test_imports_go_one_way(module: str) -> None:
    assert climbs(module, LEVEL_OF) == set()


@pytest.mark.parametrize("module", [name for name in modules("workers/core") if name not in OUTSIDE])
def test_imports_of_the_core_go_one_way(module: str) -> None:
    assert climbs(module, CORE_LEVEL_OF) == set()


def test_an_import_is_seen_wherever_it_is_written() -> None:
    source = "def f():\n    import workers.cli.app\nif TYPE_CHECKING:\n    from workers.state.store import Store\n"
    assert imported(ast.parse(source), "here") == {"workers.cli.app", "workers.state.store"}


@pytest.mark.parametrize("folder", sorted({path.parent for path in ROOT.glob("workers/**/*.py")} - TABLES), ids=str)
def test_no_folder_is_wider_than_a_glance(folder: Path) -> None:
    assert len([path for path in folder.glob("*.py") if path.name != "__init__.py"]) <= WIDEST_FOLDER


def classes() -> Iterator[tuple[str, ast.ClassDef]]:
    """Every class but those inside the core, which another change rebuilds."""
    for module in EVERYTHING:
        if room(module) != "workers.core":
            for node in ast.walk(tree_of(module)):
                if isinstance(node, ast.ClassDef) and node.name not in DECLARATIONS:
                    yield module, node


@pytest.mark.parametrize(("module", "node"), [pytest.param(*one, id=f"{one[0]}.{one[1].name}") for one in classes()])
def test_a_class_has_one_reason(module: str, node: ast.ClassDef) -> None:
    methods = [part for part in node.body if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef)]
    assert (node.end_lineno or 0) - node.lineno < LONGEST_CLASS, module
    assert len(methods) <= MOST_METHODS, module


@pytest.mark.parametrize("module", [name for name in modules("schemas") if name not in TOOLS])
def test_schemas_import_only_the_library_and_what_describes_data(module: str) -> None:
    outside = {name for name in imports(module) if top(name) not in sys.stdlib_module_names}
    assert {name for name in outside if top(name) not in PURE_LIBRARIES | {"schemas"}} == set()


@pytest.mark.parametrize("module", modules("workers/core"))
def test_the_core_imports_no_more_than_the_schemas_do_and_itself(module: str) -> None:
    outside = {name for name in imports(module) if top(name) not in sys.stdlib_module_names | PURE_LIBRARIES}
    assert {name for name in outside if room(name) not in ("schemas", "workers.core")} == set()


@pytest.mark.parametrize("module", PURE)
def test_what_is_pure_knows_no_clock_no_machine_and_no_network(module: str) -> None:
    assert {name for name in imports(module) if top(name) in IMPURE} == set()


@pytest.mark.parametrize("module", PURE)
def test_what_is_pure_reads_neither_a_clock_nor_a_random_number(module: str) -> None:
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


@pytest.mark.parametrize("module", [name for name in EVERYTHING if name not in (BORDER, COMMAND_LINE)])
def test_nothing_imports_the_command_line(module: str) -> None:
    assert {BORDER, COMMAND_LINE}.isdisjoint(imports(module))


@pytest.mark.parametrize("module", EVERYTHING)
def test_only_one_module_touches_fausts_insides(module: str) -> None:
    inside = {name for name in imports(module) if top(name) in ("faust", "mode") and name != "faust.types"}
    assert inside == set() or module == "workers.kafka.faust_batches"


@pytest.mark.parametrize("module", EVERYTHING)
def test_nothing_asks_through_a_proxy_that_the_environment_names(module: str) -> None:
    assert {name for name in imports(module) if name in ("urllib.request", "requests", "httpx")} == set()
    assert "trust_env" not in {word.arg for word in ast.walk(tree_of(module)) if isinstance(word, ast.keyword)}


@pytest.mark.parametrize("module", EVERYTHING)
def test_no_module_of_the_product_imports_its_tests(module: str) -> None:
    assert {name for name in imports(module) if top(name) in ("tests", "benchmarks", "pytest", "hypothesis")} == set()


def test_the_levels_are_those_that_are_documented() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text()
    assert "Imports go one way" in page
    documented = {int(level): set(rooms.split()) for level, rooms in re.findall(r"^(\d)  (.+)$", page, re.MULTILINE)}
    assert documented == {
        level: {name.removeprefix("workers.") for name in rooms} for level, rooms in enumerate(LEVELS, 1)
    }
