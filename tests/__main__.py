"""All tests, in three runs: the short one, which people wait for, the rest, which CI runs too, and the long one.

python -m tests            # what `make test` calls: everything without the marks `rest` and `long`
python -m tests rest       # what `make test-rest` calls: those with `rest`, and Hypothesis again with more examples
python -m tests long       # what `make test-long` calls: those with `long`, and Hypothesis with the most examples
python -m tests all        # all three

Several pytests run at once: those that start servers share the tests that need servers, and those that start none
take the processor time that the others leave. The exit status is 0 if all of them passed.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import IO, Final

from tests import prepare
from tests.support.examples import LONG, MIDDLE, SHORT

_PYTEST: Final = (sys.executable, "-m", "pytest")
_NICE: Final = ("nice", "-n", "19")
_NO_TESTS_CHOSEN: Final = 5
_LANES: Final = 2


@dataclass(frozen=True)
class Run:
    """One of the three runs.

    Attributes:
        profile: how many examples Hypothesis tries.
        with_servers: the tests that start servers, as pytest's `-m` chooses them.
        without_servers: those that start none.
    """

    profile: str
    with_servers: str
    without_servers: str


RUNS: Final = {
    "short": Run(SHORT, "integration and not (rest or long)", "not integration and not (rest or long)"),
    "rest": Run(MIDDLE, "integration and rest and not long", "not integration and (rest or hypothesis) and not long"),
    "long": Run(LONG, "integration and long", "not integration and (long or hypothesis)"),
}
_REST_COMMAND: Final = "make test-rest"


def main() -> int:
    """Prepare the machine, run what was asked for, and print how long each took."""
    parser = argparse.ArgumentParser(prog="python -m tests", description="Run the tests.")
    parser.add_argument("run", nargs="?", choices=[*RUNS, "all"], default="short")
    parser.add_argument("--since", type=float, help="when `make` began, in seconds since 1970")
    options = parser.parse_args()
    began = time.time()
    if prepare.main():
        return 1
    prepared = time.time()
    names = list(RUNS) if options.run == "all" else [options.run]
    passed = [_passes(RUNS[name]) for name in names]  # the next one is run, too, if one fails
    is_good = all(passed)
    environment = 0.0 if options.since is None else max(0.0, began - options.since)
    print(f"preparation  {prepared - began + environment:4.0f} s  ", end="")
    print(f"(environment {environment:.0f} s, downloads {prepared - began:.0f} s)")
    print(f"tests        {time.time() - prepared:4.0f} s  {'all passed' if is_good else 'FAILED: see above'}")
    if names == ["short"]:
        print(f"The slow tests, and more examples for the properties: {_REST_COMMAND} (about 10 minutes)")
    return 0 if is_good else 1


def _passes(run: Run) -> bool:
    """Run all tests of a run; what the first process prints is seen at once, the others follow at its end."""
    profile = f"--hypothesis-profile={run.profile}"
    lanes = [(*_PYTEST, "-m", run.with_servers, profile, f"--lane={lane}/{_LANES}") for lane in range(1, _LANES + 1)]
    quiet = (*_NICE, *_PYTEST, "-m", run.without_servers, profile)
    with ExitStack() as stack:
        others = [stack.enter_context(_beside(command)) for command in (*lanes[1:], quiet)]
        statuses = [subprocess.run(lanes[0], check=False).returncode]
        for process, printed in others:
            statuses.append(process.wait())
            printed.seek(0)
            print(printed.read(), flush=True)
    return all(status in (0, _NO_TESTS_CHOSEN) for status in statuses)


@contextmanager
def _beside(command: Sequence[str]) -> Iterator[tuple["subprocess.Popen[str]", IO[str]]]:
    """Run a command until it ends or the block does; what it prints is kept in a file."""
    with (
        tempfile.TemporaryFile("w+") as printed,
        subprocess.Popen(command, stdout=printed, stderr=printed, text=True) as process,
    ):
        try:
            yield process, printed
        finally:
            process.terminate()


if __name__ == "__main__":
    sys.exit(main())
