"""A lint about new customers: live rules that hold for each of them at their very first event.

Nothing is guessed from how a condition is written: the compiled condition is evaluated for a customer with one event.
This module must never know files and clocks.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from schemas.events import BUILT_IN
from workers.core.conditions.condition import TRUE
from workers.core.decisions.decide import decide
from workers.core.events.decoding import DecodedEvent
from workers.rule_files.known_names import event_types
from workers.rule_files.problems import Problem
from workers.rule_lint.definition import Lint, warning
from workers.rule_lint.located_rules import LocatedRules
from workers.rule_tests.playback import CUSTOMER, START, Scenario, epoch_ms, scenario_of

_ANYTHING: Final = "anything-else"
"""A type that no rule reads: a customer who begins with it has done nothing that a rule counts."""
_FEWEST_TYPES: Final = 2
_START_MS: Final = epoch_ms(START)
_ATTRIBUTES: Final = {"purchase": {"amount": Decimal(10), "currency": "EUR"}}


def rules_for_every_newcomer(book: LocatedRules) -> Iterator[Problem]:
    """Yield live rules that hold for every new customer at the very first event.

    The history is complete, so it is known that nothing happened before. A rule counts if it holds after an event
    that it does not read, or after an event of each type that there is, whichever comes first.
    """
    if not book.is_whole:
        return
    for located_rule in book.rules:
        if located_rule.rule.status != "live" or located_rule.rule.for_ is not None:
            continue
        types = _types(book)
        scenario = scenario_of(book.book, (located_rule.rule,), (*types, _ANYTHING))
        read = scenario.compiled.rules[0].types
        failing = [name for name in types if not _holds_after_one(scenario, name)]
        if _holds_after_one(scenario, _ANYTHING):
            others = [name for name in failing if name in read]
            unless = f", unless that is a {' or a '.join(others)}" if others else ""
        elif failing or len(types) < _FEWEST_TYPES:
            continue
        else:
            unless = ""
        message = f"rule '{located_rule.rule.id}' is true for every new customer at their very first event{unless}"
        hint = "add what they have done before, such as 'count: purchase' with 'at least: 1', or 'known for: 30 days'"
        yield located_rule.warn("every-newcomer", located_rule.at("when"), message, hint)


def _types(book: LocatedRules) -> list[str]:
    """Return the event types that can come first: those of the sources, or the built-in ones without sources."""
    if book.sources is None:
        return list(BUILT_IN)
    provided = {name for source in book.sources.sources for name in source.types()}
    return [name for name in event_types(book.sources) if name in provided]


def _holds_after_one(scenario: Scenario, event_type: str) -> bool:
    """Return whether the rule's condition is true for a customer with one event of a type."""
    event = DecodedEvent("first", event_type, CUSTOMER, _START_MS, dict(_ATTRIBUTES.get(event_type, {})))
    coverage = scenario.coverage(_START_MS)
    stored = decide(CUSTOMER, None, (event,), scenario.compiled, coverage).stored
    assert stored is not None  # an event was folded
    (rule,) = scenario.program_of(stored, coverage).rules
    return rule.condition.look(_START_MS) == TRUE


EVERY_NEWCOMER: Final = Lint(
    "every-newcomer",
    rules_for_every_newcomer,
    warning(
        "A live rule that holds for every new customer",
        "Of a new customer it is known that nothing happened before the first event. So a condition that only says "
        "what did not happen is true when they appear: the rule is for all customers. Add what they must have done, "
        "or how long they must be known.",
        "status: live\nwhen: {count: cancellation, exactly: 0}\n",
        "status: live\nwhen:\n  all:\n    - count: cancellation\n      exactly: 0\n"
        "    - known for: 90 days\n"
        "examples:\n"
        "  - name: known for long enough\n    given: [{at: start, event: login}]\n"
        "    expect: [{at: 90 days, action: at-risk}]\n"
        "  - name: not watched long enough\n    given: [{at: start, event: login}]\n"
        "    watch for: 60 days\n    expect: nothing\n",
    ),
)

LINTS: Final = (EVERY_NEWCOMER,)
