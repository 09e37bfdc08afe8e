"""A customer as numbers: made for some facts or rules, and shown whole."""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec.structs import astuple

from workers.core.customer.candidate import Candidate
from workers.core.customer.customer import Customer
from workers.core.customer.episode import Episode
from workers.core.customer.folding import TypeFolding
from workers.core.customer.names import GroupOf3, NamedRule, Names
from workers.core.customer.series import Series
from workers.core.customer.specs import EventTypeSpec
from workers.core.rules.rule_set import RuleSet


def customer_of(facts: Mapping[str, EventTypeSpec], rules: int = 0, groups: int = 3, most: int = 4) -> Customer:
    """Return a customer who has room for these facts, with all series in the order of their keys.

    Args:
        facts: by event type.
        rules, groups, most: how many rules and groups there are, and the most conditions of a rule.
    """
    specs = sorted((one for spec in facts.values() for one in spec.series), key=lambda one: one.key)
    return Customer(specs, rules, groups, most)


def foldings_of(
    customer: Customer, facts: Mapping[str, EventTypeSpec], references: Mapping[str, Sequence[str]]
) -> dict[str, TypeFolding]:
    """Return by event type what folds its events."""
    return {name: TypeFolding(customer, spec, references.get(name, ())) for name, spec in facts.items()}


def series_told(series: Series) -> dict[str, Any]:
    """Return a series by name."""
    days, values = series.days.read(), series.values.read()
    return {
        "first": series.first_ms,
        "last": series.last_ms,
        "total": series.total,
        "sum": series.total_sum,
        "active": series.active_days,
        "gone": series.gone_day,
        "days": [day for day, _, _ in days],
        "counts": [count for _, count, _ in days],
        "sums": [total for _, _, total in days] if series.has_sum else [],
        "values": [value for _, value, _ in values],
        "value days": [day for day, _, _ in values],
        "seen": [(value, list(days)) for value, days in series.seen],
    }


def all_series(customer: Customer) -> dict[str, Series]:
    """Return by key every series that has an event of the customer."""
    return {one.key: one for one in customer.series if one.is_present} | customer.other_series


def shown(customer: Customer) -> dict[str, Any]:
    """Return everything that folding changes, by name."""
    return {
        "first": customer.first_ms,
        "at": customer.at_ms,
        "seen": [one.to_bytes(6, "little") for one in customer.read_seen()],
        "series": {key: series_told(one) for key, one in all_series(customer).items()},
        "attributes": customer.attributes,
        "pairs": customer.pairs,
        "latest": customer.latest,
        "floors": customer.floors,
    }


def told_whole(customer: Customer) -> dict[str, Any]:
    """Return everything that is stored of a customer."""
    return shown(customer) | {
        "fired": customer.fired_ms,
        "due": customer.due_ms,
        "generation": customer.generation,
        "acted": customer.acted,
        "episodes": [episode_told(one) for one in customer.episodes],
        "other episodes": {code: episode_told(one) for code, one in customer.other_episodes.items()},
        "candidates": [candidate_told(customer.candidates[place]) for place in range(customer.waiting)],
        "flips": customer.read_flips() if customer.flips_known else None,
    }


def episode_told(episode: Episode) -> dict[str, Any] | None:
    """Return the state of a rule, None if nothing is remembered."""
    if not episode.is_present:
        return None
    return {
        "start": episode.start_ms,
        "holding": episode.holding,
        "acted": episode.acted_ms,
        "before": episode.before_ms,
        "open": episode.open_until_ms,
        "pending": episode.pending_ms,
        "true since": episode.true_since_ms,
        "held": list(episode.held),
        "stood": list(episode.stood),
    }


def candidate_told(candidate: Candidate) -> dict[str, Any]:
    """Return an action that waits; the zeros at the end of its evidence are no part of it."""
    numbers, back = candidate.evidence.read(), candidate.evidence_back.read()
    for one in (numbers, back):
        while one and not one[-1]:
            one.pop()
    return {
        "rule": candidate.rule,
        "former": candidate.former,
        "start": candidate.start_ms,
        "withdrawn": candidate.withdrawn_ms,
        "doubted": candidate.doubted_ms,
        "because": candidate.because,
        "evidence": numbers,
        "values": candidate.evidence.values,
        "evidence back": back,
        "values back": candidate.evidence_back.values,
        "variables": candidate.variables,
        "known": candidate.known,
        "worded": None if candidate.worded is None else astuple(candidate.worded),
    }


def named(customer: Customer, rules: RuleSet, groups: Sequence[int] = ()) -> Names:
    """Return the names of a rule set for its customer; `groups` are the places of its rules' groups, else all 0."""
    place = {rule.id: number for number, rule in enumerate(rules.rules)}
    return Names(
        customer,
        rules.generation,
        [
            NamedRule(rule.id, rule.version, groups[number] if groups else 0)
            for number, rule in enumerate(rules.rules)
        ],
        [
            GroupOf3(name, tuple(place[rule.id] for rule in group), rules.requires[name])
            for name, group in rules.groups.items()
        ],
    )
