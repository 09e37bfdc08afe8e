"""A lint about the reasons that examples expect of a retraction."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from schemas.rules import Example, write_offset
from workers.rule_files.problems import Problem
from workers.rule_lint.definition import Lint, warning
from workers.rule_lint.located_rules import LocatedRules


def old_reasons(book: LocatedRules) -> Iterator[Problem]:
    """Yield rules with an example that expects `customer_returned` when no sign of life happens."""
    for located_rule in book.rules:
        for example in located_rule.rule.examples:
            for at in sorted(_returns(example) - _signs_of_life(example, book.book.signs_of_life)):
                message = (
                    f"the example '{example.name}' expects 'customer_returned' at {write_offset(at)}, "
                    "when no sign of life happens"
                )
                hint = "write 'retracted: no_longer_true'; 'linger rules test' counts the example as failed"
                yield located_rule.warn("old-reason", located_rule.at("examples"), message, hint)


def _returns(example: Example) -> set[timedelta]:
    expected = [] if isinstance(example.expect, str) else example.expect
    return {each.at for each in expected if each.retracted == "customer_returned"}


def _signs_of_life(example: Example, types: frozenset[str]) -> set[timedelta]:
    """Return when signs of life happen, counted from the start."""
    return {
        given.at + number * (given.every or timedelta())
        for given in example.given
        if given.event in types
        for number in range(given.times or 1)
    }


OLD_REASON: Final = Lint(
    "old-reason",
    old_reasons,
    warning(
        "An example expects a reason that is given no longer",
        "A message is taken back with `customer_returned` only after a sign of life: a purchase, a login, a "
        "reactivation, or a type that sources.yaml declares with `sign of life: true`. After any other event, such "
        "as a cancellation or a better answer, the reason is `no_longer_true`. `linger rules test` counts the "
        "example as failed; workers load it, because release 0.1 did.",
        "when:\n  all:\n    - {none: purchase, for: 45 days}\n    - {status: active}\nexamples:\n"
        "  - name: silence, and then a cancellation\n"
        "    given: [{at: start, event: purchase}, {at: 50 days, event: cancellation}]\n"
        "    expect: [{at: 45 days, action: at-risk}, {at: 50 days, retracted: customer_returned}]\n"
        "  - name: not watched long enough\n    given: [{at: start, event: purchase}]\n"
        "    watch for: 40 days\n    expect: nothing\n",
        "when:\n  all:\n    - {none: purchase, for: 45 days}\n    - {status: active}\nexamples:\n"
        "  - name: silence, and then a cancellation\n"
        "    given: [{at: start, event: purchase}, {at: 50 days, event: cancellation}]\n"
        "    expect: [{at: 45 days, action: at-risk}, {at: 50 days, retracted: no_longer_true}]\n"
        "  - name: not watched long enough\n    given: [{at: start, event: purchase}]\n"
        "    watch for: 40 days\n    expect: nothing\n",
    ),
)

LINTS: Final = (OLD_REASON,)
