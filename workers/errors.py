"""The tree of errors. Each class states who can fix it; `cli` and `runtime` decide how to respond.

    LingerError
    ├── StartupError        the operator: settings, files, topics, Redis; every problem at once
    ├── PartitionStopped    the operator: state and log of one partition do not match
    ├── Transient           no one: the same step is repeated, in order
    └── Fenced              no one: another worker owns the partition, and this one gives it up

A fault of a single record is `schemas.events.InvalidEvent`; the record goes to the dead-letter topic.
"""

from collections.abc import Sequence


class LingerError(Exception):
    """Base of everything that Linger raises on purpose."""


class StartupError(LingerError):
    """Linger cannot start with its present setup.

    Attributes:
        problems: each states what is wrong, where, and how to fix it.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


class PartitionStopped(LingerError):
    """One partition's stored state does not match its log; to continue would lose or repeat events.

    Attributes:
        partition: the partition.
    """

    def __init__(self, partition: int, problem: str, remedy: str) -> None:
        super().__init__(f"partition {partition} is stopped: {problem}. {remedy}")
        self.partition = partition


class Transient(LingerError):
    """An external service did not answer as expected; the same step is repeated."""


class Fenced(LingerError):
    """Another worker has claimed this partition; the state that this worker has of it is void.

    Attributes:
        partition: the partition.
    """

    def __init__(self, partition: int) -> None:
        super().__init__(f"partition {partition} was claimed by another worker")
        self.partition = partition
