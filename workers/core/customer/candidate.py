"""Candidates: actions that a rule requests and that are not admitted yet, and the evidence of their reasons.

While an action waits, only the numbers that the words of its reasons are made from are kept. Words are made when it
goes out, or when a rule set in which its rule is another one adopts the customer.
"""

from typing import Any, Final

from schemas.actions import Known
from workers.core.memory import Numbers

NUMBERS_EACH: Final = 3
"""Numbers that a condition may note for the words of its reason."""


class Evidence:
    """What the conditions of a rule found at one moment.

    Attributes:
        numbers: `NUMBERS_EACH` for each elementary condition, by its place in the rule.
        size: how many numbers there are.
        values: what is no whole number, by the place of its condition; None while there is none.
    """

    __slots__ = ("_memory", "numbers", "size", "values")

    def __init__(self, conditions: int) -> None:
        self.size = NUMBERS_EACH * conditions
        memory = Numbers(self.size)
        self._memory = memory
        self.numbers = memory.numbers()
        self.values: dict[int, Any] | None = None

    def clear(self) -> None:
        """Forget everything."""
        for place in range(self.size):
            self.numbers[place] = 0
        self.values = None

    def need(self, size: int) -> None:
        """Make room for that many numbers; all of them are 0."""
        if size > self.size:
            self.size = size
            memory = Numbers(size)
            self._memory = memory
            self.numbers = memory.numbers()
        self.clear()

    def widen(self, size: int) -> None:
        """Make room for that many numbers; those that are there stay, the others are 0."""
        found = self.read()
        if size > len(found):
            values = self.values
            self.need(size)
            self.values = values
            for place in range(len(found)):
                self.numbers[place] = found[place]

    def read(self) -> list[int]:
        """Return the numbers, for callers in Python."""
        found = []
        for place in range(self.size):
            found.append(self.numbers[place])
        return found

    def fill(self, numbers: list[int]) -> None:
        """Take over numbers, for callers in Python."""
        self.need(len(numbers))
        for place in range(len(numbers)):
            self.numbers[place] = numbers[place]

    def keep(self, place: int, value: Any) -> None:
        """Note a value that is no whole number, for the condition at a place."""
        if self.values is None:
            self.values = {}
        self.values[place] = value

    def take(self, other: "Evidence") -> None:
        """Take over what another one holds."""
        self.need(other.size)
        for place in range(other.size):
            self.numbers[place] = other.numbers[place]
        self.values = other.values


class Candidate:
    """An action that waits, because a type is not seen up to its start.

    Attributes:
        rule: the place of its rule in the rule set, of any version; -1 if the rule set has no such rule, or if
            it is one of `former`.
        former: the version of the rule that asked for it, if that is not the one of the rule set: it waits as numbers
            until it is worded with the rule as it was (`RuleSet.former`). Empty otherwise.
        start_ms: start of the episode, or a later moment at which its rule asks again.
        withdrawn_ms: when the customer returned before the action was admitted, so that only its retraction is
            published; else 0.
        doubted_ms: up to when everything must have been seen, because an event from before the start came late and
            the rule held even so; 0 for none.
        because: why it is retracted, if it was withdrawn; the number of the reason (`decisions.decided`).
        evidence, evidence_back: of its reasons, and of those of its retraction.
        variables: of its template, by name; None for none.
        known: what else was known of the customer when the rule asked, and goes with the action; None for nothing.
        tally: by key of an experiment, what successes brought since its start; None while there was none.
        worded: rule id, version, action, reasons and those of the retraction, in words (`customer.layout_3.Waiting`);
            None while it waits as numbers. Its moments are those of the candidate, not its own.
    """

    __slots__ = (
        "because",
        "doubted_ms",
        "evidence",
        "evidence_back",
        "former",
        "known",
        "rule",
        "start_ms",
        "tally",
        "variables",
        "withdrawn_ms",
        "worded",
    )

    def __init__(self, most_conditions: int) -> None:
        self.rule = -1
        self.start_ms = self.withdrawn_ms = self.doubted_ms = self.because = 0
        self.evidence = Evidence(most_conditions)
        self.evidence_back = Evidence(most_conditions)
        self.variables: dict[str, Any] | None = None
        self.known: Known | None = None
        self.tally: dict[str, int] | None = None
        self.worded: Any = None
        self.former = ""

    def clear(self) -> None:
        """Make it ready for another action."""
        self.rule = -1
        self.start_ms = self.withdrawn_ms = self.doubted_ms = self.because = 0
        self.evidence.clear()
        self.evidence_back.clear()
        self.variables = self.known = self.tally = self.worded = None
        self.former = ""
