"""The conditions of a worker that an operator looks at: one catalogue of their names, and what to do about each.

A condition holds while something is wrong. /statusz shows each with its reason, `linger_condition` is 1 while it
holds, and `linger doctor` and the table in docs/operating.md know the same ones. What holds is for others to say.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final


class Note(str):
    """A reason that is worth a word, although nothing is wrong."""

    __slots__ = ()


Reasons = Mapping[str, str | None]
"""By the name of a condition: why it holds now, a `Note`, or None."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition.

    Attributes:
        name: its label in `linger_condition`, and its line in /statusz.
        remedy: what an operator does about it.
        needs_action: False if it may hold in a worker that is well.
    """

    name: str
    remedy: str
    needs_action: bool = True


CATALOGUE: Final[Mapping[str, Condition]] = {
    condition.name: condition
    for condition in (
        Condition("progress", "nothing: if it lasts, the worker ends to be started again; report it with the log"),
        Condition("group", "look whether Kafka answers and whether other workers have the same group instance id"),
        Condition("outside", "look at the server that is named: nothing is lost, and the step is tried again"),
        Condition("own_topics", "linger topics create, or give back the partitions: actions wait in the outbox"),
        Condition("publishing", "look at the topic that is named and the rights on it: records wait in the outbox"),
        Condition(
            "rules", "correct the files: linger rules check shows every problem; meanwhile older ones are active"
        ),
        Condition("rule_sets", "give every worker the same files: the reason names which worker has which"),
        Condition("newest_sources", "give this worker the newest sources.yaml; to go back: linger sources promote"),
        Condition("patterns", "name the topics in sources.yaml, or change the patterns"),
        Condition(
            "assigned",
            "nothing, if there are more workers than partitions: it is a spare worker",
            needs_action=False,
        ),
        Condition("stopped", "look for partition_stopped in the log, which names the remedy; the others go on"),
        Condition("lost", "nothing: it passes, or the worker ends; if it returns, look at the log of both workers"),
        Condition("pauses", "look at the topic of pauses and the right to read it; retractions go out meanwhile"),
        Condition(
            "requests",
            "linger upgrade finish, or look at the topic that is named: requests wait there, and none is lost",
        ),
        Condition("brake", "linger rules held and linger why, then linger rules release or linger rules discard"),
        Condition("sources", "ask the team that sends to the sources that are named; rules that read them wait"),
        Condition(
            "skipped", "compare what only_when says with the newest records: linger sources try TOPIC --last 20"
        ),
        Condition("stopped_sources", "repair what is said of the topic, then linger sources resume"),
        Condition("schema_registry", "look at the schema registry: the sources that are named wait for it"),
    )
}
_SINCE_THIS_RELEASE: Final = ("progress", "group", "own_topics", "publishing", "rule_sets", "requests")
LINES_OF_READYZ: Final = tuple(name for name in CATALOGUE if name not in _SINCE_THIS_RELEASE)
"""What the body of /readyz lists in this release, as in the release before."""


def is_wrong(reason: str | None) -> bool:
    """Return whether a condition with this reason holds: a note says something, and is no condition."""
    return reason is not None and not isinstance(reason, Note)


@dataclass(frozen=True, slots=True)
class Health:
    """What a worker says of itself; each part is asked by itself, so that none depends on another.

    Attributes:
        live: returns why the worker counts as stalled, None if it makes progress.
        ready: returns why it is not ready, None if it is.
        conditions: returns the reasons of every condition of the catalogue, and sets their metrics.
    """

    live: Callable[[], str | None]
    ready: Callable[[], str | None]
    conditions: Callable[[], Reasons]
