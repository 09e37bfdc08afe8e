"""Rules that are live without a test that proves them."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from schemas.rules import RuleBook
from workers.rule_files.problems import Explanation, Problem, in_order
from workers.rule_files.rules import ParsedRuleFiles
from workers.rule_tests.locations import SourceLocations
from workers.rule_tests.runner import ExampleResult, Locate, nowhere, problems_of, run_examples


@dataclass(frozen=True, slots=True)
class Unproven:
    """A live rule that no example shows to work."""

    rule: str
    acts: bool
    """No example passes in which it acts."""
    stays_silent: bool
    """No example passes in which it asks for nothing."""

    def __str__(self) -> str:
        lacking = [
            *(["in which it acts"] if self.acts else []),
            *(["in which it does not act"] if self.stays_silent else []),
        ]
        return f"the rule '{self.rule}' is live, and has no passing example {' and none '.join(lacking)}"


def live_without_proof(book: RuleBook, results: Iterable[ExampleResult]) -> list[Unproven]:
    """Return the live rules that lack a passing example that acts, or a passing one that does not.

    Args:
        book: without problems.
        results: of `run_examples`; tests over several rules prove nothing about a single one.
    """
    proofs = {(result.owner, result.acts) for result in results if result.passed}
    return [
        Unproven(rule.id, (rule.id, True) not in proofs, (rule.id, False) not in proofs)
        for rule in book.rules
        if rule.status == "live" and not {(rule.id, True), (rule.id, False)} <= proofs
    ]


def problems_without_proof(unproven: Iterable[Unproven], locate: Locate = nowhere) -> list[Problem]:
    """Return a problem for each live rule without proof.

    Args:
        unproven: what `live_without_proof` says.
        locate: asked for `(rule id, -1, ("status",))`.
    """
    hint = "add what is missing under 'examples', or write 'status: shadow' until then"
    return [Problem(*locate(one.rule, -1, ("status",)), "live-without-example", str(one), hint) for one in unproven]


def proof_problems(parsed: ParsedRuleFiles, types: list[str]) -> list[Problem]:
    """Return what keeps live rules from being live: examples that fail, or are not there.

    Args:
        parsed: without problems.
        types: every event type there is.
    """
    live = replace(parsed.book, rules=tuple(rule for rule in parsed.book.rules if rule.status == "live"))
    places = SourceLocations(parsed.documents)
    results = run_examples(live, types, places.locate)
    # What is there and fails is told as such: here only what is not there.
    shown = {(result.owner, result.acts) for result in results}
    lacking = [Unproven(rule.id, (rule.id, True) not in shown, (rule.id, False) not in shown) for rule in live.rules]
    unproven = [one for one in lacking if one.acts or one.stays_silent]
    return in_order([*problems_of(results), *problems_without_proof(unproven, places.locate)])


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
