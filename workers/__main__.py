"""`linger`, and `python -m workers`: the only reader of the environment.

Containers run `linger healthcheck` every few seconds. It is answered here, because to import the other commands takes
more than a second of a processor. The log of a worker begins here, and its handling of signals, before anything is
imported that may fail or take time.
"""

import os
import sys
from collections.abc import Mapping, Sequence
from typing import Final

from workers.observability.escapes import escaped
from workers.signals import expect_nothing_begun
from workers.variables import read_variables

_EXIT_NOT_HEALTHY: Final = 1
_EXIT_SETUP: Final = 2


def main() -> None:
    """Run the command line."""
    match sys.argv[1:]:
        case ["run", *options]:
            expect_nothing_begun()
            if not {"-h", "--help"} & set(options) and _logs_as_json(os.environ):
                _run_logged(os.environ)
        case ["healthcheck"] | ["healthcheck", "--ready"] | ["healthcheck", "--url", _]:
            sys.exit(_healthcheck(*sys.argv[2:]))
    sys.excepthook = _print_escaped
    from workers.cli.app import run_command

    run_command(os.environ)


def _logs_as_json(environment: Mapping[str, str]) -> bool:
    """Return whether the log is JSON; a setting that is wrong counts as `auto`, and is reported later."""
    style = read_variables(environment, {"log_format": "plain"}).texts.get("log_format", "auto")
    return style == "json" or (style != "text" and not sys.stderr.isatty())


def _run_logged(environment: Mapping[str, str]) -> None:
    """Run the worker; every line that it writes, to the last, is a line of its log."""
    from workers.observability import last_words

    last_words.guard()
    try:
        from workers.cli.app import run_command

        run_command(environment)
    except SystemExit as ended:
        last_words.note_exit(ended.code)
        raise
    except BaseException as error:
        last_words.say_end(last_words.EXIT_UNEXPECTED, error=error)
        sys.exit(last_words.EXIT_UNEXPECTED)


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


def _print_escaped(kind: type[BaseException], error: BaseException, place: object) -> None:
    """Print the traceback of an error whose message may hold anything."""
    import traceback

    sys.stderr.write(escaped("".join(traceback.format_exception(error)), keep="\n"))


def _write_errors(problems: Sequence[str]) -> None:
    for problem in problems:
        sys.stderr.write(f"error: {escaped(problem)}\n")


if __name__ == "__main__":
    main()
