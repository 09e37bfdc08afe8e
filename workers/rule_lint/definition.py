"""A lint: its code, its check, and its explanation, side by side."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from workers.rule_files.problems import Explanation, Problem
from workers.rule_lint.located_rules import LocatedRules


@dataclass(frozen=True, slots=True)
class Lint:
    """A check of rules that work, but probably not as intended.

    Attributes:
        code: the stable code of its warnings.
        check: yields a warning for each case.
        explanation: the meaning of the code.
    """

    code: str
    check: Callable[[LocatedRules], Iterable[Problem]]
    explanation: Explanation


def warning(title: str, text: str, wrong: str = "", right: str = "") -> Explanation:
    """Return the explanation of a code that is a warning."""
    return Explanation(title, text, wrong, right, is_warning=True)
