"""Conditions on the value of a customer that cannot be measured: nothing, or not enough, is said of it under `value`.

This module reads nodes first: a mistake in one place does not hide another one elsewhere.
"""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, Final

from pydantic import ValidationError

from schemas.conditions import COST_OF_WINNING, Value
from schemas.rules import BY_VALUE
from schemas.value import Valuation
from workers.rule_files.known_names import KnownNames
from workers.rule_files.problems import Explanation, Problem
from workers.rule_files.references import (
    conditions_of,
    definitions_in,
    elementary_in,
    entries_of,
    kind_of,
    names_in_value,
    rules_in,
)
from workers.rule_files.yaml_nodes import Document, Node, ScalarNode, plain_value, value_of

_MOST_REPORTED: Final = 200
_AN_EXAMPLE: Final = "value: {revenue: [purchase.amount], within: 365 days}"


def worth_problems(documents: Sequence[Document], names: KnownNames) -> Iterator[Problem]:
    """Yield a problem for every condition on a value that cannot be measured; pure.

    Args:
        documents: all rule files.
        names: the attributes that are personal.
    """
    said = [value for document in documents if (value := value_of(document.root, "value")) is not None]
    valuation = _read(Valuation, plain_value(said[-1])) if said else None
    for document in documents:
        yield from islice(_personal(document, names), _MOST_REPORTED)
        if not said:
            yield from islice(_by_value(document), _MOST_REPORTED)
        if not said or valuation is not None:
            yield from islice(_unmeasured(document, valuation), _MOST_REPORTED)


def _unmeasured(document: Document, valuation: Valuation | None) -> Iterator[Problem]:
    for part in _conditions_on_value(document):
        key, node = entries_of(part)["value"]
        when = _read(Value, {"value": plain_value(node)})
        if when is None:
            continue  # the model says why
        if valuation is None:
            hint = f"say it at the top of one file, such as {_AN_EXAMPLE}"
            yield Problem(document.file, *key.at, "no-value", "no file says what a customer is worth", hint)
        else:
            yield from _lacking(document, key, when, valuation)


def _by_value(document: Document) -> Iterator[Problem]:
    for rule in rules_in(document):
        priority = value_of(rule, "priority")
        if isinstance(priority, ScalarNode) and priority.value == BY_VALUE:
            hint = f"say it at the top of one file, such as {_AN_EXAMPLE}"
            yield Problem(document.file, *priority.at, "no-value", "no file says what a customer is worth", hint)


def _lacking(document: Document, at: Node, when: Value, valuation: Valuation) -> Iterator[Problem]:
    """Yield which amount a condition names that is not known, or that no value is within its bounds."""
    amounts, winning = valuation.amounts(), valuation.cost_of_winning
    for name in when.value.names():
        if name in amounts:
            continue
        if name == COST_OF_WINNING:
            hint = f"write '{COST_OF_WINNING}:' with an amount under 'value'"
            message = "no file says what winning a customer costs"
            yield Problem(document.file, *at.at, "no-cost-of-winning", message, hint)
        else:
            hint = "'linger rules tune' measures it, on a scan or a history, and writes it under 'value'"
            message = f"it was not measured from which value on a customer is among the {name}"
            yield Problem(document.file, *at.at, "no-threshold", message, hint)
        return
    try:
        when.value.bounds(amounts)
    except ValueError:
        message = f"no value is {when.value.words()}: winning a customer costs {winning:f}"
        hint = "write bounds between which there is a value"
        yield Problem(document.file, *at.at, "impossible-bounds", message, hint)


def _personal(document: Document, names: KnownNames) -> Iterator[Problem]:
    for named in names_in_value(value_of(document.root, "value")):
        if (reference := f"{named.type}.{named.attribute}") in names.personal:
            message = f"{reference} is personal, and every action would have what it adds up to"
            hint = "leave it out, or let it not be personal in sources.yaml"
            yield Problem(document.file, *named.node.at, "value-of-personal", message, hint)


def _conditions_on_value(document: Document) -> Iterator[Node]:
    conditions = [definition.condition for definition in definitions_in(document)]
    conditions += [condition for rule in rules_in(document) for condition in conditions_of(rule)]
    for condition in conditions:
        for part in elementary_in(condition):
            if kind_of(part) is Value:
                yield part


def _read(model: Any, content: Any) -> Any:
    """Return the model of a content, None if it is refused."""
    try:
        return model.model_validate(content, by_alias=True, by_name=False)
    except ValidationError:
        return None


# --- codes ------------------------------------------------------------------------------------------------------

_RULE: Final = (
    "  - {{id: valued, title: Valued, when: {{value: {when}}}, action: at-risk, template: a, expires after: 1 day}}\n"
)
_SAID: Final = "value: {revenue: [purchase.amount], within: 365 days}\nrules:\n"

EXPLANATIONS: Final[dict[str, Explanation]] = {
    "no-value": Explanation(
        "Nothing says what a customer is worth",
        "A condition `value` compares what a customer is worth. What adds up to it, over which window, is said once "
        "for all rules, under `value` at the top of one rule file.",
        "rules:\n" + _RULE.format(when="at least 480"),
        _SAID + _RULE.format(when="at least 480"),
    ),
    "no-threshold": Explanation(
        "The top of all customers was not measured",
        "From which value on a customer is among the top 20% is measured once, by `linger rules tune` on a history, "
        "and written under `value`, with the day and the number of customers. It never changes by itself: a customer "
        "does not rise or fall because of others.",
        _SAID + _RULE.format(when="top 20%"),
        "value:\n  revenue: [purchase.amount]\n  within: 365 days\n  tiers:\n    measured: 2026-11-30\n"
        "    customers: 12300\n    from: history\n    thresholds: {20%: 260}\nrules:\n"
        + _RULE.format(when="top 20%"),
    ),
    "no-cost-of-winning": Explanation(
        "Nothing says what winning a customer costs",
        "A condition compares the value with `cost of winning`. Write the amount under `value`.",
        _SAID + _RULE.format(when="less than cost of winning"),
        "value: {revenue: [purchase.amount], cost of winning: 60}\nrules:\n"
        + _RULE.format(when="less than cost of winning"),
    ),
    "impossible-bounds": Explanation(
        "No value is within these bounds",
        "With the amount of `cost of winning` filled in, the lower bound is above the upper one.",
        "value: {revenue: [purchase.amount], cost of winning: 60}\nrules:\n"
        + _RULE.format(when="{at least: 100, less than: cost of winning}"),
        "value: {revenue: [purchase.amount], cost of winning: 60}\nrules:\n"
        + _RULE.format(when="{at least: 10, less than: cost of winning}"),
    ),
    "value-of-personal": Explanation(
        "The value of a customer shows something personal",
        "Every action has the value of the customer. So an attribute that sources.yaml declares personal cannot be "
        "part of it.",
    ),
}
