"""`linger`, and `python -m workers`: the only reader of the environment.

Containers run `linger healthcheck` every few seconds. It is answered here, because to import the other commands takes
more than a second of a processor. For the same reason a worker handles signals before anything else is imported.
"""

import os
import sys
from collections.abc import Sequence
from typing import Final

from workers.signals import expect_nothing_begun

_EXIT_NOT_HEALTHY: Final = 1
_EXIT_SETUP: Final = 2


def main() -> None:
    """Run the command line."""
    match sys.argv[1:]:
        case ["run", *_]:
            expect_nothing_begun()
        case ["healthcheck"] | ["healthcheck", "--ready"] | ["healthcheck", "--url", _]:
            sys.exit(_healthcheck(*sys.argv[2:]))
    from workers.cli.app import run_command

    run_command(os.environ)


def _healthcheck(option: str | None = None, url: str | None = None) -> int:
    """Print what the worker answers, or the problem, and return the exit status."""
    from workers.errors import StartupError
    from workers.operations.liveness_probe import NotHealthy, liveness_url, probe, readiness_url

    try:
        url_of = liveness_url if option is None else readiness_url
        answer = probe(url_of(os.environ) if url is None else url)
    except StartupError as error:
        _write_errors(error.problems)
        return _EXIT_SETUP
    except NotHealthy as error:
        _write_errors([str(error)])
        return _EXIT_NOT_HEALTHY
    sys.stdout.write(f"{answer}\n")
    return 0


def _write_errors(problems: Sequence[str]) -> None:
    for problem in problems:
        sys.stderr.write(f"error: {problem}\n")


if __name__ == "__main__":
    main()
