"""What was decided, as rows of numbers; `records` makes words of them when they go out.

The rows are used for one customer after the other, as everything else of the core.
"""

from typing import TYPE_CHECKING, Any, Final

from schemas.actions import Known, Retraction, Suppression
from workers.core.customer.candidate import Candidate, Evidence

if TYPE_CHECKING:
    from workers.core.decisions.program import ActiveRule

ACTIVE: Final = 0
RETRACTED: Final = 1
COOLING_DOWN: Final = 2
CAPPED: Final = 3
OUTRANKED: Final = 4
HELD_OUT: Final = 5
OPTED_OUT: Final = 6
STALE: Final = 7
HELD: Final = 8
SHADOW: Final = 9
UNKNOWN: Final = 10
SUPPRESSED: Final = 11

SUPPRESSIONS: Final[tuple[Suppression | None, ...]] = (
    None, None, "cooling_down", "capped", "outranked", "held_out", "opted_out", "stale", "held", "shadow",
    "not_observable", "suppressed",
)  # fmt: skip
"""By the kind of a row, the word for why there is no action; None for an action and a retraction."""

CUSTOMER_RETURNED: Final = 0
LATE_EVENT: Final = 1
NO_LONGER_TRUE: Final = 2
CUSTOMER_OPTED_OUT: Final = 3
REPLACED: Final = 4
CUSTOMER_ERASED: Final = 5
CUSTOMER_SUPPRESSED: Final = 6

RETRACTIONS: Final[tuple[Retraction, ...]] = (
    "customer_returned", "late_event", "no_longer_true", "opted_out", "replaced", "erased", "suppressed",
)  # fmt: skip
"""By its number, why an action is taken back."""

# What the detail of a decision says, with `since_ms`, `until_ms` and `said` in the places of braces.
SAYS_NOTHING: Final = 0
ACTS_NEVER_AGAIN: Final = 1
SILENT_UNTIL: Final = 2
NOT_EXPIRED_YET: Final = 3
ANOTHER_COMES_FIRST: Final = 4
HAD_ENOUGH: Final = 5
LEFT_OUT: Final = 6
OPTED_OUT_CLEARLY: Final = 7
NOT_UNDERSTOOD: Final = 8
WOULD_HAVE_EXPIRED: Final = 9
QUIET_UNTIL_EXPIRED: Final = 10
RULE_IS_GONE: Final = 11
IN_SHADOW: Final = 12
KNOWN_FROM: Final = 13
ONLY_AN_EVENT: Final = 14
RULE_IS_UNKNOWN: Final = 15
NEVER_WRITTEN_TO: Final = 16
LEFT_OUT_OF_ALL: Final = 17
GETS_AS_BEFORE: Final = 18

DETAILS: Final = (
    "",
    "acted on {since} and never acts again",
    "acted on {since}, silent until {until}",
    "its action of {since} has not expired yet",
    "'{said}' comes first",
    "the customer has had enough: {said}",
    "one of the {share}% left out of '{experiment}' to measure the effect",
    "the customer does not want to be written to",
    "not understood: the customer's answer '{said}' is neither yes nor no",
    "it would have expired on {since}",
    "the customer's quiet hours last until it has expired, {moment}",
    "it waited for a source to be seen, and the rule was paused or removed meanwhile",
    "the rule is in shadow: decided and reported, nothing is sent",
    "it cannot be known whether the rule holds: known from {since} on",
    "it cannot be known whether the rule holds: only an event can show it",
    "it waited for a source to be seen, and what that version of the rule says is not known any longer",
    "it was ordered that the customer is never written to",
    "one of the {said}% of all customers left out of every rule to measure what all rules do together",
    "one of the {said}% in '{experiment}' for whom an older campaign goes on",
)
"""By its number, what the detail of a decision says; see `Decided.detail`."""


class Decided:
    """One decision: an action, its retraction, or why there is no action.

    Attributes:
        rule: the rule in force; None if it is gone: then `worded` names it.
        kind: one of the numbers above, from `ACTIVE` on.
        start_ms: start of the episode, part of the action's id.
        at_ms: of a retraction when it was taken back, otherwise `start_ms`.
        expires_ms: until when the action can be carried out; 0 for what is no action.
        because: why it is taken back, a place in `RETRACTIONS`; 0 for what is no retraction.
        not_before_ms: end of the customer's quiet hours; 0 if it is not in them.
        time_zone: the customer's, if there is `not_before_ms`; else None.
        consented_ms: when the customer last said that messages are welcome; 0 for unknown.
        detail: a place in `DETAILS`; `SAYS_NOTHING` for an action and a retraction.
        since_ms, until_ms: moments in the detail: `{since}` and `{until}` as days in words, `{moment}` is `since_ms`
            as `datetime` writes it. Share and experiment are those of the rule's hold-out.
        said: a text in the detail: a rule's id, a limit, an answer; None for none.
        has_why: whether reasons go with it: with every action, and with every retraction but of what was replaced.
        evidence: of the reasons, for the conditions of `rule`; meaningless if `worded` is there, or without reasons.
        variables: by name, of the message; None stands for none.
        known: what else goes with the action (`carried`); None for nothing.
        worded: the action that waited, in words, if its rule was another one when it asked: then its reasons (`why`,
            of a retraction `why_back`) and, of what is held because the rule is gone, rule, version and action are
            taken from there.
        rank: of the rule, -1 if it is gone; puts decisions in order.
    """

    __slots__ = (
        "at_ms",
        "because",
        "consented_ms",
        "detail",
        "evidence",
        "expires_ms",
        "has_why",
        "kind",
        "known",
        "not_before_ms",
        "rank",
        "rule",
        "said",
        "since_ms",
        "start_ms",
        "time_zone",
        "until_ms",
        "variables",
        "worded",
    )

    def __init__(self, most_conditions: int) -> None:
        self.evidence = Evidence(most_conditions)
        self.rule: ActiveRule | None = None
        self.kind = self.start_ms = self.at_ms = self.expires_ms = self.because = self.not_before_ms = 0
        self.detail = self.since_ms = self.until_ms = self.consented_ms = 0
        self.time_zone: str | None = None
        self.said: str | None = None
        self.has_why = False
        self.variables: dict[str, Any] | None = None
        self.known: Known | None = None
        self.worded: Any = None
        self.rank = -1

    def explain(self, detail: int, since_ms: int = 0, until_ms: int = 0) -> None:
        """Say why there is no action; arguments as the attributes."""
        self.detail = detail
        self.since_ms = since_ms
        self.until_ms = until_ms

    def take(self, candidate: Candidate, withdrawn: bool) -> None:
        """Take over the reasons of an action that waited, or of its retraction."""
        self.has_why = True
        self.worded = candidate.worded
        if self.worded is None:
            self.evidence.take(candidate.evidence_back if withdrawn else candidate.evidence)
        if not withdrawn:
            self.variables = candidate.variables
            self.known = candidate.known

    def comes_before(self, other: "Decided") -> bool:
        """Return whether it comes before another one of its step: by moment, retractions first, by rank and id."""
        if self.at_ms != other.at_ms:
            return self.at_ms < other.at_ms
        if (self.kind == RETRACTED) != (other.kind == RETRACTED):
            return self.kind == RETRACTED
        if self.rank != other.rank:
            return self.rank < other.rank
        # Ranks of rules in force are different; those that are gone have none.
        return self.rank < 0 and self.worded.rule < other.worded.rule


class Decisions:
    """What is decided in a turn; its rows are used again in the next one.

    Attributes:
        number: how many there are; rows from it on mean nothing.
    """

    __slots__ = ("_most_conditions", "_rows", "number")

    def __init__(self, most_conditions: int) -> None:
        self._most_conditions = most_conditions
        self._rows: list[Decided] = []
        self.number = 0

    def clear(self) -> None:
        """Begin another turn."""
        self.number = 0

    def rows(self) -> list[Decided]:
        """Return the decisions in order; they are valid until the next turn."""
        return self._rows[: self.number]

    def forget_from(self, number: int) -> None:
        """Drop the decisions from a place on."""
        self.number = number

    def keep_for_order(self, erases: bool) -> None:
        """Drop what must not go out any more because of an order: new actions; of an erased customer also reasons.

        Args:
            erases: only retractions stay, and they say nothing of the customer.
        """
        kept = 0
        for place in range(self.number):
            row = self._rows[place]
            if row.kind == ACTIVE or (erases and row.kind != RETRACTED):
                continue
            if erases:
                row.because = CUSTOMER_ERASED
                row.has_why = False
                row.variables = None
            self._rows[kept], self._rows[place] = row, self._rows[kept]
            kept += 1
        self.number = kept

    def row(self, place: int) -> Decided:
        """Return the decision at a place."""
        return self._rows[place]

    def another(self, kind: int, rule: "ActiveRule | None", rank: int, start_ms: int, at_ms: int) -> Decided:
        """Add a decision without a word of explanation; arguments as the attributes of `Decided`."""
        if self.number == len(self._rows):
            self._rows.append(Decided(self._most_conditions))
        row = self._rows[self.number]
        self.number += 1
        row.kind = kind
        row.rule = rule
        row.rank = rank
        row.start_ms = start_ms
        row.at_ms = at_ms
        row.expires_ms = row.because = row.not_before_ms = row.consented_ms = 0
        row.detail = row.since_ms = row.until_ms = 0
        row.time_zone = row.said = None
        row.has_why = False
        row.variables = row.known = row.worded = None
        return row

    def put_in_order(self, begun: int) -> None:
        """Put the decisions of one step in order: those from place `begun` on. Most are in order already."""
        for place in range(begun + 1, self.number):
            row = self._rows[place]
            at = place
            while at > begun and row.comes_before(self._rows[at - 1]):
                self._rows[at] = self._rows[at - 1]
                at -= 1
            self._rows[at] = row
