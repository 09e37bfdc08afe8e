"""Explains what is no template variable: neither an attribute nor a measurement."""

import re
from typing import Final

from pydantic import ValidationError

from schemas.variables import MEASUREMENTS
from workers.rule_files import suggestions
from workers.rule_files.error_locations import ErrorLocation, Instead, ProblemText, in_words, odd_key_hint
from workers.rule_files.hints.likeness import form_of
from workers.rule_files.problems import shortened
from workers.rule_files.yaml_nodes import MapNode, ScalarNode

_EITHER: Final = "an attribute such as 'purchase.amount', or a measurement such as {sum: purchase.amount}"
_KINDS: Final = f"it begins with one of {', '.join(MEASUREMENTS)}"
_IN_TEXT: Final = re.compile(rf"({'|'.join(MEASUREMENTS)})\s*(?:of|:)?\s+(\S+)", re.IGNORECASE)


GOES_WITH_EVERY_ACTION: Final = {
    **dict.fromkeys(
        ("value", "clv", "ltv", "tier", "value.amount", "value.tier", "customer value", "lifetime value"),
        "the value goes with every action already, as 'value', if a file says what a customer is worth; a sum of "
        "your own is written as {sum: purchase.amount, within: 365 days}",
    ),
    **dict.fromkeys(
        ("stage", "step", "stage.name"), "the stage goes with every action already, as 'stage', if a ladder is live"
    ),
}
"""What people write as a variable, and every action has."""


def no_variable(location: ErrorLocation) -> ProblemText:
    """Explain a node that should be a template variable."""
    node = location.node
    if isinstance(node, MapNode) and node.entries:
        return _no_measurement(node)
    message = f"expected {_EITHER}, found {in_words(node)}"
    fixed = "a fixed value is the same for all customers: the template can have it, or write it under 'labels'"
    return ProblemText("unknown-kind", message, fixed if isinstance(node, ScalarNode) else _KINDS)


def _no_measurement(node: MapNode) -> ProblemText:
    first, (key_node, _) = next(iter(node.entries.items()))
    if (always := GOES_WITH_EVERY_ACTION.get(form_of(first))) is not None:
        return ProblemText("unknown-kind", f"'{shortened(first)}' is no measurement", always, key_node.at)
    if (meant := suggestions.meant_key(first, list(MEASUREMENTS))) is not None:
        message, hint = f"'{shortened(first)}' is no measurement", odd_key_hint(first) or f"did you mean '{meant}'?"
        return ProblemText("unknown-kind", message, hint, key_node.at, Instead(first, meant), _KINDS)
    return ProblemText("unknown-kind", f"expected a measurement: {_KINDS}", odd_key_hint(first), key_node.at)


def measurement_in(written: str) -> str | None:
    """Return a measurement that was written as one text, such as `sum of purchase.amount`, as it must be written."""
    match = _IN_TEXT.fullmatch(written.strip())
    if match is None:
        return None
    measurement = {match[1].lower(): match[2]}
    try:
        MEASUREMENTS[match[1].lower()].model_validate(measurement)
    except ValidationError:
        return None
    return f"{{{match[1].lower()}: {match[2]}}}"
