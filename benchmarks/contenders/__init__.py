"""Programs that do the work of `benchmarks.workload`, each in a file of its own."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Contender:
    """A program and what has to be known of it; README.md says what it does.

    Attributes:
        name: one word, as on the command line and in reports.
        title: what it is, for tables.
        state: where it keeps what it knows, and how that survives.
        delivery: what a crash may do to what it writes.
        prepare: installs what it needs into a folder that is kept from run to run; raises `Missing`.
        command: the arguments that start it, given that folder.
        environment: further variables.
    """

    name: str
    title: str
    state: str
    delivery: str
    command: Callable[[Path], Sequence[str]]
    prepare: Callable[[Path], None] = lambda _: None
    environment: dict[str, str] = field(default_factory=dict)


class Missing(Exception):
    """A contender cannot run here; the message says what it lacks and how to get it."""


def python_module(name: str) -> Callable[[Path], Sequence[str]]:
    """Return the command of a contender that runs in this very Python."""
    return lambda _: (sys.executable, "-m", name)
