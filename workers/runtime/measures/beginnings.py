"""Counters that exist at zero before anything is counted, so that Prometheus sees their first increase.

Labels that senders choose (attributes, answers) have only the series of all others from the start.
"""

from itertools import permutations
from typing import Final, get_args

from schemas.actions import Suppression
from schemas.requests import INVALID_REQUEST
from schemas.sources import NO_CASE, ONLY_WHEN, TOMBSTONE, SourcesFile
from workers.core.rules.rule_set import RuleSet
from workers.observability import metrics
from workers.observability.bounded_labels import OTHERS

DEAD_LETTER_REASONS: Final = (
    "bad_text",
    "beyond_64_bits",
    "empty",
    "find_failed",
    "fold_failed",
    "fractional_minor_amount",
    "future_time",
    "impossible_amount",
    "impossible_field",
    "impossible_id",
    "impossible_text",
    "impossible_time",
    "invalid_order",
    "invalid_request",
    "missing_field",
    "naive_time",
    "negative_amount",
    "no_schema_id",
    "no_such_item",
    "not_a_row",
    "not_an_object",
    "not_base64",
    "not_cloudevents",
    "not_debezium",
    "not_finite",
    "not_finite_amount",
    "not_flat",
    "not_json",
    "not_snowplow",
    "too_deep",
    "too_large",
    "too_many_items",
    "undecodable",
    "unexpected_type",
    "unknown_decimals",
    "unknown_schema",
    "unknown_type",
    "wrong_key",
    "wrong_partition",
)
"""Why a record cannot be read; a case of a source may have a reason of its own."""


def begin_sources(sources: SourcesFile) -> None:
    """Begin the counters of every source that is read.

    Args:
        sources: one for each topic.
    """
    for source in sources.sources:
        topic = source.topic
        for counter in (
            metrics.RECORDS_READ,
            metrics.RECORDS_LOST,
            metrics.RECORDS_SKIPPED,
            metrics.TOMBSTONES,
        ):
            counter.labels(topic)
        own = source.every_case()
        names = source.types() if source.format == "canonical" else [case.label() for case in own]
        for case in (*names, NO_CASE, ONLY_WHEN, TOMBSTONE):
            metrics.SOURCE_RECORDS.labels(topic, case)
        refuses = (case.refuse for case in own if case.refuse)
        for reason in (*DEAD_LETTER_REASONS, *refuses):
            metrics.DEAD_LETTERS.labels(topic, reason)
        metrics.VALUES_LEFT_OUT.labels(topic, OTHERS, "not_flat")
        for event_type in source.types():
            metrics.UNKNOWN_FIELDS.labels(event_type)


def begin_activity(topic: str) -> None:
    """Begin the counters of the activity topic."""
    for reason in DEAD_LETTER_REASONS:
        metrics.DEAD_LETTERS.labels(topic, reason)


def begin_requests(topic: str) -> None:
    """Begin the counters of the topic of requests."""
    for reason in (INVALID_REQUEST, "future_time"):
        metrics.DEAD_LETTERS.labels(topic, reason)


def begin_rules(rules: RuleSet) -> None:
    """Begin the counters of every rule, of every arm, and of the moves on the live ladder."""
    for rule in rules.rules:
        for status in ("active", "retracted"):
            metrics.ACTIONS.labels(rule.action, rule.id, status)
        for decision in get_args(Suppression):
            metrics.SUPPRESSED.labels(rule.id, decision)
    for experiment in rules.experiments:
        for arm in experiment.arms.names():
            metrics.EXPERIMENT_CUSTOMERS.labels(experiment.name, arm)
    if rules.ladder is not None:
        for came_from, stage in permutations(rules.ladder.stages, 2):
            metrics.STAGE_MOVES.labels(came_from, stage)
