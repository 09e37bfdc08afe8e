"""Proof: live rules need a passing example in which they act, and one in which they do not.

This module must never know how an example is run.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from schemas.rules import RuleBook
from workers.rule_files.problems import Explanation, Problem, in_order
from workers.rule_files.rules import ParsedRuleFiles
from workers.rule_tests.locations import Locate, SourceLocations, nowhere
from workers.rule_tests.runner import ExampleResult, problems_of, run_examples


@dataclass(frozen=True, slots=True)
class Unproven:
    """A live rule that lacks an example.

    Attributes:
        rule: its id.
        acts: it lacks an example in which it acts.
        stays_silent: it lacks an example in which it decides no action.
    """

    rule: str
    acts: bool
    stays_silent: bool

    def __str__(self) -> str:
        lacking = [
            *(["in which it acts"] if self.acts else []),
            *(["in which it does not act"] if self.stays_silent else []),
        ]
        return f"the rule '{self.rule}' is live, and has no passing example {' and none '.join(lacking)}"


def live_without_proof(book: RuleBook, results: Iterable[ExampleResult]) -> list[Unproven]:
    """Return the live rules that lack a passing example in which they act, or one in which they do not.

    Args:
        book: without problems.
        results: the results of `run_examples`. Tests of several rules prove nothing about a single one.
    """
    return _lacking(book, {(result.owner, result.acts) for result in results if result.passed})


def _lacking(book: RuleBook, shown: set[tuple[str, bool]]) -> list[Unproven]:
    """Return the live rules without an example that acts, or one that does not, among those shown."""
    unproven = [
        Unproven(rule.id, (rule.id, True) not in shown, (rule.id, False) not in shown)
        for rule in book.rules
        if rule.status == "live"
    ]
    return [lack for lack in unproven if lack.acts or lack.stays_silent]


def problems_without_proof(unproven: Iterable[Unproven], locate: Locate = nowhere) -> list[Problem]:
    """Return a problem for each live rule without proof.

    Args:
        unproven: the result of `live_without_proof`.
        locate: called with `(rule id, -1, ("status",))`.
    """
    hint = "add what is missing under 'examples', or write 'status: shadow' until then"
    return [
        Problem(*locate(lack.rule, -1, ("status",)), "live-without-example", str(lack), hint) for lack in unproven
    ]


def proof_problems(parsed: ParsedRuleFiles, types: list[str]) -> list[Problem]:
    """Return the problems that keep rules from going live: examples that fail or are missing.

    Args:
        parsed: rule files without problems.
        types: all event types.
    """
    live = replace(parsed.book, rules=tuple(rule for rule in parsed.book.rules if rule.status == "live"))
    locate = SourceLocations(parsed.documents).locate
    results = run_examples(live, types, locate)
    # An example that fails is a problem itself, so that here it counts as present.
    missing = _lacking(live, {(result.owner, result.acts) for result in results})
    # Otherwise files that release 0.1 ran would keep a worker from starting; the lint `old-reason` names them.
    failing = [result for result in results if not result.differs_by_reason_of_0_1]
    return in_order([*problems_of(failing), *problems_without_proof(missing, locate)])


# --- codes ------------------------------------------------------------------------------------------------------

EXPLANATIONS: Final[dict[str, Explanation]] = {
    "live-without-example": Explanation(
        "A live rule without passing examples",
        "A live rule needs one example in which it acts and one in which it does not, and both must pass. Add the "
        "missing ones under `examples`. Until then the rule can be `shadow`: it decides, but sends nothing.",
        "status: live\n",
        "status: shadow\n",
    ),
}
