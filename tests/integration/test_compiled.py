"""A wheel has a core that is compiled: the same code, which must decide the same."""

import asyncio
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from typing import Final

import msgspec
import pytest

from benchmarks.linger_figures.preload import pasts
from benchmarks.workload import Workload, all_decisions, load_rules
from tests.conftest import need
from tests.integration.test_worker import QUIET
from tests.support.compiled import ROOT, NotCompiled, compiled, environment
from tests.support.site import site
from workers.demo.embedded import Pair

pytestmark = pytest.mark.integration

CORE: Final = ROOT / "workers" / "core"
TESTS_OF_THE_CORE: Final = (
    "benchmarks/test_by_hand",
    "core/conditions/test_conditions",
    "core/decisions/test_admission",
    "core/decisions/test_decide",
    "core/decisions/test_typed_values",
    "core/events/test_attribute_types",
    "core/decisions/test_history",
    "core/formats/test_avro",
    "core/mapping/test_cases",
    "core/mapping/test_conditions",
    "core/mapping/test_envelopes",
    "core/mapping/test_history",
    "core/mapping/test_mapper",
    "core/mapping/test_moments",
    "core/mapping/test_money",
    "core/mapping/test_places",
    "core/mapping/test_trace",
    "core/test_source_positions",
    "core/rules/test_contact_policy",
    "explain/test_sentences",
    "processor/test_agent",
    "processor/test_batches",
    "processor/test_event_reader",
    "processor/test_held_actions",
    "processor/test_ownership",
    "processor/test_partition",
    "processor/test_sweep",
    "processor/test_timers",
)
"""Tests that look into the core, and so see another one if there is another one."""


@pytest.fixture(scope="session", params=["quickly", pytest.param("optimized", marks=pytest.mark.long)])
def wheel(request: pytest.FixtureRequest) -> Path:
    """The packages of a wheel that was built of this very code."""
    try:
        return compiled(is_optimized=request.param == "optimized")
    except NotCompiled as error:
        need(str(error))
        raise


def in_python(wheel: Path, *arguments: str) -> str:
    """Run Python with the packages of the wheel before those of this folder; return what it wrote."""
    done = subprocess.run(
        [sys.executable, *arguments],
        env={**environment(wheel, ROOT)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def test_every_module_of_the_core_is_compiled(wheel: Path) -> None:
    names = {path.relative_to(ROOT).with_suffix("") for path in CORE.rglob("*.py") if path.name != "__init__.py"}
    names.add(Path("schemas/actions"))
    libraries = {path.relative_to(wheel).parent / path.name.split(".")[0] for path in wheel.rglob("*.so")}
    assert libraries == names
    shown = in_python(wheel, "-c", "import workers.core.decisions.decide as it; print(it.__file__)")
    assert shown.startswith(str(wheel))
    assert shown.strip().endswith(".so")


def test_the_compiled_core_passes_the_tests_of_the_core(wheel: Path) -> None:
    files = [f"tests/unit/{name}.py" for name in TESTS_OF_THE_CORE]
    # Appended, not put first: the folder of the tests holds the core in plain Python, too.
    output = in_python(wheel, "-m", "pytest", "-q", "--import-mode=append", "-p", "no:cacheprovider", *files)
    assert " passed" in output


def test_the_compiled_core_decides_what_the_core_in_plain_python_decides(wheel: Path) -> None:
    program = "from tests.integration.test_compiled import digest_of_decisions as it; print(it())"
    assert in_python(wheel, "-c", program).strip() == digest_of_decisions()


def digest_of_decisions(events: int = 12_000, customers: int = 600) -> str:
    """Return a digest of all that is decided about the workload of the benchmarks, and of all that is stored."""
    workload = Workload(events, customers)
    content = sha256()
    for decision in all_decisions(workload):
        content.update(msgspec.json.encode(decision))
    for stored in pasts(workload, load_rules(), workload.end_ms):
        content.update(stored.raw)
    return content.hexdigest()


def test_a_worker_with_a_compiled_core_says_so_and_acts(wheel: Path, apache_pair: Pair, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with site(apache_pair, tmp_path, QUIET, worker_connection=environment(wheel)) as place:
            await place.order("ada", 1.5)
            await place.now(12)
            await place.decided_until(12)
            (action,) = await place.actions("at-risk")
            assert action["decided_at"] == "2024-01-12T12:00:00Z"
            assert '"core": "compiled"' in place.log()

    asyncio.run(scenario())
