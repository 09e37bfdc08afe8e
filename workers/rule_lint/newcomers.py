"""Lints about new customers: rules that hold at their very first event, and steps of ladders not known of them.

Nothing is guessed from how a condition is written: the compiled condition is evaluated for a customer with one event.
This module must never know files and clocks.
"""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Final

from schemas.durations import write_duration
from schemas.events import BUILT_IN
from schemas.ladders import Ladder
from schemas.rules import Rule
from workers.core.conditions.condition import FALSE, NOT_OBSERVABLE, TRUE, Condition
from workers.core.coverage import FOREVER_MS
from workers.core.decisions.decide import decide
from workers.core.events.decoding import DecodedEvent
from workers.rule_files.known_names import event_types
from workers.rule_files.problems import Problem
from workers.rule_files.references import located_steps
from workers.rule_lint.definition import Lint, warning
from workers.rule_lint.located_rules import LocatedRules
from workers.rule_tests.playback import CUSTOMER, START, Scenario, epoch_ms, scenario_of

_ANYTHING: Final = "anything-else"
"""A type that no rule reads: a customer who begins with it has done nothing that a rule counts."""
_FEWEST_TYPES: Final = 2
_START_MS: Final = epoch_ms(START)
_LADDER: Final = "stages:\n  name: simple\n  steps:\n    - stage: pays-more\n      when: %s\n  otherwise: customer\n"
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
    (condition,) = _after_one(scenario, event_type)
    return condition.look(_START_MS) == TRUE


def _after_one(scenario: Scenario, event_type: str) -> list[Condition]:
    """Return the condition of each rule, of a customer with one event of a type; valid until the next call."""
    event = DecodedEvent("first", event_type, CUSTOMER, _START_MS, dict(_ATTRIBUTES.get(event_type, {})))
    coverage = scenario.coverage(_START_MS)
    stored = decide(CUSTOMER, None, (event,), scenario.compiled, coverage).stored
    assert stored is not None  # an event was folded
    return [rule.condition for rule in scenario.program_of(stored, coverage).rules]


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


def steps_unknown_of_newcomers(book: LocatedRules) -> Iterator[Problem]:
    """Yield steps of ladders that are not known of a new customer, although the history is complete.

    As long as such a step is not known, no step below it is: the customer stands nowhere.
    """
    if not book.is_whole:
        return
    steps = {(step.ladder, step.stage): step for step in located_steps(book.documents)}
    for ladder in book.book.ladders:
        for stage, until_ms in _unknown_steps(ladder.counting(), book).items():
            step = steps[ladder.name, stage]
            what = f"the step '{stage}' is not known of a new customer"
            if until_ms < FOREVER_MS:
                known = write_duration(timedelta(milliseconds=until_ms - _START_MS))
                message = f"{what} for {known}: until then, they stand on no stage unless a step above holds"
                hint = f"put 'known for: {known}' before it, under 'all': the step is then false until it is known"
            else:
                message = f"{what} until an event says it: they stand on no stage unless a step above holds"
                hint = "put '{latest: …, is: given}' before it, under 'all', with the attribute that may be missing"
            yield Problem(step.document.file, *step.when.at, "late-stage", message, hint, "warning")


def _unknown_steps(ladder: Ladder, book: LocatedRules) -> dict[str, int]:
    """Return the steps that keep the stage of a new customer unknown, each with the moment at which it is known."""
    steps = tuple(
        Rule.model_validate(
            {
                "id": f"step-{number}",
                "title": "A step",
                "when": step.when,
                "action": "at-risk",
                "template": "none",
                "expires after": timedelta(days=1),
            }
        )
        for number, step in enumerate(ladder.steps)
    )
    types = tuple(_types(book))
    scenario = scenario_of(book.book, steps, (*types, _ANYTHING))
    unknown = dict[str, int]()
    for name in (*types, _ANYTHING):
        conditions = _after_one(scenario, name)
        at_ms = _START_MS
        while at_ms < FOREVER_MS:
            truths = [condition.look(at_ms) for condition in conditions]
            first = next((index for index, truth in enumerate(truths) if truth > FALSE), None)
            flips = min((condition.flip_ms for condition in conditions), default=FOREVER_MS)
            if first is not None and truths[first] == NOT_OBSERVABLE:
                stage = ladder.steps[first].stage
                unknown[stage] = max(unknown.get(stage, 0), flips)
            at_ms = flips
    return unknown


LATE_STAGE: Final = Lint(
    "late-stage",
    steps_unknown_of_newcomers,
    warning(
        "A step of a ladder that is not known of a new customer",
        "A stage is known only if every step above it is certainly false. What compares two months, or takes a mean, "
        "is not known of a customer who came yesterday, even if everything was seen; nor is a silence of someone who "
        "never did it, or a value that no event has brought. Until it is known, such a customer stands on no stage. "
        "Say first how long the customer must be known, or that the value must be given: then the step is false.",
        _LADDER % "{average: purchase.amount, at least: 80, within: 180 days}",
        _LADDER % "{all: [{known for: 180 days}, {average: purchase.amount, at least: 80, within: 180 days}]}",
    ),
)

LINTS: Final = (EVERY_NEWCOMER, LATE_STAGE)
