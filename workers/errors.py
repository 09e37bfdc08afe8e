"""The tree of errors. Each class says who can mend it; `cli` and `worker` decide what each one means.

    LingerError
    ├── StartupError        the operator: settings, files, topics, Redis; every problem at once
    ├── PartitionStopped    the operator: state and log of one partition do not fit together
    ├── TooManyDeadLetters  the operator or the producer's team: a topic has become unreadable
    ├── Transient           nobody: the same step is tried again, in order
    └── Fenced              nobody: another worker owns the partition, this one lets go of it

What a single record does wrong is `schemas.events.InvalidEvent`; it goes to the dead-letter topic.
"""

from collections.abc import Sequence


class LingerError(Exception):
    """Base of everything that Linger raises on purpose."""


class StartupError(LingerError):
    """Linger cannot start as it is set up.

    Attributes:
        problems: each says what was found, where, and what to do.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


class PartitionStopped(LingerError):
    """One partition's stored state does not belong to its log; going on would lose or repeat events."""

    def __init__(self, partition: int, problem: str, mend: str) -> None:
        super().__init__(f"partition {partition} is stopped: {problem}. {mend}")
        self.partition = partition


class TooManyDeadLetters(LingerError):
    """So much of a source is unreadable that going on would drain it into the dead-letter topic."""


class Transient(LingerError):
    """Something outside did not answer as it should; the same step is tried again."""


class Fenced(LingerError):
    """Another worker has claimed this partition; what this one holds of it is void."""

    def __init__(self, partition: int) -> None:
        super().__init__(f"partition {partition} was claimed by another worker")
        self.partition = partition
