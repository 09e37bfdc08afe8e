"""Why a rule did not act, or reached so few: sentences, from the document of a preview. Pure."""

from collections.abc import Mapping
from typing import Any

from workers.printing import one_line


def why_so_few(rule: Mapping[str, Any], customers: int) -> list[str]:
    """Return what kept a rule from reaching more customers, nothing if nothing is known to.

    Args:
        rule: of the document.
        customers: how many the history has.
    """
    texts = [_never_words(condition) for condition in _never_held(rule)]
    if rule["suppressed"] and not rule["actions"]:
        texts.append(f"reached no one: each time it held, it was not sent: {why_not_sent(rule)}")
    texts += [entry["text"] for entry in rule["never_occurs"]]
    if rule["conditions"] is not None and len(rule["conditions"]) > 1 and not _never_held(rule):
        each = "; ".join(f"{part['condition']} ({part['held']:,})" for part in rule["conditions"])
        texts.append(f"its conditions never held together; customers for whom each held: {each}")
    if rule["not_observable"]["customers"]:
        texts.append(_unknown_words(rule["not_observable"], customers))
    return list(dict.fromkeys(texts))


def why_not_sent(rule: Mapping[str, Any]) -> str:
    """Return why a rule did not act, with the rules that came first."""
    reasons = with_numbers({name: number for name, number in rule["suppressed"].items() if name != "outranked"})
    if not rule["outranked_by"]:
        return with_numbers(rule["suppressed"])
    by = ", ".join(f"{one_line(other)} {number:,}" for other, number in rule["outranked_by"].items())
    outranked = f"outranked {rule['suppressed']['outranked']:,} (by {by})"
    return f"{reasons}, {outranked}" if reasons else outranked


def with_numbers(reasons: Mapping[str, int]) -> str:
    """Return reasons, each with how often it was one."""
    return ", ".join(f"{reason.replace('_', ' ')} {number:,}" for reason, number in reasons.items())


def customers_words(count: int) -> str:
    """Return a number of customers with the word for them."""
    return f"{count:,} customer" + ("" if count == 1 else "s")


def _never_held(rule: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [condition for condition in rule["conditions"] or () if not condition["held"]]


def _never_words(condition: Mapping[str, Any]) -> str:
    unknown = condition["not_observable"]
    known = f" (not observable for {customers_words(unknown)})" if unknown else ""
    return f"never held for anybody: {condition['condition']}{known}"


def _unknown_words(unknown: Mapping[str, Any], customers: int) -> str:
    text = f"not observable at the end for {unknown['customers']:,} of {customers_words(customers)}"
    first, last = unknown["known_from"], unknown["all_known_from"]
    if first is not None:
        text += f", known from {first} on" if first == last else f", known from {first} to {last} on"
    if (untold := unknown["until_an_event"]) and untold == unknown["customers"]:
        text += ": no event of theirs shows it"
    elif untold:
        text += f"; of {untold:,} no event shows it"
    return text
